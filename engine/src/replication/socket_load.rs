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
    Link, LinkState, Replication, Task,
    master_link::Transfer,
    payload::{Payload, Step},
    slow_load::SlowLoad,
};
use crate::{
    dataset::{Expired, Installer},
    io::{ConnId, Effect},
    keyspace::Keyspace,
    time::Instant,
    trace::replication_facts::LinkFact,
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
    /// When bytes last came from the master.
    pub last_io: Instant,
    /// Reads the format.
    pub installer: Installer,
    /// Its pauses (`key-load-delay`).
    pub slow: SlowLoad,
    /// Where the data go until they are whole (`swapdb`); `None`: where they belong.
    pub aside: Option<Keyspace>,
    /// The old data are of the same history: they are served meanwhile.
    pub serves: bool,
    /// Whether the log has the lines about what the RDB says of itself.
    pub logged: bool,
}

impl Replication {
    /// There is room for the data set: what follows is read as it comes, into `aside` if the old data stay meanwhile.
    pub(crate) fn begin_parsing(&mut self, turn: &Turn, aside: Option<Keyspace>) {
        let Some(link) = &mut self.link else { return };
        let LinkState::Receiving(transfer) =
            core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Transfer { conn, position, payload, total, .. } = *transfer;
        let ours = position.as_ref().is_some_and(|(id, _)| *id == self.id);
        link.state = LinkState::Parsing(Box::new(Parsing {
            conn,
            position,
            payload,
            total: total.flatten(),
            since: turn.clock.mono,
            last_io: turn.clock.mono,
            installer: Installer::new(Expired::Keep, turn.config.persistence.rdbchecksum),
            slow: SlowLoad::default(),
            serves: aside.is_some() && ours,
            aside,
            logged: false,
        }));
    }

    /// Bytes of the data set; returns what stands behind it.
    pub(super) fn parsing_received<'a>(
        &mut self,
        turn: &mut Turn,
        bytes: &'a [u8],
        keyspace: &mut Keyspace,
    ) -> &'a [u8] {
        let Some(Link { state: LinkState::Parsing(parsing), .. }) = &mut self.link else {
            return &[];
        };
        parsing.last_io = turn.clock.mono;
        let before = parsing.installer.loaded;
        let mut data = Vec::new();
        let step = parsing.payload.feed(bytes, &mut data);
        let keyspace = parsing.aside.as_mut().unwrap_or(keyspace);
        let mut read = parsing.installer.feed(&data, keyspace);
        let whole = matches!(step, Step::Whole { .. });
        if whole && read.is_ok() {
            read = parsing.installer.finish();
        } else if parsing.slow.count(turn, parsing.installer.loaded - before) {
            turn.fx.push(Effect::PauseReading { conn: parsing.conn });
        }
        if parsing.installer.loaded > 0 {
            parsing.log_facts(turn);
        }
        match (read, step) {
            (Err(error), _) => {
                let why = alloc::format!("{error}");
                self.fail_parsing(turn, LinkFact::ParseFailed { why });
                &[]
            }
            (Ok(()), Step::Whole { rest }) => {
                self.leave(Task::FinishParsing);
                rest
            }
            _ => &[],
        }
    }

    /// The connection broke, or is silent.
    pub(super) fn parsing_cut(&mut self, turn: &mut Turn) {
        let Some(Link { state: LinkState::Parsing(parsing), .. }) = &self.link else { return };
        let offset = parsing.installer.offset();
        turn.note(LinkFact::ShortRead);
        turn.note(LinkFact::ReadError { offset });
        let why = "Resource temporarily unavailable".into();
        self.fail_parsing(turn, LinkFact::ParseFailed { why });
    }

    fn fail_parsing(&mut self, turn: &mut Turn, fact: LinkFact) {
        turn.note(fact);
        let aside = matches!(
            &self.link,
            Some(Link { state: LinkState::Parsing(parsing), .. }) if parsing.aside.is_some()
        );
        self.cancel_sync(turn);
        if aside {
            turn.note(LinkFact::AsideDropped);
        }
    }

    /// The data are here, and whole: take them out of the link. [`Replication::enter_history`] follows.
    pub(crate) fn take_parsed(&mut self, turn: &mut Turn) -> Option<Box<Parsing>> {
        let link = self.link.as_mut()?;
        let LinkState::Parsing(mut parsing) =
            core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return None;
        };
        parsing.log_facts(turn);
        Some(parsing)
    }
}

impl Parsing {
    /// State what the RDB says of itself, once.
    fn log_facts(&mut self, turn: &mut Turn) {
        if !core::mem::replace(&mut self.logged, true) {
            self.installer.facts.log(turn);
        }
    }
}
