//! One key with its value, in 16 bytes of slot and (for almost every key) one allocation.
//!
//! ```text
//!   slot (16 bytes)            the allocation of a small string
//!   ┌─────────┬─────┐          ┌──────┬─────────┬──────────┬───────────────┬─────┬───────┐
//!   │ pointer │ len │ ───────▶ │ meta │ clock   │ key len  │ expires at    │ key │ value │
//!   └─────────┴─────┘          │ u8   │ 3 bytes │ u16      │ u64, optional │     │       │
//!                              └──────┴─────────┴──────────┴───────────────┴─────┴───────┘
//! ```
//!
//! A key of 16 bytes with a value of 32 thus takes one block of 64 bytes from the allocator, where separate boxes for
//! key, value and header would take three. What does not fit (a long string, or any collection) is a [`Large`] behind
//! the same slot: the compiler tells the two apart by the null pointer that a `Box<[u8]>` never is, so the slot does
//! not grow.

use super::rope::Rope;
use super::value::{StringEncoding, StringRef, StringValue, Value, ValueRef};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Key and value together up to this size share one allocation. A write under a snapshot copies the segment's small
/// entries, so this also bounds what one such write costs.
pub(super) const SMALL_LIMIT: usize = 4096;

const HEADER: usize = 6;
const EXPIRY: usize = 8;
const ENCODING_BITS: u8 = 0b011;
const HAS_EXPIRY: u8 = 0b100;

static ZEROS: [u8; SMALL_LIMIT] = [0; SMALL_LIMIT];

/// What a slot and its share of the segment cost, for [`Entry::approximate_bytes`]. Fixed numbers, not `size_of`: the
/// estimate is shown by INFO and has to be the same on 32 and 64 bits.
const SLOT_COST: u64 = 20;
const LARGE_COST: u64 = 96;

/// One key with its value, expiry and access clock.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A string short enough to share one allocation with its key.
    Small(Box<[u8]>),
    /// Everything else.
    Large(Box<Large>),
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Entry>() == 16);

/// A key whose value has an allocation of its own.
#[derive(Clone, Debug)]
pub(super) struct Large {
    /// Shared, so that copying a segment does not copy a long key.
    key: Arc<[u8]>,
    expire_at: Option<u64>,
    clock: u32,
    value: Value,
}

impl Entry {
    /// A string under `key`; small or large as its length asks.
    pub fn string(
        key: &[u8],
        value: &[u8],
        encoding: StringEncoding,
        expire_at: Option<u64>,
        clock: u32,
    ) -> Self {
        if key.len() + value.len() <= SMALL_LIMIT {
            return Entry::Small(pack(key, &[value], encoding, expire_at, clock));
        }
        let value = Value::String(StringValue::new(value, encoding));
        Entry::Large(Box::new(Large { key: key.into(), expire_at, clock, value }))
    }

