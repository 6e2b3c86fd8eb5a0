//! Invalidations: at the end of a command, and of a turn, clients get the names of the keys that they have read and that have changed.

use alloc::vec::Vec;

use super::{Command, Server};
use crate::{
    io::ConnId,
    resp::{Args, Protocol, Reply},
    session::{Client, Tracking, tracking::TrackingMode},
    spec::Flag,
    turn::Turn,
};

/// The channel that stands for invalidations where there are no pushes.
const CHANNEL: &[u8] = b"__redis__:invalidate";

impl Server {
    /// A command has run: what it has read is noted; if it was not part of another one, invalidations for what it has changed are sent.
    pub(crate) fn track(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        row: &Command,
        args: Args<'_>,
    ) {
        let notes = client.tracking.as_ref().is_some_and(|tracking| tracking.notes_reads());
        if notes && row.is(Flag::Readonly) {
            for key in row.keys_in(args) {
                let readers = self.tracking.readers.entry(args.at(key.at).to_vec()).or_default();
                readers.insert(client.conn);
            }
            self.limit_tracking(turn, client);
        }
        if self.propagation.depth > 0 {
            return;
        }
        if client.session.multi.is_none()
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

    /// Send invalidations to the clients that have read what has changed since; keep the messages by prefix for the end of the turn.
    pub(crate) fn tell_changes(&mut self, turn: &mut Turn, mut running: Option<&mut Client>) {
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
                // A client that has gone over to prefixes gets messages by prefix alone.
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

    /// The end of a turn: send what has changed outside of commands, and what has changed under a prefix.
    pub(crate) fn tell_tracking(&mut self, turn: &mut Turn) {
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

    /// Send a client the message that these keys, or (`None`) all, have changed.
    fn tell_invalid(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        keys: Option<&[Vec<u8>]>,
        mut running: Option<&mut Client>,
    ) {
        let Some((redirect, pushes)) = self.with_client(conn, running.as_deref_mut(), |client| {
            client
                .tracking
                .as_ref()
                .map(|t| (t.redirect, client.session.protocol == Protocol::Resp3))
        }) else {
            return;
        };
        let Some(id) = redirect else {
            if pushes {
                self.push_to(turn, conn, running, |reply| write_push(reply, keys));
            }
            return;
        };
        let Some(target) = self.clients.conn_of(id) else {
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
            Some((client.session.protocol == Protocol::Resp3, !client.subscriptions.is_empty()))
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

    /// Look at a client that may be the one that is checked out.
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
