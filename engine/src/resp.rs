//! RESP, the protocol between clients and servers: requests in, replies out.
//!
//! * [`ahead`]: which keys the next requests of a pipeline ask for.
//! * [`decode`]: requests (multibulk and inline), cut anywhere, without copying them.
//! * [`encode`]: replies in RESP2 or RESP3, appended to a buffer.
//! * [`reply_decode`]: replies, for whoever asks: a sentinel, a terminal in the page.
//! * [`show`]: replies as redis-cli prints them.
//! * [`split`]: Redis's rules for quoting arguments, shared by inline commands and configuration files.
//!
//! Source: <https://redis.io/docs/reference/protocol-spec/>.

pub mod ahead;
pub mod decode;
pub mod encode;
pub mod reply_decode;
pub mod show;
pub mod split;

pub use decode::{Args, Decoded, ProtocolError, RequestDecoder};
pub use encode::{Protocol, Reply};
