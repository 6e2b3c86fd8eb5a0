//! From the bytes of an RDB file to keys in the keyspace: at boot, and on a replica in a full sync.

use alloc::{format, string::String, vec::Vec};

use crate::{
    keyspace::{BATCH, Keyspace},
    rdb::{Checksum, Decoder, Item, LoadError, LoadedKey, Object, OtherTypes, ReplInfo},
    trace::PersistenceFact,
    turn::Turn,
};

/// What is done with keys whose time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// A master that reads its own RDB leaves them out.
    Drop {
        /// The moment, in milliseconds of Unix time.
        now_ms: u64,
        /// How many bytes of names are kept for the replicas (see [`LeftOut`]).
        most_names: u64,
    },
    /// Within an AOF, or on a replica: a DEL follows in the stream.
    Keep,
}

/// An RDB file that is being read into a keyspace.
#[derive(Clone, Debug)]
pub struct Installer {
    decoder: Decoder,
    expired: Expired,
    db: usize,
    /// What the file says about itself.
    pub facts: FileFacts,
    /// Keys that were read into the keyspace.
    pub loaded: u64,
    /// Keys that were left out, because their time had passed.
    pub left_out: LeftOut,
    /// What became of the checksum, once it was read.
    pub checksum: Option<Checksum>,
    /// Keys that are read and not yet in the keyspace, each with the offset behind it.
    waiting: Vec<(u64, LoadedKey)>,
    /// How many keys the file announces for the present database.
    announced: u64,
    /// When the database holds so many, its table is prepared for more of those that are announced.
    prepare_at: u64,
}

/// Keys that had expired when the file was read.
///
/// A replica that goes on from the position in the file still has them, and needs a DEL for each. Their names are kept
/// only if the file has a position, and only until they are longer than the backlog, which could not hold these DELs.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// How many.
    pub keys: u64,
    /// Bytes of the names that were wanted.
    bytes: u64,
    names: Vec<(u32, Vec<u8>)>,
}

impl LeftOut {
    /// The databases and names of all of them. As an error, if there were too many to keep them, the bytes of the names.
    pub fn names(self) -> Result<Vec<(u32, Vec<u8>)>, u64> {
        if self.names.is_empty() && self.bytes > 0 { Err(self.bytes) } else { Ok(self.names) }
    }

    fn keep_name(&mut self, db: u32, name: Vec<u8>, most: u64) {
        self.bytes += name.len() as u64;
        if self.bytes > most {
            self.names = Vec::new();
        } else {
            self.names.push((db, name));
        }
    }
}

/// A table is prepared for so many times the keys that have come: an announcement alone allocates nothing.
const AHEAD: u64 = 8;
/// Below so many keys a table grows by itself.
const FIRST_PREPARED: u64 = 4096;

/// What an RDB file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// The version of Redis that wrote it.
    pub redis_version: Option<String>,
    /// When.
    pub ctime: Option<i64>,
    /// Memory that was in use then.
    pub used_mem: Option<u64>,
    /// Whether it is the base of an AOF.
    pub aof_base: bool,
    /// The database selected in the replication stream.
    pub stream_db: Option<i64>,
    /// The replication id.
    pub repl_id: Option<String>,
    /// The replication offset.
    pub repl_offset: Option<i64>,
    /// Fields whose name begins with a per cent sign: they are for the log.
    pub remarks: Vec<(String, String)>,
}

impl FileFacts {
    /// The place in a replication stream, if the file names it in full.
    pub fn repl(&self) -> Option<ReplInfo> {
        Some(ReplInfo {
            stream_db: self.stream_db?,
            id: self.repl_id.clone()?,
            offset: self.repl_offset?,
        })
    }

    /// State what the log says about a file that is being read.
    pub fn log(&self, turn: &mut Turn) {
        let version = self.redis_version.clone().map(PersistenceFact::RdbVersion);
        let now = turn.clock.wall.as_secs().cast_signed();
        let age = self.ctime.map(|at| PersistenceFact::RdbAge(now.saturating_sub(at).max(0)));
        let memory = self.used_mem.map(PersistenceFact::RdbMemory);
        let base = self.aof_base.then_some(PersistenceFact::RdbIsAofBase);
        let remarks = self.remarks.iter().cloned();
        let remarks = remarks.map(|(name, text)| PersistenceFact::RdbRemark { name, text });
        for fact in [version, age, memory, base].into_iter().flatten().chain(remarks) {
            turn.note(fact);
        }
    }

    fn read_field(&mut self, name: &[u8], value: &[u8]) {
        /// A file with more remarks than this would only fill the log.
        const MOST_REMARKS: usize = 100;
        if name.first() == Some(&b'%') && self.remarks.len() < MOST_REMARKS {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            self.remarks.push((text(name), text(value)));
        }
        let Ok(value) = core::str::from_utf8(value) else { return };
        match name {
            b"redis-ver" => self.redis_version = Some(value.into()),
            b"ctime" => self.ctime = value.parse().ok(),
            b"used-mem" => self.used_mem = value.parse().ok(),
            b"aof-base" => self.aof_base = value == "1",
            b"repl-stream-db" => self.stream_db = value.parse().ok(),
            b"repl-id" => self.repl_id = Some(value.into()),
            b"repl-offset" => self.repl_offset = value.parse().ok(),
            _ => {}
        }
    }
}

impl Installer {
    /// At the beginning of a file. `verify` is `rdbchecksum`.
    pub fn new(expired: Expired, verify: bool) -> Self {
        Self {
            decoder: Decoder::new(OtherTypes::Refuse, verify),
            expired,
            db: 0,
            facts: FileFacts::default(),
            loaded: 0,
            left_out: LeftOut::default(),
            checksum: None,
            waiting: Vec::new(),
            announced: 0,
            prepare_at: FIRST_PREPARED,
        }
    }

