//! Masters and replicas: one stream of commands, sent by one node and applied by others.
//!
//! ```text
//!        clients                          a node                              its replicas
//!          │ writes                ┌───────────────────┐
//!          └──────────────────────▶│ execute           │
//!                                  │    │ feed         │
//!   its master, if it has one      │    ▼              │   places in the backlog   ┌─ replica
//!   ───────────── stream ─────────▶│  Backlog ─────────┼───────────────────────────┤
//!     replica half: link, handshake│  offset, ids      │   master's half: replicas └─ replica
//!     transfer, load, apply        └───────────────────┘
//! ```
//!
//! A node's position is a history (*replication id*) and an *offset*: how many bytes of that history's stream its data
//! contain. A replica shares its master's id and offset, passes the stream on to replicas of its own byte for byte,
//! and can therefore take its master's place: all positions stay meaningful.
//!
//! * [`psync`]: can a replica go on where it stopped? The decision, and the essay on ids and offsets.
//! * [`backlog`]: the recent end of the stream; what waits for replicas.
//!
//! As a master: [`attached`] is what a node knows about each of its replicas, [`replicas`] attaches, feeds and drops
//! them, [`full_sync`] sends a data set.
//!
//! As a replica: [`master_link`] draws the states of the link to the master; [`following`] makes, loses and gives up the
//! link, [`handshake`] introduces this node. A data set comes framed ([`payload`]); it is written to a file
//! ([`transfer`]) and read from there ([`file_load`]), or read straight from the socket ([`socket_load`]); [`slow_load`]
//! slows reading down for tests. [`stream`] is what follows it.
//!
//! [`manual_failover`]: FAILOVER. [`report`]: INFO and ROLE.
//!
//! Replication owns no client, no file of the node and no key. What it needs of them it leaves as a [`Task`], which the
//! server carries out.

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};

use crate::{
    io::{ConnId, Endpoint},
    rdb::ReplInfo,
    resp::encode::push_command,
    time::Instant,
};

pub mod attached;
pub mod backlog;
pub mod file_load;
pub mod following;
pub mod full_sync;
pub mod handshake;
pub mod manual_failover;
pub mod master_link;
pub mod payload;
pub mod psync;
pub mod replicas;
pub mod report;
pub mod slow_load;
pub mod socket_load;
pub mod stream;
pub mod transfer;

pub use attached::{Announcement, Attached, AttachedState, RdbFilter};
pub use backlog::Backlog;
pub use full_sync::FullSync;
pub use manual_failover::{Failover, FailoverStage};
pub use master_link::{CachedMaster, Link, LinkState};
pub use stream::{Stream, StreamInput};

/// The id of a history that does not exist.
pub const NO_ID: &str = "0000000000000000000000000000000000000000";

/// What a node knows about replication, in both roles.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The replication id of the history that this node's data belongs to.
    pub id: String,
    /// The history before it, for other replicas that followed it too; [`NO_ID`] if there is none.
    pub id2: String,
    /// The first byte in which the two may differ; -1 if there is no `id2`.
    pub second_offset: i64,
    /// How many bytes of the stream the data contain: the offset of the last of them.
    pub offset: u64,
    /// The recent end of the stream; made when the first replica comes, or when this node becomes one.
    pub backlog: Option<Backlog>,
    /// The database that the stream has selected; `None`: the next command must say it.
    pub selected: Option<u32>,
    /// The replicas, in the order in which they came.
    pub replicas: Vec<Attached>,
    /// The link to this node's master; `None` makes it a master.
    pub link: Option<Link>,
    /// How often replicas were synchronised.
    pub stats: SyncStats,
    /// What connections have announced about themselves and have not (yet) asked for.
    pub(crate) announcements: BTreeMap<ConnId, Announcement>,
    /// The child that makes the RDB for replicas.
    pub(crate) full_sync: Option<FullSync>,
    /// When the last replica went, on a node that has none.
    no_replicas_since: Instant,
    /// Connections that ended in this step and may have been replicas'.
    pub(crate) ended: Vec<ConnId>,
    /// See [`Replication::good_replicas`].
    good: u64,
    /// Replicas are to be asked for their offsets at the end of this turn (WAIT).
    pub(crate) wants_acks: bool,
    /// The FAILOVER that is under way.
    pub(crate) failover: Option<Failover>,
    next_cron: Instant,
    /// How many seconds the cron has counted, for the PINGs.
    cron_loops: u64,
    /// What the server must do, in this order.
    tasks: VecDeque<Task>,
}

