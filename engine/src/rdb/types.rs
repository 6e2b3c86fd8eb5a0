//! Every type and encoding that ever stood in an RDB file, by its number.

use super::walk::Step::{self, Bytes, Count, Module, Number, ScoreText, Text};

/// One row of the table.
#[derive(Debug)]
pub struct Type {
    /// The byte in the file.
    pub code: u8,
    /// What a user calls it: "hash".
    pub family: &'static str,
    /// What redis-check-rdb calls it: "hash-listpack".
    pub name: &'static str,
    /// What stands after the key, for walking over it.
    pub(super) grammar: &'static [Step],
}

/// The number of strings, the only type that this version of the engine stores.
pub const STRING: u8 = 0;

const fn row(code: u8, family: &'static str, name: &'static str, grammar: &'static [Step]) -> Type {
    Type { code, family, name, grammar }
}

const STREAM_V1: &[Step] = &[
    Count(&[Text, Text]), // listpacks: master id, entries
    Number,               // entries in all
    Number,               // last id
    Number,
    Count(&[Text, Number, Number, PENDING, Count(&[Text, Bytes(8), Count(&[Bytes(16)])])]),
];
const STREAM_V2: &[Step] = &[
    Count(&[Text, Text]),
    Number,
    Number, // last id
    Number,
    Number, // first id
    Number,
    Number, // highest deleted id
    Number,
    Number, // entries ever added
    Count(&[Text, Number, Number, Number, PENDING, Count(&[Text, Bytes(8), Count(&[Bytes(16)])])]),
];
const STREAM_V3: &[Step] = &[
    Count(&[Text, Text]),
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Count(&[Text, Number, Number, Number, PENDING, Count(&[Text, Bytes(16), Count(&[Bytes(16)])])]),
];
/// A group's pending entries: id, delivery time, delivery count.
const PENDING: Step = Count(&[Bytes(16), Bytes(8), Number]);

/// All types, in the order of their numbers (8 was never used).
pub static TYPES: &[Type] = &[
    row(STRING, "string", "string", &[Text]),
    row(1, "list", "list-linked", &[Count(&[Text])]),
    row(2, "set", "set-hashtable", &[Count(&[Text])]),
    row(3, "sorted set", "zset-v1", &[Count(&[Text, ScoreText])]),
    row(4, "hash", "hash-hashtable", &[Count(&[Text, Text])]),
    row(5, "sorted set", "zset-v2", &[Count(&[Text, Bytes(8)])]),
    row(7, "module type", "module-value", &[Number, Module]),
    row(9, "hash", "hash-zipmap", &[Text]),
    row(10, "list", "list-ziplist", &[Text]),
    row(11, "set", "set-intset", &[Text]),
    row(12, "sorted set", "zset-ziplist", &[Text]),
    row(13, "hash", "hash-ziplist", &[Text]),
    row(14, "list", "quicklist", &[Count(&[Text])]),
    row(15, "stream", "stream", STREAM_V1),
    row(16, "hash", "hash-listpack", &[Text]),
    row(17, "sorted set", "zset-listpack", &[Text]),
    row(18, "list", "quicklist-v2", &[Count(&[Number, Text])]),
    row(19, "stream", "stream-v2", STREAM_V2),
    row(20, "set", "set-listpack", &[Text]),
    row(21, "stream", "stream-v3", STREAM_V3),
    row(22, "hash", "hash-hashtable-md-pre-release", &[Count(&[Number, Text, Text])]),
    row(23, "hash", "hash-listpack-md-pre-release", &[Text]),
    row(24, "hash", "hash-hashtable-md", &[Bytes(8), Count(&[Number, Text, Text])]),
    row(25, "hash", "hash-listpack-md", &[Bytes(8), Text]),
];

/// The row of a type byte, if it is one.
#[must_use]
pub fn lookup(code: u8) -> Option<&'static Type> {
    TYPES.iter().find(|row| row.code == code)
}
