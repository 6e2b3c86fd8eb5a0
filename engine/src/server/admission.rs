//! Admission: the checks before a command runs, in Redis's order.
//!
//! The first check that fails is the error that the client sees, so the order is part of the protocol: a client without
//! a password learns nothing but that, and a full replica says READONLY before it says that it is still loading.

use super::{Command, Server};
use crate::{
    io::Endpoint,
    refusal::{Outcome, Refusal},
    session::{Client, ClientKind, Paused, Pauses},
    spec::Flag,
    time::Instant,
    turn::Turn,
};

impl Server {
    /// Whether this client may run this command now.
    pub(crate) fn admit(&self, turn: &Turn, client: &Client, row: &Command) -> Outcome {
        if client.kind != ClientKind::Normal && client.kind != ClientKind::Replica {
            return Ok(());
        }
        self.admit_protected(turn, client, row)?;
        if !client.session.authenticated && !row.is(Flag::NoAuth) {
            return Err(Refusal::NoAuth);
        }
        if client.session.multi.is_some() && row.is(Flag::NoMulti) {
            return Err(Refusal::err("Command not allowed inside a transaction"));
        }
        let queued = self.queued_by(client);
        let in_queue = |flag| row.is(Flag::RunsQueue) && queued.clone().any(|row| row.is(flag));
        let writes = row.is(Flag::Write) || in_queue(Flag::Write);
        let grows = row.is(Flag::Denyoom) || in_queue(Flag::Denyoom);
        // A queue takes memory too, whatever is in it.
        let queues = client.session.multi.is_some() && !row.is(Flag::RunsInMulti);
        if (grows || queues) && !self.leftover.eviction && self.is_out_of_memory(turn) {
            return Err(Refusal::OutOfMemory);
        }
        if writes || row.is(Flag::ReportsDiskErrors) {
            self.admit_to_disk(turn)?;
        }
        if writes {
            self.admit_write(turn)?;
        }
        if client.is_subscriber_only() && !row.is(Flag::ForSubscribers) {
            return Err(Refusal::err(format_args!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                row.full_name()
            )));
        }
        let all_are = |flag| {
            let runs_queue = row.is(Flag::RunsQueue);
            row.is(flag) && (!runs_queue || queued.clone().all(|row| row.is(flag)))
        };
        self.admit_state(turn, row, all_are)
    }

    /// DEBUG and MODULE are off unless the configuration says otherwise.
    fn admit_protected(&self, turn: &Turn, client: &Client, row: &Command) -> Outcome {
        use crate::config::ProtectedAction;
        let general = &turn.config.general;
        let (rule, name, option) = if row.is(Flag::ProtectedDebug) {
            (general.enable_debug_command, "DEBUG", "enable-debug-command")
        } else if row.is(Flag::ProtectedModule) {
            (general.enable_module_command, "MODULE", "enable-module-command")
        } else {
            return Ok(());
        };
        let allowed = match rule {
            ProtectedAction::Yes => true,
            ProtectedAction::No => false,
            ProtectedAction::Local => client.is_local(),
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal::err(format_args!(
            "{name} command not allowed. If the {option} option is set to \"local\", you can run it from a local \
             connection, otherwise you need to set this option in the configuration file, and then restart the server."
        )))
    }

    /// A master whose disk fails takes no writes (and says so to PING).
    fn admit_to_disk(&self, turn: &Turn) -> Outcome {
        if self.replication.is_replica() {
            return Ok(());
        }
        self.persistence.write_refusal(&turn.config).map_or(Ok(()), Err)
    }

    fn admit_write(&self, turn: &Turn) -> Outcome {
        let rules = &turn.config.replication;
        if self.replication.is_replica() {
            return if rules.read_only { Err(Refusal::ReadOnly) } else { Ok(()) };
        }
        let wanted = rules.min_replicas_to_write;
        let guarded = wanted > 0 && rules.min_replicas_max_lag > 0;
        if guarded && self.replication.good_replicas() < u64::from(wanted) {
            return Err(Refusal::NoReplicas);
        }
        Ok(())
    }

    /// Stale data, data that is being loaded.
    fn admit_state(&self, turn: &Turn, row: &Command, bears: impl Fn(Flag) -> bool) -> Outcome {
        let stale = self.replication.is_replica() && !self.replication.link_is_up();
        if stale && !turn.config.replication.serve_stale_data && !bears(Flag::Stale) {
            return Err(Refusal::MasterDown);
        }
        if self.is_loading() && !bears(Flag::Loading) {
            return Err(Refusal::Loading);
        }
        if row.is(Flag::NoAsyncLoading) && self.replication.is_loading_aside() {
            return Err(Refusal::Loading);
        }
        Ok(())
    }

    /// Whether what is stored is more than `maxmemory` allows.
    pub(crate) fn is_out_of_memory(&self, turn: &Turn) -> bool {
        let limit = turn.config.memory.maxmemory;
        limit > 0 && !self.replication.is_replica() && self.counted_memory() > limit
    }

    /// What this node's data and buffers take, by the same rule on every platform.
    pub(crate) fn used_memory(&self) -> u64 {
        self.counted_memory() + self.uncounted_memory()
    }

    /// What `maxmemory` limits: the data, the backlog, and the buffers of ordinary clients.
    pub(super) fn counted_memory(&self) -> u64 {
        let backlog = self.replication.backlog.as_ref();
        let backlog = backlog.map_or(0, |it| it.memory() - it.memory_beyond_size());
        self.keyspace.approximate_bytes() + self.clients.buffered() + backlog
    }

    /// What grows by evicting, and therefore must not cause more of it: the buffers of replicas and of the AOF
    /// (`mem_not_counted_for_evict`).
    pub(crate) fn uncounted_memory(&self) -> u64 {
        let backlog = self.replication.backlog.as_ref();
        let beyond = backlog.map_or(0, |backlog| backlog.memory_beyond_size());
        beyond + self.clients.buffered_for_replicas() + self.persistence.aof.buffer_len()
    }

    /// What is used beside the data, and for what.
    pub(crate) fn overhead(&self) -> Overhead {
        let (backlog, beyond) = self.replication.stream_memory();
        let normal = self.clients.iter().filter(|client| client.kind != ClientKind::Replica);
        Overhead {
            backlog,
            replicas: beyond + self.clients.buffered_for_replicas(),
            normal: normal.map(|client| client.memory()).sum(),
            aof: self.persistence.aof.buffer_len(),
        }
    }

    /// Whether a pause promises that nothing changes: what has expired stays, and nothing is evicted.
    pub(crate) fn replication_stands_still(&self, now: Instant) -> bool {
        self.pauses.at(now) != Paused::Nothing
    }

    /// Whether a pause keeps this command waiting.
    pub(crate) fn is_paused(&self, now: Instant, client: &Client, row: &Command) -> bool {
        if self.pauses == Pauses::default() {
            return false;
        }
        let paused = self.pauses.at(now);
        if paused == Paused::Nothing || client.kind != ClientKind::Normal {
            return false;
        }
        let queues = client.session.multi.is_some() && !row.is(Flag::RunsInMulti);
        let may_replicate = |row: &Command| row.is(Flag::Write) || row.is(Flag::MayReplicate);
        let in_queue = row.is(Flag::RunsQueue) && self.queued_by(client).any(may_replicate);
        !queues && (paused == Paused::All || may_replicate(row) || in_queue)
    }

    /// The commands of the client's transaction.
    fn queued_by(&self, client: &Client) -> impl Iterator<Item = &'static Command> + Clone {
        let multi = client.session.multi.iter();
        let queue = multi.flat_map(|multi| multi.queue().iter());
        queue.map(|(id, _)| self.commands.get(*id))
    }
}

/// Memory that is no data, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overhead {
    /// The backlog.
    pub backlog: u64,
    /// What waits for replicas.
    pub replicas: u64,
    /// The other clients, their buffers included.
    pub normal: u64,
    /// The AOF's buffer.
    pub aof: u64,
}

impl Client {
    /// Whether its peer is on the same machine.
    pub fn is_local(&self) -> bool {
        is_local(&self.net.peer)
    }
}

/// Whether this end is on this machine: the loopback interface, or a Unix socket.
pub(super) fn is_local(end: &Endpoint) -> bool {
    let host = end.host.as_str();
    host.starts_with("127.") || host == "::1" || host.is_empty() || host.starts_with('/')
}

/// The answer to a client of another machine while there is no password (`protected-mode`).
pub(super) const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and \
no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you \
want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected \
mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same \
host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG \
REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis \
configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the \
server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password \
for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting \
connections from the outside.\r\n";
