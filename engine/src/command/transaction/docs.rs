//! Documentation of the transaction commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, key};

pub const MULTI: Docs = Docs {
    group: "transactions",
    since: "1.2.0",
    summary: "Begins a transaction: commands are queued until EXEC.",
    ..Docs::BASE
};

pub const EXEC: Docs = Docs {
    group: "transactions",
    since: "1.2.0",
    summary: "Runs the queued commands, with nothing in between.",
    complexity: "That of the commands in the transaction.",
    ..Docs::BASE
};

pub const DISCARD: Docs = Docs {
    group: "transactions",
    since: "2.0.0",
    summary: "Forgets the queued commands.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const WATCH: Docs = Docs {
    group: "transactions",
    since: "2.2.0",
    summary: "Lets the next EXEC fail if one of the keys changes before it.",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const UNWATCH: Docs = Docs {
    group: "transactions",
    since: "2.2.0",
    summary: "Watches nothing any more.",
    ..Docs::BASE
};
