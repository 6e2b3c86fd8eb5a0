//! The node's half of persistence: when to save, when to append, when to rewrite, what to load.

use crate::time::Time;

pub mod install;
pub mod jobs;

/// Everything that the node knows about its files.
#[derive(Clone, Debug, Default)]
pub struct Persistence {}

impl Persistence {
    /// A change to the data, encoded as a command, made in database `db`: the AOF's buffer takes it.
    pub fn feed(&mut self, _now: Time, _db: u32, _command: &[u8]) {}

    /// The AOF offset that a reply must wait for; `None`: it may go at once.
    pub fn gate(&self) -> Option<u64> {
        None
    }

    /// Why writes are refused, if the disk has failed: the last background save, or the AOF.
    pub fn write_refusal(
        &self,
        _config: &crate::config::Config,
    ) -> Option<crate::refusal::Refusal> {
        None
    }

    /// Whether data is being loaded from disk.
    pub fn is_loading(&self) -> bool {
        false
    }

    /// Whether a child job runs: keys' access clocks stand still then, so that nothing is copied for their sake.
    pub fn has_child(&self) -> bool {
        false
    }

    /// Whether the AOF has come as far as `offset`, in the sense of `appendfsync`.
    pub fn has_reached(&self, _offset: u64) -> bool {
        true
    }
}
