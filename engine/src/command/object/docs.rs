//! Documentation of OBJECT, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, key};

pub const OBJECT: Docs = Docs {
    group: "generic",
    since: "2.2.3",
    summary: "How values are held in memory.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const OBJECT_ENCODING: Docs = Docs {
    group: "generic",
    since: "2.2.3",
    summary: "Answers how a value is held.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const OBJECT_REFCOUNT: Docs = Docs {
    group: "generic",
    since: "2.2.3",
    summary: "Answers how often a value is shared.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const OBJECT_IDLETIME: Docs = Docs {
    group: "generic",
    since: "2.2.3",
    summary: "Answers for how many seconds a key was not used.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const OBJECT_FREQ: Docs = Docs {
    group: "generic",
    since: "4.0.0",
    summary: "Answers how often a key is used, under an LFU policy.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const OBJECT_HELP: Docs =
    Docs { group: "generic", since: "6.2.0", summary: "Lists the subcommands.", ..Docs::BASE };
