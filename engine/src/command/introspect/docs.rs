//! Documentation of COMMAND, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, one_of, pattern, string};

pub const COMMAND: Docs =
    Docs { since: "2.8.13", summary: "Describes all commands.", complexity: "O(N)", ..Docs::BASE };

pub const COMMAND_COUNT: Docs =
    Docs { since: "2.8.13", summary: "Answers how many commands there are.", ..Docs::BASE };

pub const COMMAND_INFO: Docs = Docs {
    since: "2.8.13",
    summary: "Describes commands.",
    complexity: "O(N)",
    history: &[("7.0.0", "All commands, where none is named.")],
    arguments: &[string("command-name").optional().repeated()],
    ..Docs::BASE
};

pub const COMMAND_DOCS: Docs = Docs {
    since: "7.0.0",
    summary: "Explains commands.",
    complexity: "O(N)",
    arguments: &[string("command-name").optional().repeated()],
    ..Docs::BASE
};

pub const COMMAND_LIST: Docs = Docs {
    since: "7.0.0",
    summary: "Answers the names of all commands.",
    complexity: "O(N)",
    arguments: &[one_of(
        "filterby",
        &[
            string("module-name").after("MODULE"),
            string("category").after("ACLCAT"),
            pattern("pattern").after("PATTERN"),
        ],
    )
    .after("FILTERBY")
    .optional()],
    ..Docs::BASE
};

pub const COMMAND_GETKEYS: Docs = Docs {
    since: "2.8.13",
    summary: "Answers the keys of a whole command.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const COMMAND_GETKEYSANDFLAGS: Docs = Docs {
    since: "7.0.0",
    summary: "Answers the keys of a whole command, and what it does with them.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const COMMAND_HELP: Docs =
    Docs { since: "5.0.0", summary: "Lists the subcommands.", ..Docs::BASE };