    /// Any value under `key`. A short string is packed.
    pub fn new(key: &[u8], value: Value, expire_at: Option<u64>, clock: u32) -> Self {
        if let Value::String(string) = &value
            && let Some(bytes) = string.as_ref().as_slice()
            && key.len() + bytes.len() <= SMALL_LIMIT
        {
            return Entry::Small(pack(key, &[bytes], string.as_ref().encoding(), expire_at, clock));
        }
        Entry::Large(Box::new(Large { key: key.into(), expire_at, clock, value }))
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        match self {
            Entry::Small(packed) => key(packed),
            Entry::Large(large) => &large.key,
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'_> {
        match self {
            Entry::Small(packed) => ValueRef::String(StringRef::from_slice(
                &packed[value_start(packed)..],
                encoding(packed),
            )),
            Entry::Large(large) => large.value.as_ref(),
        }
    }

    /// When the key expires, in milliseconds of Unix time.
    #[inline]
    pub fn expire_at(&self) -> Option<u64> {
        match self {
            Entry::Small(packed) => expire_at(packed),
            Entry::Large(large) => large.expire_at,
        }
    }

    /// The 24 bits of access clock (LRU) or counter (LFU).
    #[inline]
    pub fn clock(&self) -> u32 {
        match self {
            Entry::Small(packed) => clock(packed),
            Entry::Large(large) => large.clock,
        }
    }

    /// Sets the 24 bits of access clock.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        match self {
            Entry::Small(packed) => packed[1..4].copy_from_slice(&clock.to_le_bytes()[..3]),
            Entry::Large(large) => large.clock = clock & 0x00ff_ffff,
        }
    }

    /// Sets or clears the expiry.
    pub fn set_expire_at(&mut self, at: Option<u64>) {
        match self {
            Entry::Large(large) => large.expire_at = at,
            Entry::Small(packed) => match at {
                Some(at) if packed[0] & HAS_EXPIRY != 0 => {
                    packed[HEADER..HEADER + EXPIRY].copy_from_slice(&at.to_le_bytes());
                }
                None if packed[0] & HAS_EXPIRY == 0 => {}
                _ => {
                    let value = &packed[value_start(packed)..];
                    *packed = pack(key(packed), &[value], encoding(packed), at, clock(packed));
                }
            },
        }
    }

    /// Replaces the value by a string: in place when the stored length stays the same.
    pub fn set_string(
        &mut self,
        value: &[u8],
        encoding: StringEncoding,
        expire_at: Option<u64>,
        clock: u32,
    ) {
        if let Entry::Small(packed) = self {
            let start = value_start(packed);
            let same_expiry = expire_at.is_some() == (packed[0] & HAS_EXPIRY != 0);
            if same_expiry && packed.len() - start == value.len() {
                packed[0] = meta(encoding, expire_at);
                packed[1..4].copy_from_slice(&clock.to_le_bytes()[..3]);
                if let Some(at) = expire_at {
                    packed[HEADER..HEADER + EXPIRY].copy_from_slice(&at.to_le_bytes());
                }
                packed[start..].copy_from_slice(value);
                return;
            }
        }
        *self = Entry::string(self.key(), value, encoding, expire_at, clock);
    }

    /// Replaces the value, keeping the key.
    pub fn set_value(&mut self, value: Value, expire_at: Option<u64>, clock: u32) {
        match self {
            Entry::Large(large) if !matches!(value, Value::String(_)) => {
                large.expire_at = expire_at;
                large.clock = clock;
                large.value = value;
            }
            _ => *self = Entry::new(self.key(), value, expire_at, clock),
        }
    }

    /// Writes `bytes` at `offset` of a string, which grows (zeros between) as needed and becomes `Raw`, as a string
    /// that was edited does in Redis. Returns the new length, or `None` when the value is no string.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Option<u64> {
        let old_len = match self.value() {
            ValueRef::String(string) => string.len(),
        };
        let end = offset + bytes.len() as u64;
        let new_len = end.max(old_len);
        if let Entry::Small(packed) = self {
            if new_len == old_len {
                let start = value_start(packed) + offset as usize;
                packed[start..start + bytes.len()].copy_from_slice(bytes);
                packed[0] = (packed[0] & !ENCODING_BITS) | StringEncoding::Raw as u8;
                return Some(new_len);
            }
            if new_len + self.key().len() as u64 <= SMALL_LIMIT as u64 {
                self.regrow(offset as usize, bytes, new_len as usize);
                return Some(new_len);
            }
        }
        self.rope_mut()?.write_at(offset, bytes);
        Some(new_len)
    }

    /// Repacks a small string with `bytes` written at `offset`, `len` long.
    fn regrow(&mut self, offset: usize, bytes: &[u8], len: usize) {
        let Entry::Small(packed) = self else { return };
        let old = &packed[value_start(packed)..];
        let head = &old[..offset.min(old.len())];
        let tail = old.get(offset + bytes.len()..).unwrap_or_default();
        let gap = &ZEROS[..len - head.len() - bytes.len() - tail.len()];
        *packed = pack(
            key(packed),
            &[head, gap, bytes, tail],
            StringEncoding::Raw,
            expire_at(packed),
            clock(packed),
        );
    }

    /// The string as a rope to edit, moved out of the packed form first if need be.
    fn rope_mut(&mut self) -> Option<&mut Rope> {
        if let Entry::Small(packed) = self {
            let rope = Rope::from_slice(&packed[value_start(packed)..]);
            let value = Value::String(StringValue::from_rope(rope));
            *self = Entry::Large(Box::new(Large {
                key: self.key().into(),
                expire_at: self.expire_at(),
                clock: self.clock(),
                value,
            }));
        }
        match self {
            Entry::Large(large) => match &mut large.value {
                Value::String(string) => Some(string.rope_mut()),
            },
            Entry::Small(_) => None,
        }
    }

    /// The value when it has an allocation of its own, to be changed in place.
    pub fn large_value_mut(&mut self) -> Option<&mut Value> {
        match self {
            Entry::Small(_) => None,
            Entry::Large(large) => Some(&mut large.value),
        }
    }

    /// The value, taken out.
    pub fn into_value(self) -> Value {
        match self {
            Entry::Small(packed) => {
                Value::String(StringValue::new(&packed[value_start(&packed)..], encoding(&packed)))
            }
            Entry::Large(large) => large.value,
        }
    }

    /// What this key costs in memory, near enough, by the same rule on every platform.
    pub fn approximate_bytes(&self) -> u64 {
        SLOT_COST
            + match self {
                Entry::Small(packed) => allocation(packed.len() as u64),
                Entry::Large(large) => {
                    LARGE_COST
                        + allocation(large.key.len() as u64)
                        + large.value.approximate_bytes()
                }
            }
    }
}

