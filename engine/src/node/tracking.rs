//! Client side caching: whoever keeps copies of values is told when they are out of date.
//!
//! ```text
//!   GET a  by 7 ──▶ readers: a ─▶ {7}                      (a client in broadcast mode is not noted: it has prefixes)
//!   SET a  by 9 ──▶ changed: [a] ──▶ 7 is told "invalidate [a]", and has to read again to be told again
//!                              └───▶ waiting, by prefix ── at the end of the turn ──▶ those who listen to the prefix
//! ```
//!
//! Every change of a key passes [`Node::touch_watchers`]; whom it concerns is settled at the end of the command.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Client, Server};
use crate::turn::Turn;
use crate::{
    command::{Command, Flag},
    io::ConnId,
    resp::{Args, Protocol, Reply},
};

/// What is tracked for all clients.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    /// Who has tracking on.
    clients: BTreeSet<ConnId>,
    /// Who has read a key since it was last invalid.
    readers: BTreeMap<Vec<u8>, BTreeSet<ConnId>>,
    /// Who wants to hear of all keys with these prefixes.
    prefixes: BTreeMap<Vec<u8>, BTreeSet<ConnId>>,
    /// What has changed in the running command.
    changed: Vec<Vec<u8>>,
    /// A database was emptied.
    flushed: bool,
    /// What those who listen to a prefix will be told at the end of the turn, and who has changed it.
    waiting: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Option<ConnId>>>,
}

/// How one client tracks.
#[derive(Clone, Debug, Default)]
pub struct ClientTracking {
    /// Which of the keys that it reads are tracked.
    pub mode: TrackingMode,
    /// The client that is told instead.
    pub redirect: Option<u64>,
    /// That client is gone.
    pub broken: bool,
    /// It is not told of its own changes.
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
    const fn notes_reads(&self) -> bool {
        match self.mode {
            TrackingMode::Read => true,
            TrackingMode::OptIn => self.caching,
            TrackingMode::OptOut => !self.caching,
            TrackingMode::Broadcast => false,
        }
    }
}

/// The channel that stands for invalidations where there are no pushes.
const CHANNEL: &[u8] = b"__redis__:invalidate";

impl Tracking {
    /// Whether nobody tracks anything.
    #[inline]
    pub(super) fn is_off(&self) -> bool {
        self.clients.is_empty()
    }

    /// A key has changed.
    pub(super) fn changed(&mut self, key: &[u8]) {
        if !self.is_off() {
            self.changed.push(key.to_vec());
        }
    }

