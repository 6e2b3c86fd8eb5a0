//! What a key can hold.
//!
//! **To add a type** (list, hash, set, sorted set, stream): add a variant to [`Value`] with the owned structure and one to
//! [`ValueRef`] with a reference to it, and follow the compiler: every `match` in this module, in `digest` and in the RDB
//! codec is exhaustive. Short strings are stored in the record of their key and never as a [`Value`], so a new type touches
//! neither the record nor the table. Its structure must be cheap to clone (share its parts behind
//! [`Arc`]), because a write under a snapshot clones every large value of the segment that it copies.

use super::entry::allocation;
use super::rope::{self, Rope};
use crate::number;
use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// An owned value: not yet stored, or stored apart from the record of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    String(StringValue),
}

/// A value where it is stored.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    String(StringRef<'a>),
}

impl Value {
    /// A string in the encoding that Redis would choose for it.
    pub fn string(bytes: &[u8]) -> Self {
        Value::String(StringValue::new(bytes, StringEncoding::of(bytes)))
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::String(string) => ValueRef::String(string.as_ref()),
        }
    }

    /// What it costs in memory beside its entry, near enough, by the same rule on every platform.
    pub fn approximate_bytes(&self) -> u64 {
        match self {
            Value::String(string) => string.approximate_bytes(),
        }
    }
}

impl ValueRef<'_> {
    /// The name that TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            ValueRef::String(_) => "string",
        }
    }

    /// The name that OBJECT ENCODING answers.
    pub fn encoding_name(&self) -> &'static str {
        match self {
            ValueRef::String(string) => string.encoding().name(),
        }
    }

    /// An own copy (cheap for what is shared in pieces).
    pub fn to_value(&self) -> Value {
        match self {
            ValueRef::String(string) => Value::String(string.to_value()),
        }
    }
}

/// How Redis would hold a string in memory. Here all three are stored as text; the name is kept because clients see it
/// (OBJECT ENCODING) and because the history of a string shows in it (an appended string is `Raw`, however short).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StringEncoding {
    /// The canonical decimal form of an `i64`.
    Int = 0,
    /// At most 44 bytes, never edited in place.
    EmbStr = 1,
    /// Longer, or edited in place.
    Raw = 2,
}

impl StringEncoding {
    /// Longest string that Redis embeds in its object.
    const EMBSTR_LIMIT: usize = 44;

    /// What SET gives a new string.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= number::I64_MAX_DIGITS && number::parse_i64(bytes).is_some() {
            StringEncoding::Int
        } else {
            Self::of_text(bytes)
        }
    }

    /// What a string gets that is not looked at as a number (the result of INCRBYFLOAT).
    pub fn of_text(bytes: &[u8]) -> Self {
        if bytes.len() <= Self::EMBSTR_LIMIT { StringEncoding::EmbStr } else { StringEncoding::Raw }
    }

    /// The name that OBJECT ENCODING answers.
    pub fn name(self) -> &'static str {
        match self {
            StringEncoding::Int => "int",
            StringEncoding::EmbStr => "embstr",
            StringEncoding::Raw => "raw",
        }
    }
}

/// A string of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringValue {
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// In one shared piece.
    Short(Arc<[u8]>, StringEncoding),
    /// Always `Raw`.
    Long(Rope),
}

/// Strings are equal when their bytes are, in whatever form they are held.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Body::Short(a, _), Body::Short(b, _)) => a == b,
            (Body::Short(a, _), Body::Long(b)) | (Body::Long(b), Body::Short(a, _)) => {
                b.len() == a.len() as u64 && b.to_vec() == a[..]
            }
            (Body::Long(a), Body::Long(b)) => a.len() == b.len() && a.to_vec() == b.to_vec(),
        }
    }
}
impl Eq for Body {}

impl StringValue {
    /// Copies `bytes`; a long string is cut into shared pieces.
    pub fn new(bytes: &[u8], encoding: StringEncoding) -> Self {
        if bytes.len() <= rope::CHUNK {
            StringValue { body: Body::Short(bytes.into(), encoding) }
        } else {
            Self::from_rope(Rope::from_slice(bytes))
        }
    }

