//! Client side caching: clients that keep copies of values get a message when these are out of date.
//!
//! ```text
//!   GET a  by 7 ──▶ readers: a ─▶ {7}                      (a client in broadcast mode is not noted: it has prefixes)
//!   SET a  by 9 ──▶ changed: [a] ──▶ 7 gets "invalidate [a]", and has to read again to get the next one
//!                              └───▶ waiting, by prefix ── at the end of the turn ──▶ clients that listen to the prefix
//! ```
//!
//! Every change of a key passes [`Tracking::changed`]; at the end of the command the clients that it concerns get a message
//! (`server/invalidate.rs`).

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Client;
use crate::io::ConnId;

/// What is tracked for all clients.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    /// Clients that have tracking on.
    pub(crate) clients: BTreeSet<ConnId>,
    /// The clients that have read a key since it was last invalid.
    pub(crate) readers: BTreeMap<Vec<u8>, BTreeSet<ConnId>>,
    /// The clients that have subscribed to all keys with these prefixes.
    pub(crate) prefixes: BTreeMap<Vec<u8>, BTreeSet<ConnId>>,
    /// What has changed in the running command.
    pub(crate) changed: Vec<Vec<u8>>,
    /// A database was emptied.
    pub(crate) flushed: bool,
    /// The changed keys that subscribers of a prefix get at the end of the turn, each with the client that changed it.
    pub(crate) waiting: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Option<ConnId>>>,
}

/// How one client tracks.
#[derive(Clone, Debug, Default)]
pub struct ClientTracking {
    /// Which of the keys that it reads are tracked.
    pub mode: TrackingMode,
    /// The client that gets the messages instead.
    pub redirect: Option<u64>,
    /// That client is gone.
    pub broken: bool,
    /// Its own changes bring it no message.
    pub noloop: bool,
    /// `CLIENT CACHING`: the next command is an exception.
    pub caching: bool,
    /// Of the broadcast mode.
    pub prefixes: BTreeSet<Vec<u8>>,
}

/// Which keys are tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackingMode {
    /// All that the client reads.
    #[default]
    Read,
    /// Those that it reads right after CLIENT CACHING YES.
    OptIn,
    /// All that it reads, but for those right after CLIENT CACHING NO.
    OptOut,
    /// All with certain prefixes, read or not.
    Broadcast,
}

impl ClientTracking {
    /// Whether the keys that are read now are noted.
    pub const fn notes_reads(&self) -> bool {
        match self.mode {
            TrackingMode::Read => true,
            TrackingMode::OptIn => self.caching,
            TrackingMode::OptOut => !self.caching,
            TrackingMode::Broadcast => false,
        }
    }
}

impl Tracking {
    /// Whether no client tracks anything.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.clients.is_empty()
    }

    /// A key has changed.
    pub(crate) fn changed(&mut self, key: &[u8]) {
        if !self.is_off() {
            self.changed.push(key.to_vec());
        }
    }

    /// A database was emptied.
    pub(crate) fn flushed(&mut self) {
        self.flushed = !self.is_off();
    }

    /// A client has tracking on, with these settings.
    pub(crate) fn enable(&mut self, client: &mut Client, mut settings: ClientTracking) {
        let old = client.tracking.take();
        settings.prefixes.extend(old.into_iter().flat_map(|old| old.prefixes));
        self.clients.insert(client.conn);
        for prefix in &settings.prefixes {
            self.prefixes.entry(prefix.clone()).or_default().insert(client.conn);
        }
        client.tracking = Some(Box::new(settings));
    }

    /// A client has tracking off. What it has read is forgotten when it changes.
    pub(crate) fn disable(&mut self, client: &mut Client) {
        let Some(old) = client.tracking.take() else { return };
        self.clients.remove(&client.conn);
        for prefix in &old.prefixes {
            if let Some(clients) = self.prefixes.get_mut(prefix) {
                clients.remove(&client.conn);
                if clients.is_empty() {
                    self.prefixes.remove(prefix);
                    self.waiting.remove(prefix);
                }
            }
        }
        if self.is_off() {
            *self = Self::default();
        }
    }

    /// For INFO: clients, keys, pairs of key and client, prefixes.
    pub(crate) fn counts(&self) -> [u64; 4] {
        let items = self.readers.values().map(BTreeSet::len).sum::<usize>();
        [self.clients.len(), self.readers.len(), items, self.prefixes.len()].map(|n| n as u64)
    }
}