/// What the server does for replication, right after the call that left the task: with its clients, with the keys, with
/// the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Close this connection: it is no replica's any more.
    CloseClient(ConnId),
    /// End the BGSAVE that was begun for replicas: none of them is left.
    EndSaveForReplicas,
    /// This master has become a replica: end the WAITs of its clients.
    EndWaits,
    /// A FAILOVER is over: let clients write again.
    EndFailoverPause,
    /// What was read of a master's data set is incomplete: empty the keyspace.
    DropHalfLoadedData,
    /// The master's data set lies in a file: drop the old data, then [`Replication::begin_loading`].
    ReplaceDataFromFile,
    /// The master's data set begins to come: make room for it, then [`Replication::begin_parsing`].
    ReplaceDataFromSocket,
    /// The file has been read: [`Replication::finish_loading`], and what follows from new data.
    FinishLoading,
    /// The data set has been read from the socket: [`Replication::take_parsed`], and what follows from new data.
    FinishParsing,
    /// The stream begins: make the client in whose name its commands run.
    MakeMasterClient,
    /// The stream is over: forget that client.
    ForgetMasterClient,
    /// Commands of the stream have come: run those that are complete.
    RunStream,
    /// These bytes of the master came before they could be handled: now they can.
    HandleBytes {
        /// The connection to the master.
        conn: ConnId,
        /// What it had sent.
        bytes: Vec<u8>,
    },
}

/// The synchronisations of a master: `INFO stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStats {
    /// `sync_full`
    pub full: u64,
    /// `sync_partial_ok`
    pub partial_ok: u64,
    /// `sync_partial_err`
    pub partial_err: u64,
}

impl Replication {
    /// A master without replicas, at the beginning of history `id`.
    pub fn new(id: String) -> Self {
        Self {
            id,
            id2: NO_ID.into(),
            second_offset: -1,
            offset: 0,
            backlog: None,
            selected: None,
            replicas: Vec::new(),
            link: None,
            stats: SyncStats::default(),
            announcements: BTreeMap::new(),
            full_sync: None,
            no_replicas_since: Instant::default(),
            ended: Vec::new(),
            good: 0,
            wants_acks: false,
            failover: None,
            next_cron: Instant::default(),
            cron_loops: 0,
            tasks: VecDeque::new(),
        }
    }

    /// The next thing that the server must do for replication.
    pub(crate) fn next_task(&mut self) -> Option<Task> {
        self.tasks.pop_front()
    }

    fn leave(&mut self, task: Task) {
        self.tasks.push_back(task);
    }

    /// Whether this node follows a master.
    pub fn is_replica(&self) -> bool {
        self.link.is_some()
    }

    /// The master of this node.
    pub fn master(&self) -> Option<&Endpoint> {
        self.link.as_ref().map(|link| &link.master)
    }

    /// Whether the link to the master stands, the first sync done.
    pub fn link_is_up(&self) -> bool {
        matches!(&self.link, Some(Link { state: LinkState::Online(_), .. }))
    }

    /// Whether the data set that came from the master is being read, and nothing can be served.
    pub fn is_loading(&self) -> bool {
        match self.link.as_ref().map(|link| &link.state) {
            Some(LinkState::Loading(_)) => true,
            Some(LinkState::Parsing(parsing)) => !parsing.serves,
            _ => false,
        }
    }

    /// Whether it is being read while the old data are served.
    pub fn is_loading_aside(&self) -> bool {
        let state = self.link.as_ref().map(|link| &link.state);
        matches!(state, Some(LinkState::Parsing(parsing)) if parsing.serves)
    }

    /// How many replicas have acknowledged within `min-replicas-max-lag`, as of the last count.
    pub fn good_replicas(&self) -> u64 {
        self.good
    }

    /// How many replicas have acknowledged the stream up to `offset`.
    pub fn replicas_at(&self, offset: u64) -> u64 {
        let there = |replica: &&Attached| replica.is_online() && replica.acked >= offset;
        self.replicas.iter().filter(there).count() as u64
    }

