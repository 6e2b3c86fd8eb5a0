//! Reading an RDB file from chunks cut anywhere.
//!
//! ```text
//!   feed(bytes) ──▶ [ unread bytes ] ──▶ next() ──▶ Some(item) … None: feed more
//!                                            └────▶ LoadError: what is wrong, and where
//! ```
//!
//! The decoder takes the file apart step by step (an opcode, a key, a value). A step that finds too
//! few bytes changes nothing and says how many it needs, so that it is not tried again in vain: a
//! value of 100 MB that arrives in small chunks is looked at once, when it is complete. Lengths are
//! never trusted with an allocation: memory is used for bytes that have arrived.

use super::string::{self, StringError as Stop};
use super::types::{self, Type};
use super::walk::{self, Walk};
use super::{NEWEST_READABLE, crc, opcode};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What stands in the file, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// The magic was right; this is the format's version.
    Version(u32),
    /// An auxiliary field.
    Aux {
        /// Its name.
        name: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// The keys that follow live in this database.
    SelectDb(u64),
    /// A hint: how many keys are coming.
    ResizeDb {
        /// Keys in the current database.
        keys: u64,
        /// Keys that expire.
        expires: u64,
    },
    /// A key with its value.
    Key(LoadedKey),
    /// The source of a function library.
    Function(Vec<u8>),
    /// Data of a module that is not bound to a key (walked over).
    ModuleAux(String),
    /// The end of the file.
    End(Checksum),
}

/// A key as it stands in the file.
#[derive(Clone, Debug)]
pub struct LoadedKey {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub object: Object,
    /// When it expires, in milliseconds of Unix time.
    pub expire_ms: Option<i64>,
    /// Seconds since its last use.
    pub idle: Option<u64>,
    /// Its access counter.
    pub freq: Option<u8>,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Object {
    /// A string.
    String(Vec<u8>),
    /// Something else, walked over ([`OtherTypes::Walk`]).
    Walked(&'static Type),
}

/// What became of the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It agrees with the bytes.
    Verified,
    /// The file was saved with `rdbchecksum no`.
    Disabled,
    /// The file is too old to have one, or the reader did not ask.
    Unchecked,
}

/// What to do with a value that is not a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherTypes {
    /// Stop with a sentence that names the key and its type: data must not be dropped silently.
    Refuse,
    /// Go over it; for checking a file.
    Walk,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The file does not begin with `REDIS`.
    Signature,
    /// A version that this decoder does not know.
    Version(i64),
    /// The bytes make no sense.
    Corrupt {
        /// How many bytes had been read.
        offset: u64,
        /// What is wrong, in a sentence.
        what: String,
    },
    /// The file is sound, but holds something that this version of the engine cannot.
    Unsupported {
        /// How many bytes had been read.
        offset: u64,
        /// What it is, in a sentence.
        what: String,
    },
    /// The checksum in the file is not that of its bytes.
    Checksum {
        /// Computed from the bytes.
        expected: u64,
        /// Found in the file.
        got: u64,
    },
    /// The file ends too early.
    Cut {
        /// Where it ends.
        offset: u64,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Self::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Self::Corrupt { what, .. } | Self::Unsupported { what, .. } => f.write_str(what),
            Self::Checksum { expected, got } => {
                write!(
                    f,
                    "Wrong RDB checksum expected: ({expected:x}) but got ({got:x}). Aborting now."
                )
            }
            Self::Cut { .. } => f.write_str("Unexpected EOF reading RDB file"),
        }
    }
}

/// A reader of RDB files.
#[derive(Clone, Debug)]
pub struct Decoder {
    input: Input,
    others: OtherTypes,
    verify: bool,
    version: u32,
    state: State,
    /// What was said about the next key.
    expire_ms: Option<i64>,
    idle: Option<u64>,
    freq: Option<u8>,
    /// Nothing can be done before so many unread bytes are there.
    needed: usize,
    failed: Option<LoadError>,
}

