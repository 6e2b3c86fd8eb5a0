//! Masters and replicas: the backlog, PSYNC, and both halves of a replication link.

use alloc::string::String;

use crate::time::Time;

/// What a node knows about replication, in both roles.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The replication id of the history that this node's data belongs to.
    pub id: String,
}

impl Replication {
    /// A master without replicas, at the beginning of history `id`.
    pub fn new(id: String) -> Self {
        Self { id }
    }

    /// Whether this node follows a master.
    pub fn is_replica(&self) -> bool {
        false
    }

    /// Whether the link to the master stands, the first sync done.
    pub fn link_is_up(&self) -> bool {
        false
    }

    /// How many replicas have acknowledged the stream up to `offset`.
    pub fn replicas_at(&self, _offset: u64) -> u64 {
        0
    }

    /// Whether data is being loaded from the master.
    pub fn is_loading(&self) -> bool {
        false
    }

    /// How many replicas were heard of within `min-replicas-max-lag`.
    pub fn good_replicas(&self) -> u64 {
        0
    }

    /// A change to the data, encoded as a command, made in database `db`: it goes into the stream to the replicas.
    pub fn feed(&mut self, _now: Time, _db: u32, _command: &[u8]) {}
}
