//! Documentation of the commands that move or delete whole keys, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key, one_of, word};

pub const RENAME: Docs = Docs {
    group: "generic",
    summary: "Gives a key another name; what had that name is gone.",
    arguments: &[key("key", 0), key("newkey", 1)],
    ..Docs::BASE
};

pub const RENAMENX: Docs = Docs {
    group: "generic",
    summary: "Gives a key another name unless that is taken.",
    history: &[("3.2.0", "No error where both names are the same.")],
    arguments: &[key("key", 0), key("newkey", 1)],
    ..Docs::BASE
};

pub const COPY: Docs = Docs {
    group: "generic",
    since: "6.2.0",
    summary: "Copies a value to another key.",
    complexity: "O(N)",
    arguments: &[
        key("source", 0),
        key("destination", 1),
        integer("destination-db").after("DB").optional(),
        word("REPLACE").optional(),
    ],
    ..Docs::BASE
};

pub const MOVE: Docs = Docs {
    group: "generic",
    summary: "Moves a key to another database.",
    arguments: &[key("key", 0), integer("db")],
    ..Docs::BASE
};

pub const SWAPDB: Docs = Docs {
    since: "4.0.0",
    summary: "Exchanges two databases, under the feet of those who use them.",
    complexity: "O(N)",
    arguments: &[integer("index1"), integer("index2")],
    ..Docs::BASE
};

pub const FLUSHDB: Docs = Docs {
    summary: "Deletes all keys of the database.",
    complexity: "O(N)",
    history: &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")],
    arguments: &[
        one_of("async", &[word("ASYNC").since("4.0.0"), word("SYNC").since("6.2.0")]).optional()
    ],
    ..Docs::BASE
};

pub const FLUSHALL: Docs = Docs {
    summary: "Deletes all keys of all databases.",
    complexity: "O(N)",
    history: &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")],
    arguments: &[
        one_of("async", &[word("ASYNC").since("4.0.0"), word("SYNC").since("6.2.0")]).optional()
    ],
    ..Docs::BASE
};
