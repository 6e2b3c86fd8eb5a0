//! What a command leaves behind for the AOF and for the replicas.
//!
//! A *unit of execution* (one command, or a whole EXEC) gathers its changes here; at its end they go out together,
//! between MULTI and EXEC if they are more than one. A command that changed something is passed on as it was sent,
//! unless it says otherwise: `SET k v EX 10` must reach others as `PXAT` with a fixed moment, or replaying the log
//! tomorrow would give it ten seconds more.

use alloc::vec::Vec;

use crate::resp::encode::push_command;

/// The changes of the present unit of execution, encoded.
#[derive(Clone, Debug, Default)]
pub struct Propagation {
    bytes: Vec<u8>,
    /// Of each command: its database, its end in `bytes`, and whether it is for the AOF too.
    ends: Vec<(u32, usize, bool)>,
    /// The running command has spoken for itself.
    own: bool,
    /// What is gathered is no transaction: it goes out as it is.
    pub(crate) one_by_one: bool,
    /// How many commands are running inside each other (EXEC runs others).
    pub(crate) depth: u32,
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Propagation {
    /// Pass on this command, beside whatever else there is.
    pub fn also<'a>(&mut self, db: u32, args: impl ExactSizeIterator<Item = &'a [u8]>) {
        push_command(&mut self.bytes, args);
        self.ends.push((db, self.bytes.len(), true));
    }

    /// Pass on this instead of the running command.
    pub fn instead<'a>(&mut self, db: u32, args: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.also(db, args);
        self.own = true;
    }

    /// Pass on the running command to replicas alone: PUBLISH leaves nothing behind in the data.
    pub fn to_replicas<'a>(&mut self, db: u32, args: impl ExactSizeIterator<Item = &'a [u8]>) {
        push_command(&mut self.bytes, args);
        self.ends.push((db, self.bytes.len(), false));
        self.own = true;
    }

    /// Do not pass on the running command.
    pub fn suppress(&mut self) {
        self.own = true;
    }

    /// Whether the command that just ran has spoken for itself; forgets it.
    pub(crate) fn take_own(&mut self) -> bool {
        core::mem::take(&mut self.own)
    }

    /// Whether nothing is to be passed on.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether any of it is for the AOF: it changes data.
    pub(crate) fn is_for_aof(&self) -> bool {
        self.ends.iter().any(|(_, _, for_aof)| *for_aof)
    }

    /// The commands in order, with MULTI and EXEC around several: database, bytes, whether it is for the AOF too.
    pub(crate) fn drain_as_transaction(&self) -> impl Iterator<Item = (u32, &[u8], bool)> {
        let several = self.ends.len() > 1 && !self.one_by_one;
        let for_aof = self.is_for_aof();
        let first = self.ends.first().map_or(0, |(db, ..)| *db);
        let last = self.ends.last().map_or(0, |(db, ..)| *db);
        let starts = core::iter::once(0).chain(self.ends.iter().map(|(_, end, _)| *end));
        let commands = starts
            .zip(&self.ends)
            .map(|(start, (db, end, for_aof))| (*db, &self.bytes[start..*end], *for_aof));
        let before = several.then_some((first, MULTI, for_aof));
        let after = several.then_some((last, EXEC, for_aof));
        before.into_iter().chain(commands).chain(after)
    }

    /// Forget the commands, keep the allocation.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.one_by_one = false;
    }
}
