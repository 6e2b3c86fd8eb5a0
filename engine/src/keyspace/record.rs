//! The bytes of one key inside a segment's arena.
//!
//! ```text
//!   ┌──────┬─────────┬─────────┬───────────┬───────────────┬─────┬───────┐
//!   │ meta │ access  │ key len │ value len │ expires at    │ key │ value │
//!   │ u8   │ 3 bytes │ u16     │ u16       │ u64, optional │     │       │
//!   └──────┴─────────┴─────────┴───────────┴───────────────┴─────┴───────┘
//! ```
//!
//! A string is stored as its bytes if key and value together are at most [`INLINE_LIMIT`] long. Any other value is
//! stored *apart*, in a list beside the arena; the record then holds its four-byte index in that list, and a key
//! longer than [`KEY_LIMIT`] moves there too. Integers are little-endian on every platform.

use super::value::StringEncoding;
use alloc::vec::Vec;

/// Key and value together up to this size are stored in the record. A write under a snapshot copies a segment's
/// records, so this also bounds what one such write costs.
pub(super) const INLINE_LIMIT: usize = 512;
/// The longest key that is stored in the record when its value is not.
pub(super) const KEY_LIMIT: usize = 256;
/// No record is longer: a long key stays in its record when the value beside it moves out and leaves an index.
pub(super) const RECORD_LIMIT: usize = FIXED + EXPIRY + INLINE_LIMIT + 4;

const FIXED: usize = 8;
const EXPIRY: usize = 8;
const ENCODING_BITS: u8 = 0b0011;
const HAS_EXPIRY: u8 = 0b0100;
const IS_APART: u8 = 0b1000;

/// Where a record's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In the record: a string.
    Inline(StringEncoding),
    /// In the list beside the arena.
    Apart,
}

/// What a record says about its key, beside key and value themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub form: Form,
    pub expire_at: Option<u64>,
    /// 24 bits: when (LRU) or how often (LFU) the key was used.
    pub access: u32,
}

/// The first eight bytes of a record.
#[derive(Clone, Copy, Debug)]
struct Fixed(u64);

impl Fixed {
    #[inline]
    fn of(bytes: &[u8]) -> Self {
        Fixed(bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    fn new(head: &Head, key_len: usize, value_len: usize) -> Self {
        let meta = match head.form {
            Form::Inline(encoding) => encoding as u8,
            Form::Apart => IS_APART,
        };
        let meta = meta | if head.expire_at.is_some() { HAS_EXPIRY } else { 0 };
        Fixed(
            u64::from(meta)
                | u64::from(head.access & 0x00ff_ffff) << 8
                | (key_len as u64) << 32
                | (value_len as u64) << 48,
        )
    }

    const fn meta(self) -> u8 {
        self.0 as u8
    }

    const fn key_start(self) -> usize {
        if self.meta() & HAS_EXPIRY != 0 { FIXED + EXPIRY } else { FIXED }
    }

    const fn value_start(self) -> usize {
        self.key_start() + (self.0 >> 32) as u16 as usize
    }

    const fn len(self) -> usize {
        self.value_start() + (self.0 >> 48) as usize
    }
}

/// The length of a record.
pub(super) const fn record_len(head: &Head, key_len: usize, value_len: usize) -> usize {
    FIXED + if head.expire_at.is_some() { EXPIRY } else { 0 } + key_len + value_len
}

/// One record, to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    fixed: Fixed,
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at the beginning of `bytes`.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        let fixed = Fixed::of(bytes);
        Record { fixed, bytes: bytes.get(..fixed.len()).unwrap_or_default() }
    }

    /// All of it.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn head(&self) -> Head {
        Head { form: self.form(), expire_at: self.expire_at(), access: self.access() }
    }

    #[inline]
    pub fn form(&self) -> Form {
        let meta = self.fixed.meta();
        match meta & ENCODING_BITS {
            _ if meta & IS_APART != 0 => Form::Apart,
            0 => Form::Inline(StringEncoding::Int),
            1 => Form::Inline(StringEncoding::EmbStr),
            _ => Form::Inline(StringEncoding::Raw),
        }
    }

    #[inline]
    pub fn access(&self) -> u32 {
        (self.fixed.0 >> 8) as u32 & 0x00ff_ffff
    }

    #[inline]
    pub fn expire_at(&self) -> Option<u64> {
        let bytes = self.bytes.get(FIXED..)?.first_chunk();
        bytes.filter(|_| self.fixed.meta() & HAS_EXPIRY != 0).map(|at| u64::from_le_bytes(*at))
    }

    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.bytes.get(self.fixed.key_start()..self.fixed.value_start()).unwrap_or_default()
    }

    #[inline]
    pub fn value(&self) -> &'a [u8] {
        self.bytes.get(self.fixed.value_start()..).unwrap_or_default()
    }

    /// The place of a value that is stored apart.
    pub fn apart_index(&self) -> Option<usize> {
        let index = self.value().first_chunk().filter(|_| self.form() == Form::Apart)?;
        Some(u32::from_le_bytes(*index) as usize)
    }
}

/// Adds a record at the end of `out`.
pub(super) fn append(out: &mut Vec<u8>, head: &Head, key: &[u8], value: &[u8]) {
    append_fixed(out, head, key.len(), value.len());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Adds a record at the end of `out`, with the key of the record that stands at `from` there.
pub(super) fn append_with_key_of(out: &mut Vec<u8>, from: usize, head: &Head, value: &[u8]) {
    let old = Fixed::of(&out[from..]);
    let key = from + old.key_start()..from + old.value_start();
    append_fixed(out, head, key.len(), value.len());
    out.extend_from_within(key);
    out.extend_from_slice(value);
}

fn append_fixed(out: &mut Vec<u8>, head: &Head, key_len: usize, value_len: usize) {
    out.extend_from_slice(&Fixed::new(head, key_len, value_len).0.to_le_bytes());
    if let Some(at) = head.expire_at {
        out.extend_from_slice(&at.to_le_bytes());
    }
}

/// Replaces everything but the key of the record at the beginning of `bytes`. The new record is no longer.
pub(super) fn overwrite(bytes: &mut [u8], head: &Head, value: &[u8]) {
    let old = Fixed::of(bytes);
    let key = old.key_start()..old.value_start();
    let new = Fixed::new(head, key.len(), value.len());
    if new.key_start() != old.key_start() {
        bytes.copy_within(key, new.key_start());
    }
    bytes[..FIXED].copy_from_slice(&new.0.to_le_bytes());
    if let Some(at) = head.expire_at {
        bytes[FIXED..FIXED + EXPIRY].copy_from_slice(&at.to_le_bytes());
    }
    bytes[new.value_start()..new.len()].copy_from_slice(value);
}

/// Sets the 24 bits of access of the record at the beginning of `bytes`.
#[inline]
pub(super) fn set_access(bytes: &mut [u8], access: u32) {
    bytes[1..4].copy_from_slice(&access.to_le_bytes()[..3]);
}
