//! Documentation of DEBUG, as COMMAND DOCS shows it.

use crate::command::docs::Docs;

pub const DEBUG: Docs = Docs {
    summary: "For tests: looks inside, and breaks things.",
    complexity: "That of the subcommand.",
    system: true,
    ..Docs::BASE
};