    /// A string that was put together piece by piece (a long one that arrives from disk or the network).
    pub fn from_rope(rope: Rope) -> Self {
        StringValue { body: Body::Long(rope) }
    }

    /// Borrows the string.
    pub fn as_ref(&self) -> StringRef<'_> {
        match &self.body {
            Body::Short(bytes, encoding) => StringRef::from_slice(bytes, *encoding),
            Body::Long(rope) => {
                StringRef { body: BodyRef::Rope(rope), encoding: StringEncoding::Raw }
            }
        }
    }

    pub(super) fn rope_mut(&mut self) -> &mut Rope {
        if let Body::Short(bytes, _) = &self.body {
            self.body = Body::Long(Rope::from_slice(bytes));
        }
        match &mut self.body {
            Body::Long(rope) => rope,
            Body::Short(..) => unreachable!("turned into a rope above"),
        }
    }

    fn approximate_bytes(&self) -> u64 {
        match &self.body {
            Body::Short(bytes, _) => allocation(bytes.len() as u64),
            Body::Long(rope) => rope.approximate_bytes(),
        }
    }
}

/// A stored string: contiguous when short, in pieces when long.
#[derive(Clone, Copy, Debug)]
pub struct StringRef<'a> {
    body: BodyRef<'a>,
    encoding: StringEncoding,
}

#[derive(Clone, Copy, Debug)]
enum BodyRef<'a> {
    Slice(&'a [u8]),
    Rope(&'a Rope),
}

impl<'a> StringRef<'a> {
    pub(super) fn from_slice(bytes: &'a [u8], encoding: StringEncoding) -> Self {
        StringRef { body: BodyRef::Slice(bytes), encoding }
    }

    /// Its encoding as Redis names it.
    pub fn encoding(&self) -> StringEncoding {
        self.encoding
    }

    /// Length in bytes.
    #[inline]
    pub fn len(&self) -> u64 {
        match self.body {
            BodyRef::Slice(bytes) => bytes.len() as u64,
            BodyRef::Rope(rope) => rope.len(),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, when they lie in one piece.
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [u8]> {
        match self.body {
            BodyRef::Slice(bytes) => Some(bytes),
            BodyRef::Rope(rope) => rope.as_slice(),
        }
    }

    /// The bytes in one piece, copied only when they are not.
    pub fn to_cow(&self) -> Cow<'a, [u8]> {
        match self.as_slice() {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(self.to_vec()),
        }
    }

    /// A copy of the bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len() as usize);
        self.pieces().for_each(|piece| all.extend_from_slice(piece));
        all
    }

    /// The pieces in order, none of them empty.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.range(0, self.len())
    }

    /// The pieces of the bytes from `start` up to, not including, `end` (both clamped to the length).
    pub fn range(&self, start: u64, end: u64) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let end = end.min(self.len());
        let start = start.min(end);
        let (slice, rope) = match self.body {
            BodyRef::Slice(bytes) => (Some(&bytes[start as usize..end as usize]), None),
            BodyRef::Rope(rope) => (None, Some(rope.range(start, end))),
        };
        slice.into_iter().filter(|piece| !piece.is_empty()).chain(rope.into_iter().flatten())
    }

    /// The byte at `offset`.
    pub fn byte(&self, offset: u64) -> Option<u8> {
        self.range(offset, offset.saturating_add(1)).next().map(|piece| piece[0])
    }

    /// The number, if the text is exactly one `i64` as Redis writes them.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_slice().and_then(number::parse_i64)
    }

    /// An own copy (a long string shares its pieces).
    pub fn to_value(&self) -> StringValue {
        match self.body {
            BodyRef::Slice(bytes) => StringValue::new(bytes, self.encoding),
            BodyRef::Rope(rope) => StringValue::from_rope(rope.clone()),
        }
    }
}
