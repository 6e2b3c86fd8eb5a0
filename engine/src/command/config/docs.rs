//! Documentation of CONFIG, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, string};

pub const CONFIG: Docs = Docs {
    since: "2.0.0",
    summary: "Looks at the configuration, changes it, writes it back to its file.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const CONFIG_GET: Docs = Docs {
    since: "2.0.0",
    summary: "The names and values of the directives that match.",
    complexity: "O(N)",
    history: &[("7.0.0", "Several patterns.")],
    arguments: &[block("parameter", &[string("parameter")]).repeated()],
    ..Docs::BASE
};

pub const CONFIG_SET: Docs = Docs {
    since: "2.0.0",
    summary: "Changes directives while the server runs: all of them or none.",
    complexity: "O(N)",
    history: &[("7.0.0", "Several directives.")],
    arguments: &[block("parameter_value", &[string("parameter"), string("value")]).repeated()],
    ..Docs::BASE
};

pub const CONFIG_REWRITE: Docs = Docs {
    since: "2.8.0",
    summary: "Writes the present values into the configuration file, and keeps its comments.",
    ..Docs::BASE
};

pub const CONFIG_RESETSTAT: Docs =
    Docs { since: "2.0.0", summary: "Sets the counters of INFO back to zero.", ..Docs::BASE };

pub const CONFIG_HELP: Docs =
    Docs { since: "5.0.0", summary: "What the subcommands are.", ..Docs::BASE };
