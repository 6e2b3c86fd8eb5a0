//! Documentation of MEMORY, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key};

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
