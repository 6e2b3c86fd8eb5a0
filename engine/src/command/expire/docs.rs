//! Documentation of the commands for expiry, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key, one_of, unix_time, word};

pub const EXPIRE: Docs = Docs {
    group: "generic",
    summary: "Lets a key expire after so many seconds.",
    history: &[("7.0.0", "NX, XX, GT and LT.")],
    arguments: &[
        key("key", 0),
        integer("seconds"),
        one_of("condition", &[word("NX"), word("XX"), word("GT"), word("LT")])
            .since("7.0.0")
            .optional(),
    ],
    ..Docs::BASE
};

pub const PEXPIRE: Docs = Docs {
    group: "generic",
    since: "2.6.0",
    summary: "Lets a key expire after so many milliseconds.",
    history: &[("7.0.0", "NX, XX, GT and LT.")],
    arguments: &[
        key("key", 0),
        integer("milliseconds"),
        one_of("condition", &[word("NX"), word("XX"), word("GT"), word("LT")])
            .since("7.0.0")
            .optional(),
    ],
    ..Docs::BASE
};

pub const EXPIREAT: Docs = Docs {
    group: "generic",
    since: "1.2.0",
    summary: "Lets a key expire at a moment, in seconds of Unix time.",
    history: &[("7.0.0", "NX, XX, GT and LT.")],
    arguments: &[
        key("key", 0),
        unix_time("unix-time-seconds"),
        one_of("condition", &[word("NX"), word("XX"), word("GT"), word("LT")])
            .since("7.0.0")
            .optional(),
    ],
    ..Docs::BASE
};

pub const PEXPIREAT: Docs = Docs {
    group: "generic",
    since: "2.6.0",
    summary: "Lets a key expire at a moment, in milliseconds of Unix time.",
    history: &[("7.0.0", "NX, XX, GT and LT.")],
    arguments: &[
        key("key", 0),
        unix_time("unix-time-milliseconds"),
        one_of("condition", &[word("NX"), word("XX"), word("GT"), word("LT")])
            .since("7.0.0")
            .optional(),
    ],
    ..Docs::BASE
};

pub const TTL: Docs = Docs {
    group: "generic",
    summary: "Answers how many seconds a key has left; -1: no limit, -2: no key.",
    history: &[("2.8.0", "-2 for a key that does not exist.")],
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const PTTL: Docs = Docs {
    group: "generic",
    since: "2.6.0",
    summary: "Answers how many milliseconds a key has left.",
    history: &[("2.8.0", "-2 for a key that does not exist.")],
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const EXPIRETIME: Docs = Docs {
    group: "generic",
    since: "7.0.0",
    summary: "Answers when a key expires, in seconds of Unix time.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const PEXPIRETIME: Docs = Docs {
    group: "generic",
    since: "7.0.0",
    summary: "Answers when a key expires, in milliseconds of Unix time.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const PERSIST: Docs = Docs {
    group: "generic",
    since: "2.2.0",
    summary: "Takes a key's limit in time away.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};
