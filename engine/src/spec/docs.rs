//! Documentation of commands: what COMMAND DOCS says, and what redis-cli makes its hints of.
//!
//! Each family keeps the documentation of its commands in a file `docs.rs` of its own. Arguments are a tree of small
//! functions, in the order in which a user types them:
//!
//! ```text
//!   SET key value [NX | XX] [EX seconds]
//!
//!   &[key("key", 0), string("value"), one_of("condition", &[word("NX"), word("XX")]).optional(),
//!     integer("seconds").after("EX").optional()]
//! ```

/// What COMMAND DOCS says about a command.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// Its group: `string`, `generic`, `connection`, `server`, `pubsub`, `transactions`, …
    pub group: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// One sentence on what it does.
    pub summary: &'static str,
    /// How its time grows, as a formula; empty: unknown.
    pub complexity: &'static str,
    /// Whether something else should be used instead.
    pub deprecated: Option<Deprecated>,
    /// Whether it is meant for servers and tests rather than for users.
    pub system: bool,
    /// What later versions of Redis added: version and addition.
    pub history: &'static [(&'static str, &'static str)],
    /// What stands behind its name.
    pub arguments: &'static [Argument],
}

impl Docs {
    /// What most commands have in common: `..Docs::BASE` ends each documentation.
    pub const BASE: Docs = Docs {
        group: "server",
        since: "1.0.0",
        summary: "",
        complexity: "O(1)",
        deprecated: None,
        system: false,
        history: &[],
        arguments: &[],
    };
}

/// Since when a command should not be used any more.
#[derive(Clone, Copy, Debug)]
pub struct Deprecated {
    /// The version of Redis.
    pub since: &'static str,
    /// What to use.
    pub replaced_by: &'static str,
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What it is called; empty: its token in lower case.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Of a key: the index of its key specification.
    pub key_spec: Option<u8>,
    /// The word in front of it, or the word that it is.
    pub token: Option<&'static str>,
    /// The version of Redis that brought it, if that is not the command's.
    pub since: Option<&'static str>,
    /// The version of Redis since which it should not be used.
    pub deprecated: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// How often it may stand.
    pub times: Times,
}

/// What an argument is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A floating point number.
    Double,
    /// The name of a key.
    Key,
    /// A glob.
    Pattern,
    /// A moment in Unix time.
    UnixTime,
    /// A word that is typed as it is.
    Word,
    /// One of these.
    OneOf(&'static [Argument]),
    /// All of these, in this order.
    Block(&'static [Argument]),
}

impl Kind {
    /// The word of COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::Word => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }
}

/// How often an argument may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Once.
    Once,
    /// Any number of times; a token stands only in front of the first.
    Many,
    /// Any number of times, each with its token.
    ManyWithToken,
}

impl Argument {
    /// An argument that stands once and can't be left out.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            key_spec: None,
            token: None,
            since: None,
            deprecated: None,
            optional: false,
            times: Times::Once,
        }
    }

    /// Behind this word.
    pub const fn after(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Under a name that is not its token in lower case.
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Found by this key specification.
    pub const fn of_spec(self, index: u8) -> Self {
        Self { key_spec: Some(index), ..self }
    }

    /// Brought by this version of Redis.
    pub const fn since(self, version: &'static str) -> Self {
        Self { since: Some(version), ..self }
    }

    /// Not to be used since this version of Redis.
    pub const fn deprecated(self, version: &'static str) -> Self {
        Self { deprecated: Some(version), ..self }
    }

    /// It may be left out.
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Any number of times.
    pub const fn repeated(self) -> Self {
        Self { times: Times::Many, ..self }
    }

    /// Any number of times, each with its token.
    pub const fn repeated_with_token(self) -> Self {
        Self { times: Times::ManyWithToken, ..self }
    }
}

/// Any bytes.
pub const fn string(name: &'static str) -> Argument {
    Argument::new(name, Kind::String)
}

/// A whole number.
pub const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Kind::Integer)
}

/// A floating point number.
pub const fn double(name: &'static str) -> Argument {
    Argument::new(name, Kind::Double)
}

/// A key, found by the key specification of this index.
pub const fn key(name: &'static str, spec: u8) -> Argument {
    Argument::new(name, Kind::Key).of_spec(spec)
}

/// A glob.
pub const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Kind::Pattern)
}

/// A moment in Unix time.
pub const fn unix_time(name: &'static str) -> Argument {
    Argument::new(name, Kind::UnixTime)
}

/// A word that is typed as it is.
pub const fn word(token: &'static str) -> Argument {
    Argument::new("", Kind::Word).after(token)
}

/// One of these.
pub const fn one_of(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument::new(name, Kind::OneOf(arguments))
}

/// All of these, in this order.
pub const fn block(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument::new(name, Kind::Block(arguments))
}
