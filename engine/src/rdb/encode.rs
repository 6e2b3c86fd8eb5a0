//! Writing an RDB file, a little at a time.
//!
//! Redis forks and lets the child write the whole file in one go. Here the "child" is a value: an
//! [`Encoder`] owns its [`Source`] (a snapshot of the keyspace) and produces the next few kilobytes
//! whenever its driver asks: a thread natively, a slice of virtual time in the simulation.
//!
//! ```text
//!   Header ──▶ Entries ──▶ Footer ──▶ Done
//!                └──┘ one entry at a time until the chunk is large enough
//! ```

use super::{VERSION, crc, length, lzf::Compressor, opcode, string, types};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Where the entries come from: database by database in ascending order, each key once.
pub trait Source: Clone + Send {
    /// Turns to the next database that holds keys, until there is none.
    fn next_database(&mut self) -> Option<Database>;
    /// The next entry of that database, until there is none.
    fn next_entry(&mut self) -> Option<Entry<'_>>;
}

/// A database about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its number.
    pub index: u32,
    /// How many keys it holds.
    pub keys: u64,
    /// How many of them expire.
    pub expires: u64,
}

/// One key with all that is saved about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The value, a string.
    pub value: Cow<'a, [u8]>,
    /// When it expires, in milliseconds of Unix time.
    pub expire_ms: Option<i64>,
    /// What the eviction policy knows about it.
    pub meta: EntryMeta,
}

/// What an entry remembers about its use; saved only under an eviction policy that looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryMeta {
    /// Nothing is saved.
    #[default]
    None,
    /// Seconds since the last use (LRU).
    Idle(u64),
    /// The logarithmic access counter (LFU).
    Freq(u8),
}

/// The facts in the header of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuxInfo {
    /// Unix time of the save, in seconds.
    pub ctime: i64,
    /// Memory in use at the time.
    pub used_mem: u64,
    /// Where in the replication stream the data stands, when it is known.
    pub repl: Option<ReplInfo>,
    /// Whether the file is the base of an AOF.
    pub aof_base: bool,
}

/// A place in a replication stream: a replica that loads the file can ask to continue from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplInfo {
    /// The database selected in the stream.
    pub stream_db: i64,
    /// The replication id: 40 hexadecimal digits.
    pub id: String,
    /// The offset.
    pub offset: i64,
}

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// `rdbcompression`: LZF for strings of more than 20 bytes.
    pub compression: bool,
    /// `rdbchecksum`: whether the checksum is computed, or left zero.
    pub checksum: bool,
    /// For a replica that receives the file through a socket while it is made: its length is not
    /// known beforehand, so it stands between `$EOF:<mark>` and the mark again.
    pub eof_mark: Option<[u8; 40]>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { compression: true, checksum: true, eof_mark: None }
    }
}

/// Whether there is more to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again.
    More,
    /// That was the last of it.
    Done,
}

/// An RDB file in the making.
#[derive(Clone, Debug)]
pub struct Encoder<S> {
    source: S,
    aux: AuxInfo,
    options: EncodeOptions,
    lzf: Option<Compressor>,
    phase: Phase,
    keys: u64,
    crc: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    /// Between two databases.
    Database,
    Entries,
    Footer,
    Done,
}

impl<S: Source> Encoder<S> {
    /// Prepares to write what `source` holds.
    pub fn new(source: S, aux: AuxInfo, options: EncodeOptions) -> Self {
        let lzf = options.compression.then(Compressor::default);
        Self { source, aux, options, lzf, phase: Phase::Header, keys: 0, crc: 0 }
    }

    /// Appends about `budget` bytes to `out`, or one entry if that is more.
    pub fn next_chunk(&mut self, budget: usize, out: &mut Vec<u8>) -> Progress {
        if self.phase == Phase::Header
            && let Some(mark) = &self.options.eof_mark
        {
            out.extend([b"$EOF:", &mark[..], b"\r\n"].into_iter().flatten());
        }
        // The mark is not part of the file, nor of its checksum.
        let payload = out.len();
        while out.len() - payload < budget.max(1) && self.advance(out) {}
        if self.options.checksum && self.phase != Phase::Done {
            self.crc = crc::crc64(self.crc, &out[payload..]);
        }
        if self.phase != Phase::Footer {
            return Progress::More;
        }
        self.phase = Phase::Done;
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend(self.options.eof_mark.iter().flatten());
        Progress::Done
    }

    /// How many keys have been written so far.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// What is being saved.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Writes the next element; returns whether there is another before the checksum.
    fn advance(&mut self, out: &mut Vec<u8>) -> bool {
        match self.phase {
            Phase::Header => {
                self.header(out);
                self.phase = Phase::Database;
            }
            Phase::Database => match self.source.next_database() {
                Some(database) => {
                    out.push(opcode::SELECTDB);
                    length::put(out, u64::from(database.index));
                    out.push(opcode::RESIZEDB);
                    length::put(out, database.keys);
                    length::put(out, database.expires);
                    self.phase = Phase::Entries;
                }
                None => {
                    out.push(opcode::EOF);
                    self.phase = Phase::Footer;
                }
            },
            Phase::Entries => match self.source.next_entry() {
                Some(entry) => {
                    put_entry(out, &entry, self.lzf.as_mut());
                    self.keys += 1;
                }
                None => self.phase = Phase::Database,
            },
            Phase::Footer | Phase::Done => {}
        }
        !matches!(self.phase, Phase::Footer | Phase::Done)
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("REDIS{VERSION:04}").as_bytes());
        let mut aux = |name: &str, value: &str| {
            out.push(opcode::AUX);
            string::put(out, name.as_bytes(), self.lzf.as_mut());
            string::put(out, value.as_bytes(), self.lzf.as_mut());
        };
        aux("redis-ver", REDIS_VERSION);
        aux("redis-bits", "64");
        aux("ctime", &self.aux.ctime.to_string());
        aux("used-mem", &self.aux.used_mem.to_string());
        if let Some(repl) = &self.aux.repl {
            aux("repl-stream-db", &repl.stream_db.to_string());
            aux("repl-id", &repl.id);
            aux("repl-offset", &repl.offset.to_string());
        }
        aux("aof-base", if self.aux.aof_base { "1" } else { "0" });
    }
}

/// The version of Redis whose behaviour this is, as `redis-ver` says.
const REDIS_VERSION: &str = "7.0.15";

fn put_entry(out: &mut Vec<u8>, entry: &Entry<'_>, mut lzf: Option<&mut Compressor>) {
    if let Some(ms) = entry.expire_ms {
        out.push(opcode::EXPIRETIME_MS);
        out.extend_from_slice(&ms.to_le_bytes());
    }
    match entry.meta {
        EntryMeta::None => {}
        EntryMeta::Idle(seconds) => {
            out.push(opcode::IDLE);
            length::put(out, seconds);
        }
        EntryMeta::Freq(counter) => out.extend_from_slice(&[opcode::FREQ, counter]),
    }
    out.push(types::STRING);
    string::put(out, &entry.key, lzf.as_deref_mut());
    string::put(out, &entry.value, lzf);
}
