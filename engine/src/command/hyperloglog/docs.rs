//! Documentation of the HyperLogLog commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, key, string};

pub const PFADD: Docs = Docs {
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Counts things, each once.",
    arguments: &[key("key", 0), string("element").optional().repeated()],
    ..Docs::BASE
};

pub const PFCOUNT: Docs = Docs {
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Answers about how many different things were counted.",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const PFMERGE: Docs = Docs {
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Counts in one key all that was counted in any.",
    complexity: "O(N)",
    arguments: &[key("destkey", 0), key("sourcekey", 1).repeated()],
    ..Docs::BASE
};

pub const PFDEBUG: Docs = Docs {
    group: "hyperloglog",
    since: "2.8.9",
    summary: "For tests: shows and changes how a HyperLogLog is written.",
    complexity: "N/A",
    system: true,
    arguments: &[string("subcommand"), key("key", 0)],
    ..Docs::BASE
};
