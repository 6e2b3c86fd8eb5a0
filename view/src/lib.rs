//! What the page shows, and what it asks for: the border between the page and whatever plays the nodes.
//!
//! ```text
//!   web (draws)  ── Command ──▶  player: a simulation in a worker, the supervisor of a native lab, a watcher of real Redis nodes
//!                ◀── Frame ───
//! ```
//!
//! The types are plain and serialisable, with ids of their own, and say nothing of how a node is made: whoever can fill
//! them can be watched with the same page. They hold facts (numbers, names, Redis's own words), never a sentence of the
//! page: the page says them in the reader's language.
//!
//! | for | module |
//! |---|---|
//! | names of nodes, clients and messages | [`ids`] |
//! | what is drawn in the middle: nodes, links, messages on their way | [`stage`] |
//! | what sentinels know and think | [`sentinel`] |
//! | one node, one message, one client, from inside | [`inside`] |
//! | what happened when: marks, messages that have arrived | [`time`] |
//! | where each write is | [`writes`] |
//! | what two timelines do not have in common | [`compare`] |
//! | a walkthrough | [`lesson`] |
//! | what goes from page to player and back | [`protocol`] |

#![no_std]

extern crate alloc;

pub mod compare;
pub mod ids;
pub mod inside;
pub mod lesson;
pub mod protocol;
pub mod sentinel;
pub mod stage;
pub mod time;
pub mod writes;

pub use ids::{ClientId, NodeId, Party};
pub use protocol::{BadBytes, Command, Frame};
