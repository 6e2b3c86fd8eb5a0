//! What follows from CONFIG SET, and CONFIG REWRITE as a chain of disk operations.
//!
//! ```text
//!   CONFIG SET dir ──▶ chdir ──▶ the new configuration is put in place, OK
//!
//!   CONFIG REWRITE ──▶ read the file ──▶ config::rewrite ──▶ create, append, fsync a temporary file ──▶ rename ──▶ OK
//! ```
//!
//! At no moment is there a half-written configuration under the file's name.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{Command, CommandIndex, Ctx, Server};
use crate::{
    chain::Chain,
    config::{
        Applied, Changes, Config, Mode, SetError,
        rewrite_file::{Extra, rewrite, user_lines},
    },
    io::{
        ConnId, DiskError, DiskErrorKind, DiskOp, DiskReply, Effect, FileId, ListenId, OpenMode,
        Owner,
    },
    machine::Descriptors,
    refusal::{Outcome, Refusal},
    session::Blocked,
    trace::{LogRole, ServerFact, Trace},
    turn::Turn,
};

/// What CONFIG SET and CONFIG REWRITE wait for, by the number of the job.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigJobs(BTreeMap<u64, Job>);

/// A step whose answer is awaited, and the client that waits for the last of them.
#[derive(Clone, Debug)]
struct Job {
    client: Option<ConnId>,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    /// CONFIG SET port, CONFIG SET bind: made when the node listens there.
    Listen(Changes),
    /// CONFIG SET dir: made when the process is there.
    ChangeDir(Changes),
    /// CONFIG REWRITE: the old file is being opened.
    Open(FileId),
    /// CONFIG REWRITE: its text is being read.
    Read(FileId),
    /// CONFIG REWRITE: the operations that are left, and the temporary file.
    Write { chain: Chain, temporary: String },
}

/// More than any configuration file holds.
const LARGEST_FILE: u64 = 64 << 20;

impl Ctx<'_> {
    /// Put a changed configuration in place, and reply.
    pub(crate) fn apply_config(&mut self, applied: Applied) -> Outcome {
        let Applied { config, changes } = applied;
        if changes.has("maxclients") {
            self.provide_descriptors(config.network.maxclients)?;
        }
        if changes.has("bind") || changes.has("port") {
            let (port, bind) = (config.network.port, config.network.bind);
            let job = self.begin(Step::Listen(changes));
            self.turn.fx.push(Effect::Listen { id: ListenId(job), port, bind });
            return Ok(());
        }
        if changes.has("dir") {
            let path = config.general.dir;
            let job = self.begin(Step::ChangeDir(changes));
            self.turn.disk(Owner::Config(job), DiskOp::ChangeDir { path });
            return Ok(());
        }
        self.turn.config = config;
        self.server.config_changed(self.turn, &changes);
        self.reply().ok();
        Ok(())
    }

    /// Have enough file descriptors for so many clients, or refuse.
    fn provide_descriptors(&mut self, clients: u32) -> Outcome {
        let Some(provide) = self.server.machine.provide_descriptors else { return Ok(()) };
        let descriptors = provide(clients);
        for fact in descriptors.facts() {
            self.turn.note(ServerFact::Process(fact));
        }
        let Descriptors::Reduced { maxclients, .. } = descriptors else { return Ok(()) };
        let why = format!(
            "The operating system is not able to handle the specified number of clients, try with {maxclients}"
        );
        Err(SetError::refused("maxclients", why).into())
    }

    /// Write the configuration back to its file, and reply.
    pub(crate) fn rewrite_config(&mut self) -> Outcome {
        let Some(path) = self.turn.config.source.file.clone() else {
            return Err(Refusal::err("The server is running without a config file"));
        };
        let file = self.turn.ids.new_file();
        let job = self.begin(Step::Open(file));
        self.turn.disk(Owner::Config(job), file.open(path, OpenMode::Read));
        Ok(())
    }

    /// Start a job. Its client waits for it; within a transaction the reply goes out at once.
    fn begin(&mut self, step: Step) -> u64 {
        let waits = !self.server.is_in_transaction();
        if waits {
            self.server.clients.block(self.client, Blocked::Disk);
        } else {
            self.reply().ok();
        }
        let client = waits.then_some(self.client.conn);
        let job = self.turn.ids.new_config_job();
        self.server.config_jobs.0.insert(job, Job { client, step });
        job
    }
}

impl Server {
    /// What was to succeed first has succeeded: make the changes in the configuration as it is now.
    fn make_changes(&mut self, turn: &mut Turn, changes: &Changes) {
        let dir = turn.config.general.dir.clone();
        changes.make_in(&mut turn.config);
        if changes.has("dir") {
            turn.config.general.dir = joined(&dir, &turn.config.general.dir);
        }
        self.config_changed(turn, changes);
    }

    /// Directives have other values than before. Most are looked at when they matter; these want something done.
    fn config_changed(&mut self, turn: &mut Turn, changes: &Changes) {
        for row in changes.rows() {
            match row.name {
                "appendonly" => self.appendonly_changed(turn),
                "aof-disable-auto-gc" => self.persistence.auto_gc_changed(turn),
                "maxmemory" if turn.config.memory.maxmemory > 0 => self.maxmemory_changed(turn),
                "maxmemory-policy" | "lfu-log-factor" | "lfu-decay-time" => {
                    self.advance_clock(turn);
                }
                _ => {}
            }
        }
    }

