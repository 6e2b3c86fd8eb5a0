//! One key with all that belongs to it, as it is stored: to be read ([`EntryRef`]) or to be changed (`EntryMut`).
//!
//! A short string is stored in the record of its key, everything else apart from it (see `record`). Which of the two it
//! is shows in no reply: it is decided here alone, each time that a value is replaced or grows.

use super::record::{self, Form, Head, INLINE_LIMIT, Record};
use super::rope::Rope;
use super::segment::Segment;
use super::value::{StringEncoding, StringRef, StringValue, Value, ValueRef};
use alloc::sync::Arc;

/// What a key's share of its segment costs beside its record, for [`EntryRef::approximate_bytes`]. Fixed numbers, not
/// `size_of`: the estimate is shown by INFO and has to be the same on 32 and 64 bits.
const SLOT_COST: u64 = 8;
const APART_COST: u64 = 64;

/// A value that is stored apart from its record.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    /// A key too long for the record; shared, so that copying a segment does not copy it.
    pub key: Option<Arc<[u8]>>,
    pub value: Value,
}

/// What is to be stored under a key.
#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    String(&'a [u8], StringEncoding),
    Value(Value),
}

/// A stored key with all that belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    record: Record<'a>,
    apart: Option<&'a Apart>,
}

impl<'a> EntryRef<'a> {
    #[inline]
    pub(super) fn new(record: Record<'a>, apart: Option<&'a Apart>) -> Self {
        EntryRef { record, apart }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        match self.apart {
            Some(Apart { key: Some(key), .. }) => key,
            _ => self.record.key(),
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'a> {
        match (self.apart, self.record.form()) {
            (Some(apart), _) => apart.value.as_ref(),
            (None, Form::Inline(encoding)) => {
                ValueRef::String(StringRef::from_slice(self.record.value(), encoding))
            }
            (None, Form::Apart) => unreachable!("an index without its value"),
        }
    }

    /// When it expires, in milliseconds of Unix time.
    #[inline]
    pub fn expire_at(&self) -> Option<u64> {
        self.record.expire_at()
    }

    /// The 24 bits of access: when (LRU) or how often (LFU) the key was used.
    #[inline]
    pub fn access(&self) -> u32 {
        self.record.access()
    }

    /// What the key costs in memory, near enough, by the same rule on every platform.
    #[inline]
    pub fn approximate_bytes(&self) -> u64 {
        // The arena has an eighth more room than its records need, on average.
        let record = self.record.bytes().len() as u64 * 9 / 8 + SLOT_COST;
        match self.apart {
            None => record,
            Some(apart) => {
                let key = apart.key.as_ref().map_or(0, |key| allocation(key.len() as u64));
                record + APART_COST + key + apart.value.approximate_bytes()
            }
        }
    }
}

/// What an allocator hands out for `len` bytes: blocks of 16 with 8 of its own.
pub(super) fn allocation(len: u64) -> u64 {
    ((len + 8).next_multiple_of(16)).max(32)
}

/// A stored key, to be changed.
#[derive(Debug)]
pub(super) struct EntryMut<'a> {
    segment: &'a mut Segment,
    slot: usize,
}

impl<'a> EntryMut<'a> {
    pub fn new(segment: &'a mut Segment, slot: usize) -> Option<Self> {
        (slot < segment.len()).then_some(EntryMut { segment, slot })
    }

    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_> {
        let entry = self.segment.entry(self.slot);
        entry.unwrap_or_else(|| unreachable!("the slot was looked at by `new`"))
    }

