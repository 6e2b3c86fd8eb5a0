//! A replica applies what its master sends: the commands of the stream run in the name of a client that is the master.

use alloc::{boxed::Box, string::String};

use crate::{
    io::Endpoint,
    replication::stream::Next,
    resp::Args,
    server::Server,
    session::{Client, ClientKind},
    time::Instant,
    trace::{WriteSource, replication_facts::LinkFact},
    turn::Turn,
};

impl Server {
    /// The master as a client of this node, while its stream comes.
    pub(crate) fn master_client(&self) -> Option<&Client> {
        self.master_client.as_deref()
    }

    /// The stream begins.
    pub(super) fn make_master_client(&mut self, now: Instant) {
        let (Some(stream), Some(master)) = (self.replication.stream(), self.replication.master())
        else {
            return;
        };
        let id = self.clients.new_id();
        let mut client = Client::new(stream.conn, id, master.clone(), Endpoint::default(), now);
        client.kind = ClientKind::Master;
        client.session.db = stream.db.unwrap_or(0);
        self.master_client = Some(Box::new(client));
    }

    /// Run every command of the stream that is complete. Its bytes count, and go on to replicas of this node, when it
    /// has run; those of a transaction when all of it has.
    pub(super) fn run_stream(&mut self, turn: &mut Turn) {
        let Some(mut client) = self.master_client.take() else { return };
        let Some(mut input) = self.replication.take_stream_input() else { return };
        let is_corrupt = loop {
            match input.next() {
                Next::Command(args) => self.apply(turn, &mut client, args),
                Next::Nothing => {}
                Next::Incomplete => break false,
                Next::Corrupt => break true,
            }
            if client.session.multi.is_none() {
                let counted = input.count();
                let is_new = !counted.is_empty();
                self.replication.append(counted);
                if is_new {
                    self.note_write(turn, WriteSource::Master);
                }
            }
        };
        let (conn, db) = (client.conn, client.session.db);
        if self.replication.put_stream_input_back(turn, conn, input, db) {
            self.master_client = Some(client);
            if is_corrupt {
                self.replication.stream_is_corrupt(turn);
            }
        }
    }

    /// One command of the stream: no reply goes back, an error is logged.
    fn apply(&mut self, turn: &mut Turn, client: &mut Client, args: Args<'_>) {
        client.net.last_seen = turn.clock.mono;
        self.run(turn, client, args);
        if let Some(error) = client.output.bytes.strip_prefix(b"-") {
            let fact = LinkFact::CommandFailed {
                error: String::from_utf8_lossy(error).trim_end().into(),
                command: String::from_utf8_lossy(args.at(0)).to_ascii_lowercase(),
            };
            turn.note(fact);
        }
        client.output.bytes.clear();
        client.output.held_until = None;
    }
}