    /// A database was emptied.
    pub(super) fn flushed(&mut self) {
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

impl Server {
    /// A command has run: what it has read is noted; if it was not part of another one, what it has changed is told.
    pub(super) fn track(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        row: &Command,
        args: Args<'_>,
    ) {
        let notes = client.tracking.as_ref().is_some_and(|tracking| tracking.notes_reads());
        if notes && row.is(Flag::Readonly) {
            for key in row.keys_in(args) {
                let readers = self.tracking.readers.entry(key.to_vec()).or_default();
                readers.insert(client.conn);
            }
            self.limit_tracking(turn, client);
        }
        if self.propagation.depth > 0 {
            return;
        }
        if client.multi.is_none()
            && !row.is(Flag::KeepsCaching)
            && let Some(tracking) = &mut client.tracking
        {
            tracking.caching = false;
        }
        self.tell_changes(turn, Some(client));
    }

    /// Too many keys are known: some are called invalid though they are not.
    fn limit_tracking(&mut self, turn: &mut Turn, client: &mut Client) {
        let most = turn.config.general.tracking_table_max_keys;
        while most > 0 && self.tracking.readers.len() as u64 > most {
            let Some((key, readers)) = self.tracking.readers.pop_first() else { return };
            for conn in readers {
                self.tell_invalid(turn, conn, Some(core::slice::from_ref(&key)), Some(client));
            }
        }
    }

    /// Tell who has read what has changed since; keep the rest for the end of the turn.
    pub(super) fn tell_changes(&mut self, turn: &mut Turn, mut running: Option<&mut Client>) {
        if core::mem::take(&mut self.tracking.flushed) {
            self.tracking.readers.clear();
            for conn in self.tracking.clients.clone() {
                self.tell_invalid(turn, conn, None, running.as_deref_mut());
            }
        }
        let changer = running.as_deref().map(|client| client.conn);
        for key in core::mem::take(&mut self.tracking.changed) {
            for conn in self.tracking.readers.remove(&key).into_iter().flatten() {
                let mine = Some(conn) == changer;
                // Whoever has gone over to prefixes does not care any more for what it read before.
                let cares = self.with_client(conn, running.as_deref_mut(), |client| {
                    let tracking = client.tracking.as_ref()?;
                    Some(tracking.mode != TrackingMode::Broadcast && !(mine && tracking.noloop))
                });
                if cares != Some(true) {
                    continue;
                }
                let keys = Some(core::slice::from_ref(&key));
                self.tell_invalid(turn, conn, keys, running.as_deref_mut());
            }
            let Tracking { prefixes, waiting, .. } = &mut self.tracking;
            for prefix in prefixes.keys().filter(|prefix| key.starts_with(prefix)) {
                waiting.entry(prefix.clone()).or_default().insert(key.clone(), changer);
            }
        }
    }

    /// The end of a turn: what has changed beside all commands, and what those wait for who listen to prefixes.
    pub(super) fn tell_tracking(&mut self, turn: &mut Turn) {
        if self.tracking.is_off() {
            return;
        }
        self.tell_changes(turn, None);
        for (prefix, keys) in core::mem::take(&mut self.tracking.waiting) {
            for conn in self.tracking.prefixes.get(&prefix).cloned().into_iter().flatten() {
                let own = self.clients.get(conn).and_then(|client| client.tracking.as_ref());
                let noloop = own.is_some_and(|tracking| tracking.noloop);
                let wanted = keys.iter().filter(|(_, by)| !noloop || **by != Some(conn));
                let wanted: Vec<Vec<u8>> = wanted.map(|(key, _)| key.clone()).collect();
                if !wanted.is_empty() {
                    self.tell_invalid(turn, conn, Some(&wanted), None);
                }
            }
        }
    }

    /// Tell a client that these keys, or (`None`) all, have changed.
    fn tell_invalid(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        keys: Option<&[Vec<u8>]>,
        mut running: Option<&mut Client>,
    ) {
        let Some((redirect, pushes)) = self.with_client(conn, running.as_deref_mut(), |client| {
            client.tracking.as_ref().map(|t| (t.redirect, client.protocol == Protocol::Resp3))
        }) else {
            return;
        };
        let Some(id) = redirect else {
            if pushes {
                self.push_to(turn, conn, running, |reply| write_push(reply, keys));
            }
            return;
        };
        let mine = running.as_deref().filter(|client| client.id == id).map(|client| client.conn);
        let other = self.clients.iter().find(|client| client.id == id).map(|client| client.conn);
        let Some(target) = mine.or(other) else {
            self.with_client(conn, running.as_deref_mut(), |client| {
                client.tracking.as_mut().map(|tracking| tracking.broken = true)
            });
            if pushes {
                self.push_to(turn, conn, running, |reply| {
                    reply.push(2);
                    reply.bulk(b"tracking-redir-broken");
                    reply.integer(id.cast_signed());
                });
            }
            return;
        };
        let listens = self.with_client(target, running.as_deref_mut(), |client| {
            Some((client.protocol == Protocol::Resp3, !client.subscriptions.is_empty()))
        });
        match listens {
            Some((true, _)) => self.push_to(turn, target, running, |reply| write_push(reply, keys)),
            Some((_, true)) => self.push_to(turn, target, running, |reply| {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
                write_keys(reply, keys);
            }),
            _ => {}
        }
    }

    /// Look at a client that may be the one that is taken out.
    fn with_client<R>(
        &mut self,
        conn: ConnId,
        running: Option<&mut Client>,
        look: impl FnOnce(&mut Client) -> Option<R>,
    ) -> Option<R> {
        match running {
            Some(client) if client.conn == conn => look(client),
            _ => self.clients.get_mut(conn).and_then(look),
        }
    }
}

fn write_push(reply: &mut Reply<'_>, keys: Option<&[Vec<u8>]>) {
    reply.push(2);
    reply.bulk(b"invalidate");
    write_keys(reply, keys);
}

fn write_keys(reply: &mut Reply<'_>, keys: Option<&[Vec<u8>]>) {
    match keys {
        None => reply.null(),
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
    }
}