    /// Sets the 24 bits of access.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        if let Some(bytes) = self.segment.record_mut(self.slot) {
            record::set_access(bytes, access);
        }
    }

    /// Sets or clears the expiry.
    pub fn set_expire_at(&mut self, expire_at: Option<u64>) {
        let record = self.as_ref().record;
        let (head, mut value) = (record.head(), [0; INLINE_LIMIT]);
        let value = &mut value[..record.value().len()];
        value.copy_from_slice(record.value());
        self.segment.replace_record(self.slot, &Head { expire_at, ..head }, value);
    }

    /// Replaces the value, the expiry and the access.
    pub fn set(&mut self, content: Content<'_>, expire_at: Option<u64>, access: u32) {
        let head = |form| Head { form, expire_at, access };
        let entry = self.as_ref();
        let key_is_apart = entry.apart.is_some_and(|apart| apart.key.is_some());
        let old = entry.record.apart_index();
        match (content.inline(entry.key().len()), old) {
            (Ok((bytes, encoding)), None) => {
                self.segment.replace_record(self.slot, &head(Form::Inline(encoding)), bytes);
            }
            (Ok((bytes, encoding)), Some(index)) if !key_is_apart => {
                self.segment.take_apart(index);
                self.segment.replace_record(self.slot, &head(Form::Inline(encoding)), bytes);
            }
            (Ok((bytes, encoding)), Some(index)) => {
                self.replace_apart(
                    index,
                    &head(Form::Apart),
                    Value::String(StringValue::new(bytes, encoding)),
                );
            }
            (Err(value), Some(index)) => self.replace_apart(index, &head(Form::Apart), value),
            (Err(value), None) => {
                let index = self.segment.push_apart(Apart { key: None, value });
                self.segment.replace_record(self.slot, &head(Form::Apart), &index);
            }
        }
    }

    fn replace_apart(&mut self, index: usize, head: &Head, value: Value) {
        if let Some(old) = self.segment.apart_mut(self.slot) {
            *old = value;
        }
        self.segment.replace_record(self.slot, head, &(index as u32).to_le_bytes());
    }

    /// Writes `bytes` at `offset` of a string, which grows (zeros between) as needed and becomes `Raw`, as a string
    /// that was edited does in Redis. Returns the new length, or `None` when the value is no string.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Option<u64> {
        let entry = self.as_ref();
        let ValueRef::String(string) = entry.value();
        let (old_len, end) = (string.len(), offset + bytes.len() as u64);
        let new_len = end.max(old_len);
        let key_len = entry.key().len() as u64;
        if entry.apart.is_none() {
            let head = Head { form: Form::Inline(StringEncoding::Raw), ..entry.record.head() };
            if key_len + new_len <= INLINE_LIMIT as u64 {
                let mut value = [0; INLINE_LIMIT];
                value[..old_len as usize].copy_from_slice(entry.record.value());
                value[offset as usize..end as usize].copy_from_slice(bytes);
                self.segment.replace_record(self.slot, &head, &value[..new_len as usize]);
                return Some(new_len);
            }
            let rope = Rope::from_slice(entry.record.value());
            let value = Value::String(StringValue::from_rope(rope));
            let index = self.segment.push_apart(Apart { key: None, value });
            let head = Head { form: Form::Apart, ..head };
            self.segment.replace_record(self.slot, &head, &index);
        }
        match self.apart_value_mut()? {
            Value::String(string) => string.rope_mut().write_at(offset, bytes),
        }
        Some(new_len)
    }

    /// The value when it is stored apart, to be changed in place.
    pub fn apart_value_mut(&mut self) -> Option<&mut Value> {
        self.segment.apart_mut(self.slot)
    }
}

impl Content<'_> {
    /// The bytes to store in the record of a key of `key_len` bytes, or else the value to store apart.
    pub fn inline(&self, key_len: usize) -> Result<(&[u8], StringEncoding), Value> {
        let fits = |bytes: &[u8]| key_len + bytes.len() <= INLINE_LIMIT;
        match self {
            Content::String(bytes, encoding) if fits(bytes) => Ok((*bytes, *encoding)),
            Content::String(bytes, encoding) => {
                Err(Value::String(StringValue::new(bytes, *encoding)))
            }
            Content::Value(Value::String(string)) => match string.as_ref().as_slice() {
                Some(bytes) if fits(bytes) => Ok((bytes, string.as_ref().encoding())),
                _ => Err(Value::String(string.clone())),
            },
        }
    }
}
