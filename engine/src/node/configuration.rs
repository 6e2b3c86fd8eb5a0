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

use super::{Blocked, Node};
use crate::{
    command::{CommandIndex, Ctx, Outcome},
    config::{
        Applied, Config, Mode, SetError,
        load::sha256_hex,
        rewrite::{Extra, rewrite},
    },
    io::{ConnId, DiskError, DiskErrorKind, DiskId, DiskOp, DiskReply, Effect, Effects},
    refusal::Refusal,
    time::Time,
    trace::{LogRole, ServerFact, Trace},
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
        self.node.put_config(self.now, applied, self.fx);
        self.reply().ok();
        Ok(())
    }

    /// Write the configuration back to its file, and reply.
    pub(crate) fn rewrite_config(&mut self) -> Outcome {
        let Some(path) = self.node.config.source.file.clone() else {
            return Err(Refusal::err("The server is running without a config file"));
        };
        let op = DiskOp::Read { path, offset: 0, len: LARGEST_FILE };
        self.begin(|id| Effect::Disk { id, op }, Step::Read);
        Ok(())
    }

    /// Start a job. Its client waits for it; within a transaction the reply goes out at once.
    fn begin(&mut self, effect: impl FnOnce(DiskId) -> Effect, step: Step) {
        let waits = self.node.propagation.depth == 1;
        if waits {
            self.client.blocked = Some(Blocked::Disk);
        } else {
            self.reply().ok();
        }
        let id = self.node.ask(effect, self.fx);
        let client = waits.then_some(self.client.conn);
        self.node.config_jobs.0.insert(id, Job { client, step });
    }
}

impl Node {
    /// Make `applied` the configuration, and see to what has changed.
    fn put_config(&mut self, now: Time, applied: Applied, fx: &mut Effects) {
        self.config = applied.config;
        for row in applied.changed {
            self.config_changed(now, row.name, fx);
        }
    }

    /// A directive has another value than before. Most are looked at when they matter; these want something done.
    fn config_changed(&mut self, now: Time, name: &str, fx: &mut Effects) {
        match name {
            "appendonly" => self.appendonly_changed(now, fx),
            "aof-disable-auto-gc" => self.auto_gc_changed(now, fx),
            "maxmemory" if self.config.memory.maxmemory > 0 => self.make_room(now, None, fx),
            _ => {}
        }
    }

    /// An answer of the disk: `false` if it was not for the configuration.
    pub(super) fn config_on_disk(
        &mut self,
        now: Time,
        id: DiskId,
        result: &Result<DiskReply, DiskError>,
        fx: &mut Effects,
    ) -> bool {
        let Some(Job { client, step }) = self.config_jobs.0.remove(&id) else { return false };
        match (step, result) {
            (Step::Listen(applied), Ok(_)) if applied.has("dir") => {
                let path = applied.config.general.dir.clone();
                let id = self.disk(DiskOp::ChangeDir { path }, fx);
                self.config_jobs.0.insert(id, Job { client, step: Step::ChangeDir(applied) });
            }
            (Step::Listen(applied), Ok(_)) => {
                self.put_config(now, *applied, fx);
                self.config_reply(now, client, Ok(()), fx);
            }
            (Step::Listen(applied), Err(_)) => {
                let (name, why) = if applied.has("port") {
                    ("port", "Unable to listen on this port. Check server logs.")
                } else {
                    ("bind", "Failed to bind to specified addresses.")
                };
                let refused = SetError::refused(name, why);
                self.config_reply(now, client, Err(refused.into()), fx);
            }
            (Step::ChangeDir(applied), Ok(_)) => {
                let mut applied = applied;
                let dir = &mut applied.config.general.dir;
                *dir = joined(&self.config.general.dir, dir);
                self.put_config(now, *applied, fx);
                self.config_reply(now, client, Ok(()), fx);
            }
            (Step::ChangeDir(_), Err(error)) => {
                let refused = SetError::refused("dir", error.text.clone());
                self.config_reply(now, client, Err(refused.into()), fx);
            }
            (Step::Read, Ok(DiskReply::Data(old))) => self.write_config(now, client, old, fx),
            (Step::Read, Err(error)) if error.kind == DiskErrorKind::NotFound => {
                self.write_config(now, client, b"", fx);
            }
            (Step::Write { rest, temporary }, Ok(_)) => {
                self.next_write(now, client, rest, temporary, fx);
            }
            (Step::Write { temporary, .. }, Err(error)) => {
                // What is left of it must not stay. Whether that succeeds changes nothing.
                self.disk(DiskOp::Unlink { path: temporary }, fx);
                self.rewrite_failed(now, client, &error.text, fx);
            }
            (Step::Read, Err(error)) => self.rewrite_failed(now, client, &error.text, fx),
            (Step::Read, Ok(_)) => self.rewrite_failed(now, client, "Input/output error", fx),
        }
        true
    }

