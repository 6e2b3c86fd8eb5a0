//! From bytes to a reply: decoding, admission, the call, and what follows it.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{Client, CloseIntent, Node};
use crate::{
    command::{Command, Ctx, Outcome},
    io::{ConnId, Effect, Effects, Endpoint},
    refusal::Refusal,
    resp::{Args, Decoded, Reply, RequestDecoder, decode::Limits},
    time::Time,
    trace::ServerFact,
};

impl Node {
    pub(super) fn accept(
        &mut self,
        now: Time,
        conn: ConnId,
        peer: Endpoint,
        local: Endpoint,
        fx: &mut Effects,
    ) {
        self.note(now, ServerFact::Accepted { peer: format!("{peer}") }, fx);
        let id = self.clients.new_id();
        self.clients.insert(Client::new(conn, id, peer, local, now));
    }

    /// Bytes from a client: run every request that is complete.
    pub(super) fn receive(&mut self, now: Time, conn: ConnId, bytes: &[u8], fx: &mut Effects) {
        let Some(mut client) = self.clients.take(conn) else { return };
        client.last_seen = now;
        if client.input.is_empty() {
            let used = self.run_requests(now, &mut client, bytes, fx);
            client.input.extend_from_slice(&bytes[used..]);
        } else {
            let mut input = core::mem::take(&mut client.input);
            input.extend_from_slice(bytes);
            let used = self.run_requests(now, &mut client, &input, fx);
            input.drain(..used);
            client.input = input;
        }
        self.settle(client, fx);
    }

    /// Run the complete requests at the beginning of `buf`; returns how many bytes they took.
    fn run_requests(
        &mut self,
        now: Time,
        client: &mut Client,
        buf: &[u8],
        fx: &mut Effects,
    ) -> usize {
        let mut decoder: RequestDecoder = core::mem::take(&mut client.decoder);
        let mut at = 0;
        while client.close == CloseIntent::No {
            let limits = Limits { max_bulk: 512 << 20, unauthenticated: !client.authenticated };
            match decoder.decode(&buf[at..], limits) {
                Ok(Decoded::Request { args, used }) => {
                    self.run(now, client, args, fx);
                    at += used;
                }
                Ok(Decoded::Empty { used }) => at += used,
                Ok(Decoded::Incomplete) => break,
                Err(error) => {
                    Reply::new(&mut client.out, client.protocol)
                        .error(&format!("ERR Protocol error: {}", error.0));
                    client.close = CloseIntent::AfterReply;
                    at = buf.len();
                    let what = error.0;
                    self.note(now, ServerFact::ProtocolError { what, client: String::new() }, fx);
                }
            }
        }
        client.decoder = decoder;
        at
    }

    /// One request of a client: look it up, admit it, run it, write its error if it has one.
    fn run(&mut self, now: Time, client: &mut Client, args: Args<'_>, fx: &mut Effects) {
        client.commands += 1;
        let outcome = self
            .find(args)
            .and_then(|row| self.admit(client, row, args).map(|()| row))
            .and_then(|row| self.call(now, client, row, args, fx));
        if let Err(refusal) = outcome {
            Reply::new(&mut client.out, client.protocol).error(&format!("{refusal}"));
        }
    }

    /// The row for this request: the command, or its subcommand.
    fn find(&self, args: Args<'_>) -> Result<&'static Command, Refusal> {
        let row = self.commands.lookup(args.at(0)).ok_or_else(|| unknown_command(args))?;
        let row = match args.get(1) {
            Some(name) if !row.subcommands.is_empty() => row.subcommand(name).ok_or_else(|| {
                Refusal::UnknownSubcommand { name: shortened(name, 128), command: row.name }
            })?,
            _ => row,
        };
        if row.takes(args.len()) { Ok(row) } else { Err(Refusal::Arity(row.name.into())) }
    }

    /// Whether this client may run this command now. The order of the checks is Redis's.
    fn admit(&self, client: &Client, row: &Command, _args: Args<'_>) -> Outcome {
        if !client.authenticated && !row.is(crate::command::Flag::NoAuth) {
            return Err(Refusal::NoAuth);
        }
        Ok(())
    }

    /// Run a command that is admitted, and gather what it leaves behind. EXEC calls this for each command of its queue.
    pub(crate) fn call(
        &mut self,
        now: Time,
        client: &mut Client,
        row: &'static Command,
        args: Args<'_>,
        fx: &mut Effects,
    ) -> Outcome {
        let dirty = self.dirty;
        let outer_own = self.propagation.take_own();
        self.propagation.depth += 1;
        let outcome = (row.run)(&mut Ctx { node: self, client, now, fx }, args);
        self.propagation.depth -= 1;
        let spoke = self.propagation.take_own();
        if self.dirty != dirty && !spoke {
            self.propagation.also(client.db, args.iter());
        }
        if outer_own {
            self.propagation.suppress();
        }
        client.last_command = Some(row);
        if self.propagation.depth == 0 && !self.propagation.is_empty() {
            self.flush_propagation(now, fx);
            client.held_until = self.persistence.gate();
        }
        outcome
    }

    /// A client's requests are through: let its replies go if they may, close it if it is to be closed, put it back.
    pub(crate) fn settle(&mut self, mut client: Box<Client>, fx: &mut Effects) {
        if client.held_until.is_some_and(|until| !self.persistence.has_reached(until)) {
            self.clients.put_back(client);
            return;
        }
        client.held_until = None;
        if !client.out.is_empty() {
            fx.send_all(client.conn, &mut client.out);
        }
        match client.close {
            CloseIntent::AfterReply => {
                self.clients.remove(client.conn);
                fx.push(Effect::Close { conn: client.conn });
            }
            CloseIntent::No => {
                self.clients.put_back(client);
            }
        }
    }

    pub(super) fn unsent(&mut self, conn: ConnId, bytes: u64) {
        if let Some(client) = self.clients.get_mut(conn) {
            client.unsent = bytes;
        }
    }

    pub(super) fn closed(&mut self, _now: Time, conn: ConnId, _fx: &mut Effects) {
        self.clients.remove(conn);
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