    /// Read on: the next bytes of the file.
    ///
    /// # Errors
    /// [`LoadError`]: the file is damaged, holds a key twice, or holds what this engine has no type for.
    pub fn feed(&mut self, bytes: &[u8], keyspace: &mut Keyspace) -> Result<(), LoadError> {
        self.decoder.feed(bytes);
        let read = self.read_items(keyspace);
        self.install_waiting(keyspace)?;
        read
    }

    fn read_items(&mut self, keyspace: &mut Keyspace) -> Result<(), LoadError> {
        while let Some(item) = self.decoder.next_item()? {
            if let Item::Key(key) = item {
                self.waiting.push((self.decoder.offset(), key));
                if self.waiting.len() == BATCH {
                    self.install_waiting(keyspace)?;
                }
                continue;
            }
            self.install_waiting(keyspace)?;
            match item {
                Item::Aux { name, value } => self.facts.read_field(&name, &value),
                Item::SelectDb(db) => {
                    self.db = self.select(db, keyspace.databases())?;
                    (self.announced, self.prepare_at) = (0, FIRST_PREPARED);
                }
                Item::ResizeDb { keys, .. } => self.announced = keys,
                Item::End(checksum) => self.checksum = Some(checksum),
                Item::Function(source) => return Err(self.function_library(&source)),
                Item::Key(_) | Item::Version(_) | Item::ModuleAux(_) => {}
            }
        }
        Ok(())
    }

    /// Move the keys that wait into the keyspace: several at a time, so that the processor waits for the table's memory
    /// once and not for each key.
    fn install_waiting(&mut self, keyspace: &mut Keyspace) -> Result<(), LoadError> {
        let mut waiting = core::mem::take(&mut self.waiting);
        let db = keyspace.db_mut(self.db);
        if db.len() >= self.prepare_at {
            self.prepare_at = db.len() * AHEAD;
            db.prepare(self.announced.min(self.prepare_at));
        }
        if db.is_worth_warming() {
            let name = |at: usize| waiting.get(at).map_or(&[][..], |(_, key)| &key.key);
            db.table().warm(&core::array::from_fn(name));
        }
        for (offset, key) in waiting.drain(..) {
            self.install(offset, key, keyspace)?;
        }
        self.waiting = waiting;
        Ok(())
    }

    /// To be called when there are no more bytes.
    ///
    /// # Errors
    /// [`LoadError::Cut`] if the end is missing.
    pub fn finish(&self) -> Result<(), LoadError> {
        self.decoder.finish()
    }

    /// Whether the whole file has been read.
    pub fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// Bytes of the file that have been understood.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// What stands behind the end of the file.
    pub fn rest(&self) -> &[u8] {
        self.decoder.rest()
    }

    fn select(&self, db: u64, databases: usize) -> Result<usize, LoadError> {
        usize::try_from(db).ok().filter(|db| *db < databases).ok_or_else(|| {
            self.corrupt(format!(
                "FATAL: Data file was created with a Redis server configured to handle more than \
                 {databases} databases. Exiting"
            ))
        })
    }

    fn install(
        &mut self,
        offset: u64,
        key: LoadedKey,
        keyspace: &mut Keyspace,
    ) -> Result<(), LoadError> {
        let LoadedKey { key, object, expire_ms, idle, freq } = key;
        // A time before 1970 has passed, too.
        let expire_at = expire_ms.map(|ms| u64::try_from(ms).unwrap_or(0));
        if let (Expired::Drop { now_ms, most_names }, Some(at)) = (self.expired, expire_at)
            && at < now_ms
        {
            self.left_out.keys += 1;
            // The position, if there is one, stands before all keys.
            if self.facts.repl_id.is_some() {
                self.left_out.keep_name(self.db as u32, key, most_names);
            }
            return Ok(());
        }
        let Object::String(value): Object = object else { return Ok(()) };
        let db = keyspace.db_mut(self.db);
        if db.load_string(&key, &value, expire_at, db.clock().restored(idle, freq)) {
            let key = String::from_utf8_lossy(&key);
            let what = format!("RDB has duplicated key '{key}' in DB {}", self.db);
            return Err(LoadError::Corrupt { offset, what });
        }
        self.loaded += 1;
        Ok(())
    }

    /// There are no functions yet, and the next save would lose the library for good.
    fn function_library(&self, source: &[u8]) -> LoadError {
        let line = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace);
        let name = words.find_map(|word| word.strip_prefix(b"name=")).unwrap_or(b"?");
        let name = String::from_utf8_lossy(name);
        LoadError::Unsupported {
            offset: self.decoder.offset(),
            what: format!(
                "The function library '{name}' can't be loaded: there are no functions here"
            ),
        }
    }

    fn corrupt(&self, what: String) -> LoadError {
        LoadError::Corrupt { offset: self.decoder.offset(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_expired_keys_are_kept_up_to_a_limit() {
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.clone().names(), Ok(Vec::new()));
        left_out.keep_name(3, b"one".to_vec(), 6);
        left_out.keep_name(0, b"two".to_vec(), 6);
        let both = alloc::vec![(3, b"one".to_vec()), (0, b"two".to_vec())];
        assert_eq!(left_out.clone().names(), Ok(both));
        for _ in 0..1000 {
            left_out.keep_name(0, b"more".to_vec(), 6);
        }
        assert_eq!(left_out.names.capacity(), 0);
        assert_eq!(left_out.names(), Err(4006));
    }
}
