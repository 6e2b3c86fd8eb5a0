//! From bytes to a reply: decoding, admission, the call, and what follows it.
//!
//! ```text
//!   receive ─▶ run_requests ─▶ run ─▶ find ─▶ admit ─▶ (queue) ─▶ call ─▶ flush_propagation ─▶ settle
//!                  ▲                                                                             │
//!                  └────────────── run queue ◀── the block has ended ◀──── blocked ─────────────────┘
//! ```
//!
//! This is the hot path: a GET or SET allocates nothing here but what is stored. Most of the time of a pipelined request
//! (`examples/pipeline.rs`) is waiting for memory in the table, therefore the entries of the next sixteen requests are
//! read ahead together. Three other things were worth their lines: a client that repeats its command skips the index of
//! commands, changes are encoded only when an AOF or a backlog listens, and statistics are found by one comparison with
//! the latest command's.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Command, Ctx, Server,
    admission::{PROTECTED, is_local},
    cross_protocol::CrossProtocolGuard,
};
use crate::{
    io::{ConnId, Effect, Endpoint},
    keyspace,
    refusal::{Outcome, Refusal},
    resp::{
        Args, Decoded, RequestDecoder, ahead::first_arguments, decode::Limits, decode::OwnedArgs,
    },
    session::{Client, ClientKind, CloseIntent, Replies},
    spec::Flag,
    trace::{OverLimit, ServerFact, WriteFact, WriteSource},
    turn::Turn,
};

/// How many requests of clients whose wait has ended are run in one step, so that other clients get their turn.
const REQUESTS_A_STEP: usize = 1000;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It was answered, or will be.
    Done,
    /// It was not looked at: clients are paused. It stays at the beginning of the input.
    Postponed,
}

impl Server {
    pub(crate) fn accept(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        peer: Endpoint,
        local: Endpoint,
    ) {
        turn.note(ServerFact::Accepted { peer: format!("{peer}") });
        if self.clients.len() as u64 >= u64::from(turn.config.network.maxclients) {
            self.stats.rejected_connections += 1;
            turn.fx.output(conn).extend_from_slice(b"-ERR max number of clients reached\r\n");
            turn.fx.push(Effect::Close { conn });
            return;
        }
        let open = turn.config.general.requirepass.is_none();
        if turn.config.network.protected_mode && open && !is_local(&peer) {
            self.stats.rejected_connections += 1;
            turn.fx.output(conn).extend_from_slice(PROTECTED);
            turn.fx.push(Effect::Close { conn });
            return;
        }
        self.stats.connections_received += 1;
        let id = self.clients.new_id();
        let mut client = Client::new(conn, id, peer, local, turn.clock.mono);
        client.session.authenticated = turn.config.general.requirepass.is_none();
        self.clients.insert(client);
    }

    /// Bytes from a client: run every request that is complete.
    pub(crate) fn receive(&mut self, turn: &mut Turn, conn: ConnId, bytes: &[u8]) {
        let Some(mut client) = self.clients.take(conn) else { return };
        client.net.last_seen = turn.clock.mono;
        self.stats.reads_processed += 1;
        self.stats.net_input_bytes += bytes.len() as u64;
        let mut budget = usize::MAX;
        if client.must_wait() {
            client.input.extend(bytes);
        } else if client.input.is_empty() {
            let used = self.run_requests(turn, &mut client, bytes, &mut budget);
            client.input.extend(&bytes[used..]);
        } else {
            client.input.extend(bytes);
            self.run_input(turn, &mut client, &mut budget);
        }
        if client.input.len() as u64 > turn.config.network.client_query_buffer_limit {
            client.net.close = CloseIntent::Now;
            let client = self.describe(&client, turn.clock.mono);
            turn.note(ServerFact::QueryBufferFull { client });
        }
        self.settle(turn, client);
    }

    /// Run what waits in a client's input.
    fn run_input(&mut self, turn: &mut Turn, client: &mut Client, budget: &mut usize) {
        let input = client.input.take();
        let used = self.run_requests(turn, client, input.bytes(), budget);
        client.input.put_back(input, used);
    }

    /// Run the requests of clients whose wait has ended, one client after the other. What a request makes runnable is
    /// put at the end of the same queue, so clients that free each other cost a place in a queue and no stack; what is
    /// beyond the budget of a step goes on in the next turn ([`Node::has_more`](crate::node::Node::has_more)).
    pub(crate) fn run_ready(&mut self, turn: &mut Turn) {
        let mut budget = REQUESTS_A_STEP;
        while budget > 0 && self.phase().runs_commands() {
            let Some(mut client) = self.clients.take_ready() else { return };
            budget -= 1;
            self.run_input(turn, &mut client, &mut budget);
            self.settle(turn, client);
        }
    }

