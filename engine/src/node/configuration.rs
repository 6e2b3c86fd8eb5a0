//! What follows from CONFIG SET, and CONFIG REWRITE as a chain of disk operations.
//!
//! ```text
//!   CONFIG SET dir ──▶ chdir ──▶ the new configuration is put in place, OK
//!
//!   CONFIG REWRITE ──▶ read the file ──▶ config::rewrite ──▶ create, append, fsync a temporary file ──▶ rename ──▶ OK
//! ```
//!
//! At no moment is there a half-written configuration under the file's name.

use alloc::{boxed::Box, collections::BTreeMap, format, string::String, vec, vec::Vec};
use bytes::Bytes;

use super::{Blocked, Server};
use crate::{
    command::{CommandIndex, Ctx, Outcome},
    config::{
        Applied, Config, Mode, SetError,
        rewrite::{Extra, rewrite, user_lines},
    },
    io::{ConnId, DiskError, DiskErrorKind, DiskId, DiskOp, DiskReply, Effect},
    refusal::Refusal,
    trace::{LogRole, ServerFact, Trace},
    turn::Turn,
};

/// The configuration's disk operations on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigJobs(BTreeMap<DiskId, Job>);

/// A step whose answer is awaited, and the client that waits for the last of them.
#[derive(Clone, Debug)]
struct Job {
    client: Option<ConnId>,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    /// CONFIG SET port, CONFIG SET bind.
    Listen(Box<Applied>),
    /// CONFIG SET dir.
    ChangeDir(Box<Applied>),
    /// CONFIG REWRITE: the old file's text.
    Read,
    /// CONFIG REWRITE: the operations that are left, and the temporary file.
    Write { rest: Vec<DiskOp>, temporary: String },
}

/// More than any configuration file holds.
const LARGEST_FILE: u64 = 64 << 20;

impl Ctx<'_> {
    /// Put a changed configuration in place, and reply.
    pub(crate) fn apply_config(&mut self, applied: Applied) -> Outcome {
        if applied.has("bind") || applied.has("port") {
            let network = &applied.config.network;
            let (port, bind) = (network.port, network.bind.clone());
            let step = Step::Listen(Box::new(applied));
            self.begin(|id| Effect::Listen { id, port, bind }, step);
            return Ok(());
        }
        if applied.has("dir") {
            let path = applied.config.general.dir.clone();
            let step = Step::ChangeDir(Box::new(applied));
            self.begin(|id| Effect::Disk { id, op: DiskOp::ChangeDir { path } }, step);
            return Ok(());
        }
        self.node.put_config(self.turn, applied);
        self.reply().ok();
        Ok(())
    }

    /// Write the configuration back to its file, and reply.
    pub(crate) fn rewrite_config(&mut self) -> Outcome {
        let Some(path) = self.turn.config.source.file.clone() else {
            return Err(Refusal::err("The server is running without a config file"));
        };
        let op = DiskOp::Read { path, offset: 0, len: LARGEST_FILE };
        self.begin(|id| Effect::Disk { id, op }, Step::Read);
        Ok(())
    }

    /// Start a job. Its client waits for it; within a transaction the reply goes out at once.
    fn begin(&mut self, effect: impl FnOnce(DiskId) -> Effect, step: Step) {
        let waits = !self.node.is_in_transaction();
        if waits {
            self.node.clients.block(self.client, Blocked::Disk);
        } else {
            self.reply().ok();
        }
        let id = self.turn.ask(effect);
        let client = waits.then_some(self.client.conn);
        self.node.config_jobs.0.insert(id, Job { client, step });
    }
}

impl Server {
    /// Make `applied` the configuration, and see to what has changed.
    fn put_config(&mut self, turn: &mut Turn, applied: Applied) {
        turn.config = applied.config;
        for row in applied.changed {
            self.config_changed(turn, row.name);
        }
    }

    /// A directive has another value than before. Most are looked at when they matter; these want something done.
    fn config_changed(&mut self, turn: &mut Turn, name: &str) {
        match name {
            "appendonly" => self.appendonly_changed(turn),
            "aof-disable-auto-gc" => self.auto_gc_changed(turn),
            "maxmemory" if turn.config.memory.maxmemory > 0 => self.make_room(turn, None),
            _ => {}
        }
    }