/// What an allocator hands out for `len` bytes: blocks of 16 with 8 of its own.
pub(super) fn allocation(len: u64) -> u64 {
    ((len + 8).next_multiple_of(16)).max(32)
}

/// Lays out the packed form; the value is given in parts that follow one another.
fn pack(
    key: &[u8],
    value: &[&[u8]],
    encoding: StringEncoding,
    expire_at: Option<u64>,
    clock: u32,
) -> Box<[u8]> {
    let expiry = if expire_at.is_some() { EXPIRY } else { 0 };
    let value_len: usize = value.iter().map(|part| part.len()).sum();
    let mut packed = Vec::with_capacity(HEADER + expiry + key.len() + value_len);
    let [c0, c1, c2, _] = clock.to_le_bytes();
    let [k0, k1] = (key.len() as u16).to_le_bytes();
    packed.extend_from_slice(&[meta(encoding, expire_at), c0, c1, c2, k0, k1]);
    if let Some(at) = expire_at {
        packed.extend_from_slice(&at.to_le_bytes());
    }
    packed.extend_from_slice(key);
    for part in value {
        packed.extend_from_slice(part);
    }
    packed.into_boxed_slice()
}

fn meta(encoding: StringEncoding, expire_at: Option<u64>) -> u8 {
    encoding as u8 | if expire_at.is_some() { HAS_EXPIRY } else { 0 }
}

#[inline]
fn encoding(packed: &[u8]) -> StringEncoding {
    match packed[0] & ENCODING_BITS {
        0 => StringEncoding::Int,
        1 => StringEncoding::EmbStr,
        _ => StringEncoding::Raw,
    }
}

#[inline]
fn clock(packed: &[u8]) -> u32 {
    u32::from_le_bytes([packed[1], packed[2], packed[3], 0])
}

#[inline]
fn expire_at(packed: &[u8]) -> Option<u64> {
    let bytes = packed[HEADER..].first_chunk().filter(|_| packed[0] & HAS_EXPIRY != 0);
    bytes.map(|bytes| u64::from_le_bytes(*bytes))
}

#[inline]
fn key_start(packed: &[u8]) -> usize {
    HEADER + if packed[0] & HAS_EXPIRY != 0 { EXPIRY } else { 0 }
}

#[inline]
fn value_start(packed: &[u8]) -> usize {
    key_start(packed) + usize::from(u16::from_le_bytes([packed[4], packed[5]]))
}

#[inline]
fn key(packed: &[u8]) -> &[u8] {
    &packed[key_start(packed)..value_start(packed)]
}