    /// Run the complete requests at the beginning of `buf`, `budget` of them at most; returns how many bytes they took.
    fn run_requests(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        buf: &[u8],
        budget: &mut usize,
    ) -> usize {
        let mut decoder: RequestDecoder = core::mem::take(&mut client.input.decoder);
        let max_bulk = turn.config.network.proto_max_bulk_len;
        let mut at = 0;
        let mut warmed = 1;
        client.input.reading = buf.len();
        self.measures.go_on(turn.clock.mono);
        while client.net.close == CloseIntent::No && client.blocked().is_none() && at < buf.len() {
            if *budget == 0 || !self.phase().runs_commands() {
                self.clients.make_ready(client);
                break;
            }
            if warmed == 0 {
                warmed = self.warm_ahead(client, &buf[at..]);
            }
            warmed -= 1;
            let limits = Limits { max_bulk, unauthenticated: !client.session.authenticated };
            match decoder.decode(&buf[at..], limits) {
                Ok(Decoded::Request { args, used }) => match self.run(turn, client, args) {
                    Ran::Done => at += used,
                    Ran::Postponed => break,
                },
                Ok(Decoded::Empty { used }) => at += used,
                Ok(Decoded::Incomplete) => break,
                Err(error) => {
                    client.reply().error(&format!("ERR Protocol error: {}", error.0));
                    client.net.close = CloseIntent::AfterReply;
                    at = buf.len();
                    let client = self.describe(client, turn.clock.mono);
                    turn.note(ServerFact::ProtocolError { what: error.0, client });
                }
            }
            *budget -= 1;
        }
        client.input.decoder = decoder;
        client.input.reading = 0;
        at
    }

    /// Read ahead what the next requests of a pipeline will probably look up; returns how many requests that is, at
    /// least one. Nothing is read ahead of a single request, where nothing could be waited for together.
    fn warm_ahead(&self, client: &Client, buf: &[u8]) -> usize {
        let db = self.keyspace.db(client.session.db as usize);
        if !db.is_worth_warming() {
            return keyspace::BATCH;
        }
        let (keys, requests) = first_arguments(buf);
        if requests > 1 {
            db.table().warm(&keys);
        }
        requests.max(1)
    }

    /// One request of a client: look it up, admit it, run it, write its error if it has one.
    pub(crate) fn run(&mut self, turn: &mut Turn, client: &mut Client, args: Args<'_>) -> Ran {
        let before = client.output.bytes.len();
        let repeated = client.session.last_command.map(|id| self.commands.get(id));
        let repeated = repeated.filter(|row| row.is_simply(args));
        let repeated = repeated.filter(|_| !self.commands.has_renamed());
        if repeated.is_none() && CrossProtocolGuard::is_foreign(args) {
            self.cross_protocol.close(turn, client);
            return Ran::Done;
        }
        let outcome = match repeated.map_or_else(|| self.find(args), Ok) {
            Ok(row) => {
                client.session.last_command = Some(row.id);
                if self.is_paused(turn.clock.mono, client, row)
                    && self.admit(turn, client, row).is_ok()
                {
                    self.clients.postpone(client);
                    return Ran::Postponed;
                }
                self.run_row(turn, client, row, args)
            }
            Err(refusal) if self.runs_queue(args) => Err(self.abort_exec(client, &refusal)),
            Err(refusal) => {
                client.abort_multi();
                Err(refusal)
            }
        };
        client.session.commands += 1;
        if let Err(refusal) = outcome {
            self.refuse(client, &refusal);
        }
        self.mute(client, before);
        Ran::Done
    }

    /// Run a command, or put it into the client's transaction, if it is admitted.
    fn run_row(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        row: &'static Command,
        args: Args<'_>,
    ) -> Outcome {
        if turn.config.memory.maxmemory > 0 {
            self.make_room(turn, Some(client));
        }
        if let Err(refusal) = self.admit(turn, client, row) {
            self.command_stats.rejected(row);
            if row.is(Flag::RunsQueue) {
                return Err(self.abort_exec(client, &refusal));
            }
            client.abort_multi();
            return Err(refusal);
        }
        if client.session.multi.is_some() && !row.is(Flag::RunsInMulti) {
            self.enqueue(client, row, args);
            return Ok(());
        }
        self.call(turn, client, row, args)
    }

