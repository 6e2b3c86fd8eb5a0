//! The virtual world around engine nodes: network, disks, clocks and clients, all from one seed.
//!
//! | for | module |
//! |---|---|
//! | nodes, network and clients under one clock | [`world`] |
//! | what can be done to it | [`action`] |
//! | a run as a value, and as a link | [`run`] |
//! | where a run begins | [`scenario`] |
//! | page cache and platter | [`disk`] |
//! | connections, messages, partitions | [`net`] |
//! | messages that have arrived lately | [`trail`] |
//! | terminals and workloads | [`client`] |
//! | what became of each write | [`ledger`] |
//! | time travel: seek, fork, checkpoints | [`history`] |
//! | lessons, and their goals | [`lesson`] |
//! | random faults, and what must hold in spite of them | [`chaos`], [`invariants`] |
//! | pictures of a world, for the page | [`view`], [`meaning`] |
//! | the page's commands in, frames out | [`player`] |
//!
//! Nothing in here reads a real clock, starts a thread or draws randomness but from the seed.

pub mod action;
pub mod chaos;
mod child;
pub mod client;
pub mod digest;
pub mod disk;
pub mod history;
pub mod host;
pub mod ids;
pub mod invariants;
pub mod ledger;
pub mod lesson;
pub mod log;
pub mod meaning;
pub mod net;
pub mod player;
mod queue;
pub mod remains;
pub mod run;
pub mod scenario;
pub mod trail;
pub mod view;
pub mod world;

pub use action::{Action, Target, Timed};
pub use history::{History, digest_of};
pub use ids::{ClientId, NodeId, Party};
pub use lesson::Lesson;
pub use player::Player;
pub use run::{BadLink, Run};
pub use scenario::{NodeKind, NodeSpec, Scenario};
pub use world::World;