#[derive(Clone, Debug)]
enum State {
    Magic,
    Opcode,
    Key(&'static Type),
    Value(&'static Type, Vec<u8>),
    /// Going over a value, or (without a key) over data of a module.
    Walking(Walk, Walked),
    Checksum,
    Done,
}

#[derive(Clone, Debug)]
enum Walked {
    Key(&'static Type, Vec<u8>),
    ModuleAux(String),
}

/// A step either makes progress, sometimes with an item to show for it, or cannot.
type Step = Result<Option<Item>, Halt>;

/// Why a step could not be taken.
enum Halt {
    /// The bytes do not suffice, or make no sense.
    Bytes(Stop),
    /// They do, and that is the problem.
    Refused(LoadError),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Bytes(stop)
    }
}

impl Halt {
    fn corrupt(what: impl Into<String>) -> Self {
        Self::Bytes(Stop::Bad(what.into()))
    }
}

impl Decoder {
    /// A decoder at the start of a file. `verify` is `rdbchecksum`.
    #[must_use]
    pub fn new(others: OtherTypes, verify: bool) -> Self {
        Self {
            input: Input::default(),
            others,
            verify,
            version: 0,
            state: State::Magic,
            expire_ms: None,
            idle: None,
            freq: None,
            needed: 0,
            failed: None,
        }
    }

    /// Hands over the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// The next item, or `None` when more bytes are needed (or the end was reached).
    pub fn next_item(&mut self) -> Result<Option<Item>, LoadError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while !matches!(self.state, State::Done) && self.input.unread().len() >= self.needed {
            self.needed = 0;
            match self.step() {
                Ok(None) => {}
                Ok(Some(item)) => return Ok(Some(item)),
                Err(Halt::Bytes(Stop::Short(needed))) => {
                    self.needed = needed.max(self.input.unread().len() + 1);
                }
                Err(Halt::Bytes(Stop::Bad(what))) => {
                    return self.fail(LoadError::Corrupt { offset: self.input.offset, what });
                }
                Err(Halt::Refused(error)) => return self.fail(error),
            }
        }
        Ok(None)
    }

    fn fail(&mut self, error: LoadError) -> Result<Option<Item>, LoadError> {
        self.failed = Some(error.clone());
        Err(error)
    }

    /// To be called when there are no more bytes: an error unless the end was reached.
    pub fn finish(&self) -> Result<(), LoadError> {
        match (&self.failed, &self.state) {
            (Some(error), _) => Err(error.clone()),
            (None, State::Done) => Ok(()),
            (None, _) => {
                Err(LoadError::Cut { offset: self.input.offset + self.input.unread().len() as u64 })
            }
        }
    }

    /// How many bytes of the file have been understood.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.input.offset
    }

