//! The RDB format: a whole data set as one file, and the form in which a master hands its data to a replica.
//!
//! An RDB file is a header, a run of opcodes, and a checksum. Nothing in it points backwards, so it
//! can be written to and read from a socket as easily as a file:
//!
//! ```text
//!   "REDIS" "0010"                              magic, version (four digits)
//!   FA <name> <value>                           auxiliary field: redis-ver, ctime, repl-id, …
//!   FE <db>                                     the keys that follow live in this database
//!   FB <keys> <keys that expire>                a hint for sizing tables
//!   [FC <ms, 8 bytes LE>] [F8 <idle> | F9 <freq>] <type> <key> <value>
//!   …
//!   FF <CRC-64 of everything before it, 8 bytes LE; 0 = not computed>
//! ```
//!
//! A number or a length is [one, two, five or nine bytes](length); a string is [plain, a packed
//! integer, or LZF-compressed](string). Seven aggregate types were given some twenty encodings over
//! the years ([`types`]); this version of the engine *stores* strings only, but it can name every
//! type, refuse it clearly, and walk over it when it merely checks a file.
//!
//! - [`Encoder`] writes, a little at a time, so that saving can be a child job that is run in slices.
//! - [`Decoder`] reads, from chunks cut anywhere, and trusts no length that it finds.
//! - [`check_rdb`] is what `redis-check-rdb` does.

pub mod check_rdb;
pub mod crc;
mod decode;
mod encode;
pub mod length;
pub mod lzf;
pub mod string;
pub mod types;
mod walk;

#[cfg(test)]
mod tests;

pub use decode::{Checksum, Decoder, Item, LoadError, LoadedKey, Object, OtherTypes};
pub use encode::{
    AuxInfo, Database, EncodeOptions, Encoder, Entry, EntryMeta, Progress, ReplInfo, Source,
};

/// The version that this engine writes, as Redis 7.0 does.
pub const VERSION: u32 = 10;
/// The newest version that it reads (Redis 7.4).
pub const NEWEST_READABLE: u32 = 12;

/// The bytes between the keys.
pub mod opcode {
    /// Slot information of a cluster (newer than 7.0): skipped.
    pub const SLOT_INFO: u8 = 244;
    /// A function library.
    pub const FUNCTION2: u8 = 245;
    /// A function library as release candidates of 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    /// Data that a module keeps outside of keys.
    pub const MODULE_AUX: u8 = 247;
    /// Seconds since the next key was last used (written under an LRU policy).
    pub const IDLE: u8 = 248;
    /// Access frequency of the next key (written under an LFU policy).
    pub const FREQ: u8 = 249;
    /// An auxiliary field.
    pub const AUX: u8 = 250;
    /// Table sizes of the current database.
    pub const RESIZEDB: u8 = 251;
    /// When the next key expires, in milliseconds.
    pub const EXPIRETIME_MS: u8 = 252;
    /// When the next key expires, in seconds (old files).
    pub const EXPIRETIME: u8 = 253;
    /// The database that the following keys live in.
    pub const SELECTDB: u8 = 254;
    /// The end; the checksum follows.
    pub const EOF: u8 = 255;
}
