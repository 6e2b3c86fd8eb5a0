//! Documentation of OBJECT, MEMORY and DEBUG, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key};

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

pub const MEMORY: Docs = Docs {
    since: "4.0.0",
    summary: "What takes memory.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const MEMORY_USAGE: Docs = Docs {
    since: "4.0.0",
    summary: "Answers how many bytes a key takes, near enough.",
    complexity: "O(N)",
    arguments: &[key("key", 0), integer("count").after("SAMPLES").optional()],
    ..Docs::BASE
};

pub const MEMORY_DOCTOR: Docs =
    Docs { since: "4.0.0", summary: "Explains what is known.", ..Docs::BASE };

pub const MEMORY_STATS: Docs =
    Docs { since: "4.0.0", summary: "Answers what takes memory.", ..Docs::BASE };

pub const MEMORY_PURGE: Docs = Docs {
    since: "4.0.0",
    summary: "Gives memory back to the operating system.",
    complexity: "Grows with the memory that is allocated.",
    ..Docs::BASE
};

pub const MEMORY_MALLOC_STATS: Docs = Docs {
    since: "4.0.0",
    summary: "Answers what the allocator says.",
    complexity: "Grows with the memory that is allocated.",
    ..Docs::BASE
};

pub const MEMORY_HELP: Docs =
    Docs { since: "4.0.0", summary: "Lists the subcommands.", ..Docs::BASE };

pub const DEBUG: Docs = Docs {
    summary: "For tests: looks inside, and breaks things.",
    complexity: "That of the subcommand.",
    system: true,
    ..Docs::BASE
};
