//! Documentation of ACL, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, string};

pub const ACL: Docs = Docs {
    since: "6.0.0",
    summary: "Users, and what they may do.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const ACL_WHOAMI: Docs =
    Docs { since: "6.0.0", summary: "Answers who this connection is.", ..Docs::BASE };

pub const ACL_USERS: Docs = Docs {
    since: "6.0.0",
    summary: "Answers the names of all users.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const ACL_LIST: Docs = Docs {
    since: "6.0.0",
    summary: "Answers all users as lines of an ACL file.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const ACL_GETUSER: Docs = Docs {
    since: "6.0.0",
    summary: "Describes a user.",
    complexity: "O(N)",
    history: &[
        ("6.2.0", "Patterns of channels."),
        ("7.0.0", "Selectors, and rules in place of lists of patterns."),
    ],
    arguments: &[string("username")],
    ..Docs::BASE
};

pub const ACL_CAT: Docs = Docs {
    since: "6.0.0",
    summary: "Answers the categories of commands, or the commands of one.",
    arguments: &[string("categoryname").optional()],
    ..Docs::BASE
};

pub const ACL_GENPASS: Docs = Docs {
    since: "6.0.0",
    summary: "Makes up a password.",
    arguments: &[integer("bits").optional()],
    ..Docs::BASE
};

pub const ACL_HELP: Docs = Docs { since: "6.0.0", summary: "Lists the subcommands.", ..Docs::BASE };
