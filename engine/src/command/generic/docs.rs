//! Documentation of the commands for keys of any type, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key, pattern, string};

pub const DEL: Docs = Docs {
    group: "generic",
    summary: "Deletes keys; answers how many there were.",
    complexity: "O(N)",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const UNLINK: Docs = Docs {
    group: "generic",
    since: "4.0.0",
    summary: "Deletes keys and frees their memory later.",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const EXISTS: Docs = Docs {
    group: "generic",
    summary: "Counts how many of the keys exist; one named twice counts twice.",
    complexity: "O(N)",
    history: &[("3.0.3", "Several keys.")],
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const TYPE: Docs = Docs {
    group: "generic",
    summary: "Answers what kind of value a key holds.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const TOUCH: Docs = Docs {
    group: "generic",
    since: "3.2.1",
    summary: "Counts the keys that exist and notes that they were used.",
    complexity: "O(N)",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const KEYS: Docs = Docs {
    group: "generic",
    summary: "Answers all keys that match a pattern. Looks at every key: for debugging only.",
    complexity: "O(N)",
    arguments: &[pattern("pattern")],
    ..Docs::BASE
};

pub const SCAN: Docs = Docs {
    group: "generic",
    since: "2.8.0",
    summary: "Walks through the keys a few at a time; begin and end with cursor 0.",
    history: &[("6.0.0", "TYPE.")],
    arguments: &[
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        string("type").after("TYPE").since("6.0.0").optional(),
    ],
    ..Docs::BASE
};

pub const RANDOMKEY: Docs = Docs { group: "generic", summary: "Answers some key.", ..Docs::BASE };

pub const DBSIZE: Docs = Docs { summary: "Answers how many keys the database has.", ..Docs::BASE };