    /// Whether the request names EXEC, with whatever number of arguments.
    fn runs_queue(&self, args: Args<'_>) -> bool {
        self.commands.lookup(args.at(0)).is_some_and(|row| row.is(Flag::RunsQueue))
    }

    /// EXEC itself was refused: the transaction is gone.
    fn abort_exec(&mut self, client: &mut Client, refusal: &Refusal) -> Refusal {
        self.watches.forget(client.conn);
        client.session.multi = None;
        let why = format!("{refusal}");
        let why = why.strip_prefix("ERR ").unwrap_or(&why);
        Refusal::Custom(format!("EXECABORT Transaction discarded because of: {why}"))
    }

    /// Write an error, and count it.
    pub(crate) fn refuse(&mut self, client: &mut Client, refusal: &Refusal) {
        let text = format!("{refusal}");
        self.stats.error_replies += 1;
        self.error_stats.count(&text);
        client.reply().error(&text);
    }

    /// Take back a reply that this client does not want.
    fn mute(&mut self, client: &mut Client, before: usize) {
        match client.session.replies {
            Replies::On if client.kind == ClientKind::Normal => {}
            Replies::On if client.kind == ClientKind::Replica => {}
            // The stream's reader logs the errors.
            Replies::On if client.kind == ClientKind::Master => {}
            Replies::On | Replies::Off => client.output.take_back(before),
            Replies::SkipNext => {
                client.output.pushed.clear();
                client.session.replies = Replies::Skip;
            }
            Replies::Skip => {
                client.output.take_back(before);
                client.session.replies = Replies::On;
            }
        }
    }