    /// Whether [`Item::End`] has been returned.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The bytes behind the end: the tail of an AOF that begins with an RDB file.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.input.unread()
    }

    /// What the decoder is busy with, in the words of redis-check-rdb.
    #[must_use]
    pub fn doing(&self) -> &'static str {
        match &self.state {
            State::Magic => "start",
            State::Opcode | State::Done => match self.input.unread().first() {
                Some(&opcode::AUX) => "read-aux",
                Some(&(opcode::SELECTDB | opcode::RESIZEDB)) => "read-len",
                Some(&(opcode::EXPIRETIME | opcode::EXPIRETIME_MS)) => "read-expire",
                Some(&opcode::MODULE_AUX) => "read-module-aux",
                Some(&(opcode::FUNCTION2 | opcode::FUNCTION_PRE_GA)) => "read-functions",
                _ => "read-type",
            },
            State::Key(_) => "read-key",
            State::Walking(_, Walked::ModuleAux(_)) => "read-module-aux",
            State::Value(..) | State::Walking(..) => "read-object-value",
            State::Checksum => "check-sum",
        }
    }

    /// The key whose value is being read, and the type that was announced.
    #[must_use]
    pub fn reading(&self) -> (Option<&[u8]>, Option<&'static Type>) {
        match &self.state {
            State::Key(of) => (None, Some(of)),
            State::Value(of, key) | State::Walking(_, Walked::Key(of, key)) => {
                (Some(key), Some(of))
            }
            _ => (None, None),
        }
    }

    fn step(&mut self) -> Step {
        match &mut self.state {
            State::Magic => self.magic(),
            State::Opcode => self.opcode(),
            State::Key(of) => {
                let of = *of;
                let key = self.input.text()?;
                self.state = self.value_of(of, key)?;
                Ok(None)
            }
            State::Value(of, key) => {
                let (of, value) = (*of, self.input.text()?);
                let key = core::mem::take(key);
                debug_assert_eq!(of.code, types::STRING);
                Ok(Some(self.loaded(key, Object::String(value))))
            }
            State::Walking(walk, _) => match walk.step(self.input.unread())? {
                Some(used) => {
                    self.input.consume(used);
                    Ok(None)
                }
                None => Ok(self.walked()),
            },
            State::Checksum => self.checksum(),
            State::Done => Ok(None),
        }
    }

    fn magic(&mut self) -> Step {
        let magic = self.input.peek(9)?;
        if !magic.starts_with(b"REDIS") {
            return Err(Halt::Refused(LoadError::Signature));
        }
        let text = core::str::from_utf8(&magic[5..]).unwrap_or("");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let version: i64 = text[..digits].parse().unwrap_or(0);
        match u32::try_from(version).ok().filter(|v| (1..=NEWEST_READABLE).contains(v)) {
            Some(version) => {
                self.input.consume(9);
                self.version = version;
                self.state = State::Opcode;
                Ok(Some(Item::Version(version)))
            }
            None => Err(Halt::Refused(LoadError::Version(version))),
        }
    }

    fn opcode(&mut self) -> Step {
        let code = self.input.peek(1)?[0];
        let item = match code {
            opcode::AUX => {
                let (name, value) = self.input.after(1, |at| Ok((at.text()?, at.text()?)))?;
                Some(Item::Aux { name, value })
            }
            opcode::SELECTDB => Some(Item::SelectDb(self.input.after(1, |at| at.number())?)),
            opcode::RESIZEDB => {
                let (keys, expires) = self.input.after(1, |at| Ok((at.number()?, at.number()?)))?;
                Some(Item::ResizeDb { keys, expires })
            }
            opcode::EXPIRETIME => {
                let seconds = i32::from_le_bytes(self.input.after(1, |at| at.array())?);
                self.expire_ms = Some(i64::from(seconds) * 1000);
                None
            }
            opcode::EXPIRETIME_MS => {
                self.expire_ms = Some(i64::from_le_bytes(self.input.after(1, |at| at.array())?));
                None
            }
            opcode::FREQ => {
                let [counter] = self.input.after(1, |at| at.array())?;
                self.freq = Some(counter);
                None
            }
            opcode::IDLE => {
                self.idle = Some(self.input.after(1, |at| at.number())?);
                None
            }
            opcode::SLOT_INFO => {
                self.input.after(1, |at| Ok((at.number()?, at.number()?, at.number()?)))?;
                None
            }
            opcode::FUNCTION2 => Some(Item::Function(self.input.after(1, |at| at.text())?)),
            opcode::MODULE_AUX => return self.module_aux(),
            opcode::EOF => {
                self.input.consume(1);
                self.state = State::Checksum;
                None
            }
            opcode::FUNCTION_PRE_GA => {
                return Err(Halt::corrupt("Pre-release function format not supported."));
            }
            code => {
                let of = types::lookup(code)
                    .ok_or_else(|| Halt::corrupt(format!("Invalid object type: {code}")))?;
                self.input.consume(1);
                self.state = State::Key(of);
                None
            }
        };
        Ok(item)
    }

    /// A key has been read: its value comes next, if it is one that we can read or go over.
    fn value_of(&self, of: &'static Type, key: Vec<u8>) -> Result<State, Halt> {
        if of.code == types::STRING {
            return Ok(State::Value(of, key));
        }
        if self.others == OtherTypes::Walk {
            return Ok(State::Walking(Walk::new(of.grammar), Walked::Key(of, key)));
        }
        Err(self.unsupported(format!(
            "key '{}' is a {} (type {}, {}): this version holds strings only",
            String::from_utf8_lossy(&key),
            of.family,
            of.code,
            of.name
        )))
    }

    fn unsupported(&self, what: String) -> Halt {
        Halt::Refused(LoadError::Unsupported { offset: self.input.offset, what })
    }

    fn module_aux(&mut self) -> Step {
        let (id, when) = self.input.after(1, |at| {
            let (id, when) = (at.number()?, at.number()?);
            at.number()?;
            Ok((id, when))
        })?;
        let name = walk::module_name(id);
        if when != MODULE_UINT {
            return Err(Halt::corrupt("bad when_opcode"));
        }
        if self.others == OtherTypes::Refuse {
            return Err(self.unsupported(format!(
                "The RDB file contains AUX module data I can't load: no matching module '{name}'"
            )));
        }
        self.state = State::Walking(Walk::new(MODULE), Walked::ModuleAux(name));
        Ok(None)
    }

    fn walked(&mut self) -> Option<Item> {
        match core::mem::replace(&mut self.state, State::Opcode) {
            State::Walking(_, Walked::Key(of, key)) => Some(self.loaded(key, Object::Walked(of))),
            State::Walking(_, Walked::ModuleAux(name)) => Some(Item::ModuleAux(name)),
            _ => None,
        }
    }

    fn loaded(&mut self, key: Vec<u8>, object: Object) -> Item {
        self.state = State::Opcode;
        let (expire_ms, idle, freq) = (self.expire_ms.take(), self.idle.take(), self.freq.take());
        Item::Key(LoadedKey { key, object, expire_ms, idle, freq })
    }

    fn checksum(&mut self) -> Step {
        let checksum = if self.version < 5 {
            Checksum::Unchecked
        } else {
            let expected = self.input.crc;
            let got = u64::from_le_bytes(self.input.after(0, |at| at.array())?);
            match got {
                _ if !self.verify => Checksum::Unchecked,
                0 => Checksum::Disabled,
                got if got == expected => Checksum::Verified,
                got => return Err(Halt::Refused(LoadError::Checksum { expected, got })),
            }
        };
        self.state = State::Done;
        Ok(Some(Item::End(checksum)))
    }
}

