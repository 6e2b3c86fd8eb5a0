//! Reading a data set straight from the socket (`repl-diskless-load`): no file, and the old data may stay meanwhile.
//!
//! ```text
//!   swapdb         socket ─▶ keyspace aside ─▶ whole? ─▶ the two change places      broken: the old data are still there
//!   on-empty-db    socket ─▶ the keyspace, which is empty                           broken: it is empty again
//! ```
//!
//! With `swapdb` both data sets are in memory for a while. If the old one is an earlier moment of the very history that
//! is coming, it is served meanwhile (`async_loading`); else clients get LOADING.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{
    Link, LinkState,
    link::Transfer,
    load::Rests,
    payload::{Payload, Step},
};
use crate::{
    config::DisklessLoad,
    io::{ConnId, Effect},
    keyspace::Keyspace,
    dataset::{Expired, Installer},
    server::Server,
    time::Instant,
    trace::replication::LinkFact,
    turn::Turn,
};

/// A data set that is being read as it comes.
#[derive(Clone, Debug)]
pub struct Parsing {
    /// The connection.
    pub conn: ConnId,
    /// See [`Transfer::position`].
    pub position: Option<(String, u64)>,
    /// Takes the data out of their frame.
    pub payload: Payload,
    /// The length, if the frame announced one.
    pub total: Option<u64>,
    /// Since when.
    pub since: Instant,
    /// When the master was last heard of.
    pub last_io: Instant,
    /// Reads the format.
    pub installer: Installer,
    /// Reads slowly, if it is to.
    pub rests: Rests,
    /// Where the data go until they are whole (`swapdb`); `None`: where they belong.
    pub aside: Option<Keyspace>,
    /// The old data are of the same history: they are served meanwhile.
    pub serves: bool,
    /// Whether the log has the line about the data set's own facts.
    pub told: bool,
}

impl Server {
    /// Whether the data set that begins now is read from the socket.
    pub(super) fn parses_from_socket(&self, turn: &Turn) -> bool {
        match turn.config.replication.diskless_load {
            DisklessLoad::Disabled => false,
            DisklessLoad::OnEmptyDb => self.keyspace.is_empty(),
            DisklessLoad::Swapdb => true,
        }
    }

    /// The frame has begun: what follows is read as it comes.
    pub(super) fn begin_parsing(&mut self, turn: &mut Turn, total: Option<u64>) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Receiving(transfer) =
            core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Transfer { conn, position, payload, .. } = *transfer;
        let fact = LinkFact::Receiving { bytes: total, to_parser: true };
        turn.note(fact);
        let swaps = turn.config.replication.diskless_load == DisklessLoad::Swapdb;
        let ours = position.as_ref().is_some_and(|(id, _)| *id == self.replication.id);
        if !swaps {
            self.leave_old_history(turn);
            turn.note(LinkFact::Flushing);
            self.drop_old_data(turn);
        }
        self.suspend_aof(turn);
        turn.note(LinkFact::Loading);
        let aside = swaps.then(|| self.keyspace.empty_like());
        let installer = Installer::new(Expired::Keep, turn.config.persistence.rdbchecksum);
        self.set_link(LinkState::Parsing(Box::new(Parsing {
            conn,
            position,
            payload,
            total,
            since: turn.clock.mono,
            last_io: turn.clock.mono,
            installer,
            rests: Rests::default(),
            aside,
            serves: swaps && ours,
            told: false,
        })));
    }

    /// Bytes of the data set; returns what stands behind it.
    pub(super) fn parsing_received<'a>(&mut self, turn: &mut Turn, bytes: &'a [u8]) -> &'a [u8] {
        let delay = self.load_delay(turn);
        let Some(Link { state: LinkState::Parsing(parsing), .. }) = &mut self.replication.link
        else {
            return &[];
        };
        parsing.last_io = turn.clock.mono;
        let before = parsing.installer.loaded;
        let mut data = Vec::new();
        let step = parsing.payload.feed(bytes, &mut data);
        let keyspace = parsing.aside.as_mut().unwrap_or(&mut self.keyspace);
        let mut read = parsing.installer.feed(&data, keyspace);
        let facts = !parsing.told && parsing.installer.loaded > 0;
        parsing.told |= facts;
        let whole = matches!(step, Step::Whole { .. });
        if whole && read.is_ok() {
            read = parsing.installer.finish();
        } else if parsing.rests.begin(turn.clock.mono, delay, parsing.installer.loaded - before) {
            turn.fx.push(Effect::PauseReading { conn: parsing.conn });
        }
        if facts {
            self.note_facts_of_parsing(turn);
        }
        match (read, step) {
            (Err(error), _) => {
                let why = alloc::format!("{error}");
                self.fail_parsing(turn, LinkFact::ParseFailed { why });
                &[]
            }
            (Ok(()), Step::Whole { rest }) => {
                self.finish_parsing(turn);
                rest
            }
            _ => &[],
        }
    }

    fn note_facts_of_parsing(&self, turn: &mut Turn) {
        if let Some(Link { state: LinkState::Parsing(parsing), .. }) = &self.replication.link {
            parsing.installer.facts.log(turn);
        }
    }

    /// The connection broke, or is silent.
    pub(super) fn parsing_cut(&mut self, turn: &mut Turn) {
        let Some(Link { state: LinkState::Parsing(parsing), .. }) = &self.replication.link else {
            return;
        };
        let offset = parsing.installer.offset();
        turn.note(LinkFact::ShortRead);
        turn.note(LinkFact::ReadError { offset });
        let why = "Resource temporarily unavailable".into();
        self.fail_parsing(turn, LinkFact::ParseFailed { why });
    }

    fn fail_parsing(&mut self, turn: &mut Turn, fact: LinkFact) {
        turn.note(fact);
        let aside = matches!(
            &self.replication.link,
            Some(Link { state: LinkState::Parsing(parsing), .. }) if parsing.aside.is_some()
        );
        self.cancel_sync(turn);
        if aside {
            turn.note(LinkFact::AsideDropped);
        }
    }

    /// The data are here, and whole.
    fn finish_parsing(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Parsing(parsing) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Parsing { conn, position, installer, aside, told, .. } = *parsing;
        if !told {
            installer.facts.log(turn);
        }
        self.rdb_installed(turn, &installer);
        if let Some(mut keyspace) = aside {
            self.leave_old_history(turn);
            turn.note(LinkFact::Swapping);
            for db in 0..turn.config.general.databases {
                self.touch_watchers_of(db);
            }
            keyspace.set_clock(self.lru_clock);
            let old = core::mem::replace(&mut self.keyspace, keyspace);
            turn.free(old);
            turn.note(LinkFact::OldDropped);
        }
        // No file was written: the next save has something to do.
        self.dirty += 1;
        self.enter_history(turn, conn, position, &installer);
        turn.note(LinkFact::Finished);
        self.appendonly_changed(turn);
        self.send_ack(turn);
    }
}