    /// What the replicas have acknowledged, the largest offset first.
    pub(crate) fn acked_offsets(&self) -> Vec<u64> {
        let online = self.replicas.iter().filter(|replica| replica.is_online());
        let mut acked: Vec<u64> = online.map(|replica| replica.acked).collect();
        acked.sort_unstable_by(|a, b| b.cmp(a));
        acked
    }

    /// The replica on this connection.
    pub fn attached(&mut self, conn: ConnId) -> Option<&mut Attached> {
        self.replicas.iter_mut().find(|replica| replica.conn == conn)
    }

    /// What the connection has announced about itself, to be changed.
    pub(crate) fn announced(&mut self, conn: ConnId) -> &mut Announcement {
        match self.replicas.iter().position(|replica| replica.conn == conn) {
            Some(at) => &mut self.replicas[at].announced,
            None => self.announcements.entry(conn).or_default(),
        }
    }

    /// Where in which stream this node's data stand, for an RDB's header; `None` if it can't say.
    pub(crate) fn position(&self) -> Option<ReplInfo> {
        let stream_db = match &self.link {
            None => {
                self.backlog.as_ref()?;
                i64::from(self.selected.unwrap_or(0))
            }
            Some(link) => i64::from(link.stream_db()?),
        };
        Some(ReplInfo { stream_db, id: self.id.clone(), offset: self.offset as i64 })
    }

    /// Whether the stream to the replicas is kept at all.
    pub fn listens(&self) -> bool {
        self.backlog.is_some() && !self.is_replica()
    }

    /// A change to the data, encoded as a command, made in database `db`: it goes into the stream to the replicas.
    ///
    /// Not on a replica: its stream is its master's.
    pub fn feed(&mut self, db: u32, command: &[u8]) {
        if self.is_replica() || self.backlog.is_none() {
            return;
        }
        if self.selected != Some(db) {
            self.selected = Some(db);
            let mut select = Vec::new();
            let number = alloc::format!("{db}");
            push_command(&mut select, [b"SELECT", number.as_bytes()].into_iter());
            self.append(&select);
        }
        self.append(command);
    }

    /// A command for the stream that concerns no database (PING, REPLCONF GETACK).
    pub(crate) fn feed_bare(&mut self, args: &[&[u8]]) {
        if self.is_replica() || self.backlog.is_none() {
            return;
        }
        let mut command = Vec::new();
        push_command(&mut command, args.iter().copied());
        self.append(&command);
    }

    /// The stream goes on with these bytes: a command of this node, or bytes of its master.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
        }
    }

    /// Keep the stream from here on.
    pub(crate) fn create_backlog(&mut self, size: u64) {
        if self.backlog.is_none() {
            self.backlog = Some(Backlog::new(self.offset + 1, size));
        }
    }

    /// Memory of the stream: what counts as the backlog, and what more is kept for the replicas (`mem_clients_slaves`).
    pub(crate) fn stream_memory(&self) -> (u64, u64) {
        let Some(backlog) = &self.backlog else { return (0, 0) };
        let all = backlog.memory();
        let beyond = if self.replicas.is_empty() { 0 } else { all.saturating_sub(backlog.size()) };
        (all - beyond, beyond)
    }

    /// Drop the blocks that no replica needs and no PSYNC can ask for.
    pub(crate) fn trim_backlog(&mut self) {
        let needed = self.replicas.iter().filter_map(Attached::needs).min();
        if let Some(backlog) = &mut self.backlog {
            backlog.trim(needed.unwrap_or(u64::MAX));
        }
    }

    /// A history that shares no byte with any before it.
    pub(crate) fn begin_history(&mut self, id: String) {
        self.id = id;
        self.forget_second_id();
    }

    /// Followers of the history before this one can't be continued any more.
    pub(crate) fn forget_second_id(&mut self) {
        self.id2 = NO_ID.into();
        self.second_offset = -1;
    }

    /// A new id from the next byte on; up to that byte this history is the one that the other replicas of the old master
    /// followed too.
    pub(crate) fn shift_id(&mut self, new: String) {
        self.id2 = core::mem::replace(&mut self.id, new);
        self.second_offset = self.offset as i64 + 1;
    }
}

#[cfg(test)]
mod tests;