    fn maxmemory_changed(&mut self, turn: &mut Turn) {
        let (limit, used) = (turn.config.memory.maxmemory, self.counted_memory());
        if limit < used {
            turn.note(ServerFact::MaxmemoryBelowUse { limit, used });
        }
        self.make_room(turn, None);
    }

    /// The sockets for CONFIG SET port, CONFIG SET bind are there, or could not be made.
    pub(crate) fn on_listened(
        &mut self,
        turn: &mut Turn,
        ListenId(job): ListenId,
        result: Result<(), String>,
    ) {
        let Some(Job { client, step: Step::Listen(changes) }) = self.config_jobs.0.remove(&job)
        else {
            return;
        };
        if result.is_err() {
            let (name, why) = if changes.has("port") {
                ("port", "Unable to listen on this port. Check server logs.")
            } else {
                ("bind", "Failed to bind to specified addresses.")
            };
            let refused = SetError::refused(name, why);
            return self.config_reply(client, Err(refused.into()));
        }
        if changes.has("dir") {
            let mut then = turn.config.clone();
            changes.make_in(&mut then);
            turn.disk(Owner::Config(job), DiskOp::ChangeDir { path: then.general.dir });
            self.config_jobs.0.insert(job, Job { client, step: Step::ChangeDir(changes) });
            return;
        }
        self.make_changes(turn, &changes);
        self.config_reply(client, Ok(()));
    }

    /// The disk has answered: the job `number` goes on.
    pub(crate) fn config_on_disk(
        &mut self,
        turn: &mut Turn,
        number: u64,
        result: Result<DiskReply, DiskError>,
    ) {
        let Some(Job { client, step }) = self.config_jobs.0.remove(&number) else { return };
        let next = match (step, result) {
            (Step::Listen(_), _) => return,
            (Step::ChangeDir(changes), Ok(_)) => {
                self.make_changes(turn, &changes);
                return self.config_reply(client, Ok(()));
            }
            (Step::ChangeDir(_), Err(error)) => {
                let refused = SetError::refused("dir", error.text);
                return self.config_reply(client, Err(refused.into()));
            }
            (Step::Open(file), Ok(_)) => {
                turn.disk(Owner::Config(number), file.read(0, LARGEST_FILE));
                Step::Read(file)
            }
            (Step::Open(_), Err(error)) if error.kind == DiskErrorKind::NotFound => {
                self.write_config(turn, number, b"")
            }
            (Step::Read(file), Ok(DiskReply::Data(old))) => {
                turn.disk_unawaited(file.close());
                self.write_config(turn, number, &old)
            }
            (Step::Open(_), Err(error)) => return self.rewrite_failed(turn, client, &error.text),
            (Step::Read(file), failed) => {
                turn.disk_unawaited(file.close());
                let why = failed.err().map_or_else(|| "Input/output error".into(), |it| it.text);
                return self.rewrite_failed(turn, client, &why);
            }
            (Step::Write { mut chain, temporary }, result) => match chain.advance(turn, result) {
                None => Step::Write { chain, temporary },
                Some(Ok(())) => {
                    turn.note(ServerFact::ConfigRewritten);
                    return self.config_reply(client, Ok(()));
                }
                Some(Err(error)) => {
                    // What is left of it must not stay. Whether that succeeds changes nothing.
                    turn.disk_unawaited(DiskOp::Unlink { path: temporary });
                    return self.rewrite_failed(turn, client, &error.text);
                }
            },
        };
        self.config_jobs.0.insert(number, Job { client, step: next });
    }

    /// Begin to put a new text into the place of the configuration file.
    fn write_config(&self, turn: &mut Turn, job: u64, old: &[u8]) -> Step {
        let path = turn.config.source.file.clone().unwrap_or_default();
        let extra = Extra { users: user_lines(&turn.config), ..Extra::default() };
        let text = rewrite(old, &turn.config, &extra, Mode::Server);
        let temporary = format!("{path}.{:06x}", turn.ids.rng.rand_range(0..0x100_0000));
        let chain = Chain::new(Owner::Config(job)).replace_file(
            turn.ids.new_file(),
            temporary.clone(),
            path,
            text,
        );
        Step::Write { chain: chain.begin(turn), temporary }
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
    pub(crate) fn note_start(&self, turn: &mut Turn) {
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
        for fact in self.machine.early_facts() {
            turn.note(ServerFact::Process(fact));
        }
        let port = turn.config.network.port;
        let fact = if turn.config.general.always_show_logo {
            ServerFact::Logo { mode, port, pid: turn.ids.pid }
        } else {
            ServerFact::RunningMode { mode, port }
        };
        turn.note(fact);
        let backlog = self.machine.backlog_fact(turn.config.network.tcp_backlog);
        backlog.into_iter().for_each(|fact| turn.note(ServerFact::Process(fact)));
    }
}

/// The commands of a node of this configuration, under the names that it gives them.
pub(crate) fn commands(config: &Config, table: &'static [Command]) -> CommandIndex {
    let mut index =
        CommandIndex::new(table, |row| row.is_known(config.source.mode == Mode::Sentinel));
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