    /// An answer of the disk: `false` if it was not for the configuration.
    pub(super) fn config_on_disk(
        &mut self,
        turn: &mut Turn,
        id: DiskId,
        result: &Result<DiskReply, DiskError>,
    ) -> bool {
        let Some(Job { client, step }) = self.config_jobs.0.remove(&id) else { return false };
        match (step, result) {
            (Step::Listen(applied), Ok(_)) if applied.has("dir") => {
                let path = applied.config.general.dir.clone();
                let id = turn.disk(DiskOp::ChangeDir { path });
                self.config_jobs.0.insert(id, Job { client, step: Step::ChangeDir(applied) });
            }
            (Step::Listen(applied), Ok(_)) => {
                self.put_config(turn, *applied);
                self.config_reply(client, Ok(()));
            }
            (Step::Listen(applied), Err(_)) => {
                let (name, why) = if applied.has("port") {
                    ("port", "Unable to listen on this port. Check server logs.")
                } else {
                    ("bind", "Failed to bind to specified addresses.")
                };
                let refused = SetError::refused(name, why);
                self.config_reply(client, Err(refused.into()));
            }
            (Step::ChangeDir(applied), Ok(_)) => {
                let mut applied = applied;
                let dir = &mut applied.config.general.dir;
                *dir = joined(&turn.config.general.dir, dir);
                self.put_config(turn, *applied);
                self.config_reply(client, Ok(()));
            }
            (Step::ChangeDir(_), Err(error)) => {
                let refused = SetError::refused("dir", error.text.clone());
                self.config_reply(client, Err(refused.into()));
            }
            (Step::Read, Ok(DiskReply::Data(old))) => self.write_config(turn, client, old),
            (Step::Read, Err(error)) if error.kind == DiskErrorKind::NotFound => {
                self.write_config(turn, client, b"");
            }
            (Step::Write { rest, temporary }, Ok(_)) => {
                self.next_write(turn, client, rest, temporary);
            }
            (Step::Write { temporary, .. }, Err(error)) => {
                // What is left of it must not stay. Whether that succeeds changes nothing.
                turn.disk(DiskOp::Unlink { path: temporary });
                self.rewrite_failed(turn, client, &error.text);
            }
            (Step::Read, Err(error)) => self.rewrite_failed(turn, client, &error.text),
            (Step::Read, Ok(_)) => self.rewrite_failed(turn, client, "Input/output error"),
        }
        true
    }

    fn write_config(&mut self, turn: &mut Turn, client: Option<ConnId>, old: &[u8]) {
        let Some(path) = turn.config.source.file.clone() else { return };
        let extra = Extra { users: user_lines(&turn.config), ..Extra::default() };
        let text = rewrite(old, &turn.config, &extra, Mode::Server);
        let temporary = format!("{path}.{:06x}", turn.ids.rng.rand_range(0..0x100_0000));
        let file = temporary.clone();
        let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
        let directory = if directory.is_empty() { "/" } else { directory };
        // In reverse: the next one is popped from the end.
        let rest = vec![
            DiskOp::FsyncDir { path: directory.into() },
            DiskOp::Rename { from: file.clone(), to: path },
            DiskOp::Fsync { path: file.clone() },
            DiskOp::Append { path: file.clone(), bytes: Bytes::from(text) },
            DiskOp::Create { path: file },
        ];
        self.next_write(turn, client, rest, temporary);
    }

    fn next_write(
        &mut self,
        turn: &mut Turn,
        client: Option<ConnId>,
        mut rest: Vec<DiskOp>,
        temporary: String,
    ) {
        if let Some(op) = rest.pop() {
            let id = turn.disk(op);
            self.config_jobs.0.insert(id, Job { client, step: Step::Write { rest, temporary } });
        } else {
            turn.note(ServerFact::ConfigRewritten);
            self.config_reply(client, Ok(()));
        }
    }

    fn rewrite_failed(&mut self, turn: &mut Turn, client: Option<ConnId>, why: &str) {
        turn.note(ServerFact::ConfigRewriteFailed { why: why.into() });
        let refusal = Refusal::err(format_args!("Rewriting config file: {why}"));
        self.config_reply(client, Err(refusal));
    }

    fn config_reply(&mut self, client: Option<ConnId>, outcome: Result<(), Refusal>) {
        let Some(conn) = client else { return };
        let Some(mut client) = self.clients.take(conn) else { return };
        match outcome {
            Ok(()) => client.reply().ok(),
            Err(refusal) => self.refuse(&mut client, &refusal),
        }
        self.check_in(client);
        self.clients.unblock(conn);
    }

    /// What a process says of itself first.
    pub(super) fn note_start(&self, turn: &mut Turn) {
        let (early, mode) = match turn.config.source.mode {
            // Redis knows its own role only later.
            Mode::Server => (LogRole::Child, "standalone"),
            Mode::Sentinel => (LogRole::Sentinel, "sentinel"),
        };
        let configured =
            if turn.config.source.given { ServerFact::ConfigLoaded } else { ServerFact::NoConfig };
        for fact in [ServerFact::Starting, ServerFact::Version { pid: turn.ids.pid }, configured] {
            turn.fx.trace(turn.clock.wall, early, Trace::Server(fact));
        }
        for fact in self.machine.descriptors.facts() {
            turn.note(fact);
        }
        let port = turn.config.network.port;
        let fact = if turn.config.general.always_show_logo {
            ServerFact::Logo { mode, port, pid: turn.ids.pid }
        } else {
            ServerFact::RunningMode { mode, port }
        };
        turn.note(fact);
    }
}

/// The commands of a node of this configuration, under the names that it gives them.
pub(super) fn commands(config: &Config) -> CommandIndex {
    let mut index = CommandIndex::new(|row| row.is_known(config.source.mode == Mode::Sentinel));
    for (old, new) in &config.source.renamed_commands {
        // Checked when the file was read.
        let _ = index.rename(old, new);
    }
    index
}

/// The directory `to`, as seen from `from`, without `.` and `..`.
fn joined(from: &str, to: &str) -> String {
    let whole = if to.starts_with('/') { String::from(to) } else { format!("{from}/{to}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_from_the_root() {
        assert_eq!(joined("/data", "sub/./x"), "/data/sub/x");
        assert_eq!(joined("/data", "../other"), "/other");
        assert_eq!(joined("/data", "/"), "/");
        assert_eq!(joined("/", "../.."), "/");
    }
}
