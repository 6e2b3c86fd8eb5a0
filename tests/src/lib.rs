//! What the tests in `tests/tests/` share: nodes of ours and of real Redis as processes on free
//! ports, a small RESP client, redis-cli, waiting for things, and skipping what this machine cannot
//! run.
//!
//! ```no_run
//! use tests::{Node, Program};
//!
//! let master = Node::start(Program::Ours, &["appendonly yes"]);
//! let replica = Node::start(Program::Redis, &[&format!("replicaof 127.0.0.1 {}", master.port())]);
//! master.client().call(&["SET", "a", "1"]).expect_ok();
//! tests::wait_until("the replica has the key", || replica.client().call(&["GET", "a"]).is("1"));
//! ```

mod need;
mod node;
mod page;
mod proxy;
mod repo;
mod resp;
mod wait;

pub use need::{Tool, have, skip};
pub use node::{Node, Program, pinned, redis_cli, server_binary};
pub use page::PageServer;
pub use proxy::Proxy;
pub use repo::{page_directory, root, server_features, tracked_files};
pub use resp::{Client, Value, encode};
pub use wait::{free_port, wait_at_most, wait_until};
