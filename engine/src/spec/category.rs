//! ACL categories.

use super::{Flag, Flags};

/// An ACL category. Some follow from the flags of a command ([`Categories::of`]); its row names the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of ACL CAT")]
pub enum Category {
    Keyspace,
    Read,
    Write,
    Set,
    Sortedset,
    List,
    Hash,
    String,
    Bitmap,
    Hyperloglog,
    Geo,
    Stream,
    Pubsub,
    Admin,
    Fast,
    Slow,
    Blocking,
    Dangerous,
    Connection,
    Transaction,
    Scripting,
}

impl Category {
    /// All of them with their names, in Redis's order.
    pub const ALL: &[(Category, &str)] = &[
        (Self::Keyspace, "keyspace"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Set, "set"),
        (Self::Sortedset, "sortedset"),
        (Self::List, "list"),
        (Self::Hash, "hash"),
        (Self::String, "string"),
        (Self::Bitmap, "bitmap"),
        (Self::Hyperloglog, "hyperloglog"),
        (Self::Geo, "geo"),
        (Self::Stream, "stream"),
        (Self::Pubsub, "pubsub"),
        (Self::Admin, "admin"),
        (Self::Fast, "fast"),
        (Self::Slow, "slow"),
        (Self::Blocking, "blocking"),
        (Self::Dangerous, "dangerous"),
        (Self::Connection, "connection"),
        (Self::Transaction, "transaction"),
        (Self::Scripting, "scripting"),
    ];

    /// The category of this name, in any case.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(category, _)| *category)
    }
}

/// A set of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    /// Those that a row names, and those that follow from its flags.
    pub const fn of(named: &[Category], flags: Flags) -> Self {
        let mut set = Self(0);
        let mut at = 0;
        while at < named.len() {
            set = set.with(named[at]);
            at += 1;
        }
        let is_scripting = set.contains(Category::Scripting);
        if flags.contains(Flag::Write) {
            set = set.with(Category::Write);
        }
        if flags.contains(Flag::Readonly) && !is_scripting {
            set = set.with(Category::Read);
        }
        if flags.contains(Flag::Admin) {
            set = set.with(Category::Admin).with(Category::Dangerous);
        }
        if flags.contains(Flag::Pubsub) {
            set = set.with(Category::Pubsub);
        }
        if flags.contains(Flag::Blocking) {
            set = set.with(Category::Blocking);
        }
        let speed = if flags.contains(Flag::Fast) { Category::Fast } else { Category::Slow };
        set.with(speed)
    }

    const fn with(self, category: Category) -> Self {
        Self(self.0 | 1 << category as u8)
    }

    /// Whether this category is in it.
    pub const fn contains(self, category: Category) -> bool {
        self.0 & (1 << category as u8) != 0
    }
}