    fn write_config(&mut self, now: Time, client: Option<ConnId>, old: &[u8], fx: &mut Effects) {
        let Some(path) = self.config.source.file.clone() else { return };
        let extra = Extra { users: self.user_lines(), ..Extra::default() };
        let text = rewrite(old, &self.config, &extra, Mode::Server);
        let temporary = format!("{path}.{:06x}", self.rng.rand_range(0..0x100_0000));
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
        self.next_write(now, client, rest, temporary, fx);
    }

    fn next_write(
        &mut self,
        now: Time,
        client: Option<ConnId>,
        mut rest: Vec<DiskOp>,
        temporary: String,
        fx: &mut Effects,
    ) {
        if let Some(op) = rest.pop() {
            let id = self.disk(op, fx);
            self.config_jobs.0.insert(id, Job { client, step: Step::Write { rest, temporary } });
        } else {
            self.note(now, ServerFact::ConfigRewritten, fx);
            self.config_reply(now, client, Ok(()), fx);
        }
    }

    fn rewrite_failed(&mut self, now: Time, client: Option<ConnId>, why: &str, fx: &mut Effects) {
        self.note(now, ServerFact::ConfigRewriteFailed { why: why.into() }, fx);
        let refusal = Refusal::err(format_args!("Rewriting config file: {why}"));
        self.config_reply(now, client, Err(refusal), fx);
    }

    fn config_reply(
        &mut self,
        now: Time,
        client: Option<ConnId>,
        outcome: Result<(), Refusal>,
        fx: &mut Effects,
    ) {
        let Some(conn) = client else { return };
        let Some(mut client) = self.clients.take(conn) else { return };
        match outcome {
            Ok(()) => client.reply().ok(),
            Err(refusal) => self.refuse(&mut client, &refusal),
        }
        self.clients.put_back(client);
        self.resume(now, conn, fx);
    }

    /// What a process says of itself first.
    pub(super) fn note_start(&self, now: Time, fx: &mut Effects) {
        let (early, mode) = match self.config.source.mode {
            // Redis knows its own role only later.
            Mode::Server => (LogRole::Child, "standalone"),
            Mode::Sentinel => (LogRole::Sentinel, "sentinel"),
        };
        let configured =
            if self.config.source.given { ServerFact::ConfigLoaded } else { ServerFact::NoConfig };
        for fact in [ServerFact::Starting, ServerFact::Version { pid: self.pid }, configured] {
            fx.trace(now, early, Trace::Server(fact));
        }
        let port = self.config.network.port;
        let fact = if self.config.general.always_show_logo {
            ServerFact::Logo { mode, port, pid: self.pid }
        } else {
            ServerFact::RunningMode { mode, port }
        };
        self.note(now, fact, fx);
    }

    /// The ACL's users as lines: there is one, with the password of `requirepass`.
    pub(crate) fn user_lines(&self) -> Vec<Vec<u8>> {
        let password = match &self.config.general.requirepass {
            Some(password) => [b"#", sha256_hex(password).as_slice()].concat(),
            None => b"nopass".to_vec(),
        };
        vec![[b"default on ", password.as_slice(), b" ~* &* +@all"].concat()]
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
