//! The data set as a whole: an RDB file becomes keys, a snapshot of the keys becomes a file.
//!
//! ```text
//!   bytes of an RDB file ─▶ Installer ─▶ keyspace ─▶ snapshot ─▶ RdbWork      ─▶ bytes of an RDB file
//!                                                          └───▶ CommandWork  ─▶ bytes of an AOF
//! ```
//!
//! Persistence reads and writes files with it, replication sends and receives data sets with it.

pub mod child_work;
pub mod installer;

pub use child_work::{CommandWork, RdbWork, SnapshotSource};
pub use installer::{Expired, FileFacts, Installer, LeftOut};