/// How a module's data says when it was saved: as an unsigned number.
const MODULE_UINT: u64 = 2;
const MODULE: &[walk::Step] = &[walk::Step::Module];

/// The bytes that have arrived, and how far they have been understood.
#[derive(Clone, Debug, Default)]
struct Input {
    bytes: Vec<u8>,
    start: usize,
    /// Bytes of the file before `start`.
    offset: u64,
    /// Checksum of the file up to `offset`.
    crc: u64,
}

impl Input {
    fn feed(&mut self, bytes: &[u8]) {
        if self.start * 2 >= self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn peek(&self, n: usize) -> Result<&[u8], Stop> {
        self.unread().get(..n).ok_or(Stop::Short(n))
    }

    fn consume(&mut self, n: usize) {
        self.crc = crc::crc64(self.crc, &self.bytes[self.start..self.start + n]);
        self.start += n;
        self.offset += n as u64;
    }

    fn text(&mut self) -> Result<Vec<u8>, Stop> {
        self.after(0, |at| at.text())
    }

    /// Reads something behind the first `skip` bytes, and consumes all of it if it is complete.
    fn after<T>(
        &mut self,
        skip: usize,
        read: impl FnOnce(&mut Cursor<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut cursor = Cursor { bytes: self.unread(), at: skip };
        let value = read(&mut cursor)?;
        let used = cursor.at;
        self.consume(used);
        Ok(value)
    }
}

/// A reading position that is only kept if everything was there.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn number(&mut self) -> Result<u64, Stop> {
        self.advance(walk::number)
    }

    fn text(&mut self) -> Result<Vec<u8>, Stop> {
        self.advance(string::take)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let slice = self.bytes.get(self.at..self.at + N).ok_or(Stop::Short(self.at + N))?;
        self.at += N;
        Ok(core::array::from_fn(|i| slice[i]))
    }

    fn advance<T>(
        &mut self,
        take: impl FnOnce(&[u8]) -> Result<(T, usize), Stop>,
    ) -> Result<T, Stop> {
        match take(self.bytes.get(self.at..).unwrap_or_default()) {
            Ok((value, used)) => {
                self.at += used;
                Ok(value)
            }
            Err(Stop::Short(needed)) => Err(Stop::Short(self.at + needed)),
            Err(bad) => Err(bad),
        }
    }
}
