//! The session layer: the connected clients, and what has been agreed with each.
//!
//! ```text
//!   Clients ── Client ─┬─ net      addresses, times, whether it is being closed
//!      │               ├─ input    bytes received, decoder
//!      │               ├─ output   replies, what they wait for, what the driver could not send yet
//!      │               ├─ session  database, protocol, name, transaction, which replies are wanted
//!      │               └─ kind, subscriptions, tracking, monitor: what this connection is to the node
//!      ├─ Waits        blocked clients, by what ends their wait: replicas, a deadline, a pause, a shutdown
//!      └─ run queue    clients whose wait has ended, and whose requests are run next
//!
//!   Watches · PubSub · Tracking · Pauses        registers of keys, channels and reasons to wait
//! ```
//!
//! This layer owns state and answers questions about it. Executing requests and sending replies is the server's part.

pub mod client;
pub mod clients;
pub mod input;
pub mod pauses;
pub mod pubsub;
pub mod tracking;
pub mod waits;
pub mod watches;

pub use client::{Blocked, Client, ClientKind, CloseIntent, Replies};
pub use clients::Clients;
pub use pauses::{Pause, Paused, Pauses};
pub use pubsub::PubSub;
pub use tracking::Tracking;
pub use watches::Watches;