    /// The row for this request: the command, or its subcommand.
    pub(crate) fn find(&mut self, args: Args<'_>) -> Result<&'static Command, Refusal> {
        let row = self.commands.lookup(args.at(0)).ok_or_else(|| unknown_command(args))?;
        let row = match args.get(1) {
            Some(name) if !row.subcommands().is_empty() => {
                row.subcommand(name).ok_or_else(|| Refusal::UnknownSubcommand {
                    name: shortened(name, 128),
                    command: row.name,
                })?
            }
            _ => row,
        };
        if row.takes(args.len()) {
            Ok(row)
        } else {
            self.command_stats.rejected(row);
            Err(Refusal::Arity(format!("{}", row.full_name())))
        }
    }

    /// Put a command into the client's transaction.
    fn enqueue(&mut self, client: &mut Client, row: &'static Command, args: Args<'_>) {
        if let Some(multi) = &mut client.session.multi {
            multi.push(row.id, OwnedArgs::collect(args.iter()));
        }
        client.reply().simple("QUEUED");
    }

    /// Run a command that is admitted, and gather what it leaves behind. EXEC calls this for each command of its queue.
    pub(crate) fn call(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        row: &'static Command,
        args: Args<'_>,
    ) -> Outcome {
        if client.kind == ClientKind::Master || client.kind == ClientKind::Loader {
            self.measures.begin();
        }
        let begun = self.measures.mark();
        let dirty = self.dirty;
        let outer_own = self.propagation.take_own();
        self.propagation.depth += 1;
        let outcome = (row.run)(&mut Ctx { server: self, client, turn }, args);
        self.propagation.depth -= 1;
        let spoke = self.propagation.take_own();
        // After the fact, as in Redis: SELECT shows the new database, and RESET ends a MONITOR unseen.
        if !self.monitors.is_empty() {
            self.show_to_monitors(turn, client, row, args);
        }
        if self.dirty != dirty && !spoke && (self.has_listeners() || turn.fx.detailed) {
            self.propagation.also(client.session.db, args.iter());
        }
        if outer_own {
            self.propagation.suppress();
        }
        self.stats.commands_processed += 1;
        self.measure(turn, client, row, args, (begun, outcome.is_err()));
        if !self.tracking.is_off() {
            self.track(turn, client, row, args);
        }
        if self.propagation.depth == 0 && !self.propagation.is_empty() {
            self.propagation.one_by_one = row.is(Flag::TouchesArbitraryKeys);
            // What expires when it is read changes data as well, but is no write of this client's.
            let writes =
                self.propagation.is_for_aof() && (row.is(Flag::Write) || self.dirty != dirty);
            self.flush_propagation(turn);
            if let Some(gate) = self.persistence.gate() {
                client.output.hold(gate);
            }
            if writes && client.kind == ClientKind::Normal {
                let command = client.session.commands + 1;
                self.note_write(turn, WriteSource::Client { conn: client.conn, command });
            }
        }
        if self.propagation.depth == 0 {
            client.session.last_write_offset = self.replication.offset;
            if !self.at_unit_end.is_empty() {
                self.end_unit(turn);
            }
        }
        outcome
    }

    /// Whether changes are to be encoded at all: there is an AOF, or a replica.
    fn has_listeners(&self) -> bool {
        self.persistence.listens() || self.replication.listens()
    }

    /// State where the latest write stands in the streams, if that is wanted.
    pub(crate) fn note_write(&self, turn: &mut Turn, from: WriteSource) {
        if turn.fx.detailed {
            let replication_end = self.replication.offset;
            turn.note(WriteFact { from, replication_end, aof_end: self.persistence.collected() });
        }
    }

    /// A client's requests are through: let its replies go if they may, close it if it is to be closed, check it in.
    pub(crate) fn settle(&mut self, turn: &mut Turn, mut client: Box<Client>) {
        if client.net.close == CloseIntent::Now {
            return self.drop_client(turn, client);
        }
        let held_until = client.output.held_until;
        if let Some(until) = held_until.filter(|until| !self.persistence.has_reached(*until)) {
            self.persistence.hold(until, client.conn);
            return self.check_in(client);
        }
        client.output.held_until = None;
        if self.exceeds_hard_limit(turn, &client) {
            // Nothing of it is sent, not even the beginning.
            let shown = self.describe(&client, turn.clock.mono);
            let when = OverLimit::OnOutput;
            turn.note(ServerFact::OutputBufferFull { client: shown, when });
            return self.drop_client(turn, client);
        }
        if !client.output.bytes.is_empty() {
            self.stats.net_output_bytes += client.output.bytes.len() as u64;
            self.stats.writes_processed += 1;
            turn.fx.send_all(client.conn, &mut client.output.bytes);
        }
        match client.net.close {
            CloseIntent::AfterReply if client.blocked().is_none() => self.drop_client(turn, client),
            _ => self.check_in(client),
        }
    }

    /// [`Server::settle`] for a client that is not checked out.
    pub(crate) fn settle_conn(&mut self, turn: &mut Turn, conn: ConnId) {
        if let Some(client) = self.clients.take(conn) {
            self.settle(turn, client);
        }
    }

    /// Put a client back into the table. Its own command may have removed it: REPLICAOF sent by a replica.
    pub(crate) fn check_in(&mut self, client: Box<Client>) {
        if let Some(removed) = self.clients.put_back(client) {
            self.forget(removed);
        }
    }

    /// The node ends a connection.
    pub(crate) fn drop_client(&mut self, turn: &mut Turn, client: Box<Client>) {
        let conn = client.conn;
        self.forget(client);
        turn.fx.push(Effect::Close { conn });
    }

    /// A client is gone: nothing refers to it any more.
    fn forget(&mut self, mut client: Box<Client>) {
        self.clients.remove(&mut client);
        self.pubsub.forget(&mut client);
        self.tracking.disable(&mut client);
        self.watches.forget(client.conn);
        self.monitors.remove(&client.conn);
        self.replication.ended.push(client.conn);
    }

    pub(crate) fn unsent(&mut self, turn: &mut Turn, conn: ConnId, bytes: u64) {
        if self.clients.get(conn).is_some() {
            self.clients.set_unsent(conn, bytes);
            self.check_output_limit(turn, conn, OverLimit::OnOutput);
            self.replication.replica_unsent(turn, conn, bytes);
        }
    }

    pub(crate) fn closed(&mut self, turn: &mut Turn, conn: ConnId) {
        if let Some(client) = self.clients.take(conn) {
            turn.note(ServerFact::ClientClosed);
            self.forget(client);
        }
    }
}

/// Redis shows the name and the beginning of the arguments, 128 bytes of each at the most.
fn unknown_command(args: Args<'_>) -> Refusal {
    let mut shown: Vec<u8> = Vec::new();
    for arg in args.iter().skip(1) {
        let room = 128usize.saturating_sub(shown.len());
        if room == 0 {
            break;
        }
        shown.push(b'\'');
        shown.extend_from_slice(&arg[..arg.len().min(room)]);
        shown.extend_from_slice(b"' ");
    }
    Refusal::UnknownCommand {
        name: shortened(args.at(0), 128),
        args: String::from_utf8_lossy(&shown).into_owned(),
    }
}

fn shortened(text: &[u8], most: usize) -> String {
    String::from_utf8_lossy(&text[..text.len().min(most)]).into_owned()
}
