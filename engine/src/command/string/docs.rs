//! Documentation of the string commands, as COMMAND DOCS shows it.

use crate::command::docs::{
    Deprecated, Docs, block, integer, key, one_of, string, unix_time, word,
};

pub const SET: Docs = Docs {
    group: "string",
    summary: "Stores a string under a key, replacing whatever was there.",
    history: &[
        ("2.6.12", "EX, PX, NX and XX."),
        ("6.0.0", "KEEPTTL."),
        ("6.2.0", "GET, EXAT and PXAT."),
        ("7.0.0", "NX together with GET."),
    ],
    arguments: &[
        key("key", 0),
        string("value"),
        one_of("condition", &[word("NX"), word("XX")]).since("2.6.12").optional(),
        word("GET").since("6.2.0").optional(),
        one_of(
            "expiration",
            &[
                integer("seconds").after("EX").since("2.6.12"),
                integer("milliseconds").after("PX").since("2.6.12"),
                unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                word("KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    ..Docs::BASE
};

pub const GET: Docs = Docs {
    group: "string",
    summary: "Answers the string stored under a key.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const GETSET: Docs = Docs {
    group: "string",
    summary: "Stores a new string and answers the old one.",
    deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`SET` with `GET`" }),
    arguments: &[key("key", 0), string("value")],
    ..Docs::BASE
};

pub const GETDEL: Docs = Docs {
    group: "string",
    since: "6.2.0",
    summary: "Answers the string under a key and deletes the key.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const GETEX: Docs = Docs {
    group: "string",
    since: "6.2.0",
    summary: "Answers the string under a key and changes when the key expires.",
    arguments: &[
        key("key", 0),
        one_of(
            "expiration",
            &[
                integer("seconds").after("EX"),
                integer("milliseconds").after("PX"),
                unix_time("unix-time-seconds").after("EXAT"),
                unix_time("unix-time-milliseconds").after("PXAT"),
                word("PERSIST"),
            ],
        )
        .optional(),
    ],
    ..Docs::BASE
};

pub const SETNX: Docs = Docs {
    group: "string",
    summary: "Stores a string if the key is not there yet.",
    arguments: &[key("key", 0), string("value")],
    ..Docs::BASE
};

pub const SETEX: Docs = Docs {
    group: "string",
    since: "2.0.0",
    summary: "Stores a string that expires after so many seconds.",
    arguments: &[key("key", 0), integer("seconds"), string("value")],
    ..Docs::BASE
};

pub const PSETEX: Docs = Docs {
    group: "string",
    since: "2.6.0",
    summary: "Stores a string that expires after so many milliseconds.",
    arguments: &[key("key", 0), integer("milliseconds"), string("value")],
    ..Docs::BASE
};

pub const MGET: Docs = Docs {
    group: "string",
    summary: "Answers the strings under several keys.",
    complexity: "O(N)",
    arguments: &[key("key", 0).repeated()],
    ..Docs::BASE
};

pub const MSET: Docs = Docs {
    group: "string",
    since: "1.0.1",
    summary: "Stores several strings at once.",
    complexity: "O(N)",
    arguments: &[block("key_value", &[key("key", 0), string("value")]).repeated()],
    ..Docs::BASE
};

pub const MSETNX: Docs = Docs {
    group: "string",
    since: "1.0.1",
    summary: "Stores several strings if none of the keys is there yet.",
    complexity: "O(N)",
    arguments: &[block("key_value", &[key("key", 0), string("value")]).repeated()],
    ..Docs::BASE
};

pub const APPEND: Docs = Docs {
    group: "string",
    since: "2.0.0",
    summary: "Adds to the end of a string, which is made if it is missing.",
    arguments: &[key("key", 0), string("value")],
    ..Docs::BASE
};

pub const STRLEN: Docs = Docs {
    group: "string",
    since: "2.2.0",
    summary: "Answers how many bytes a string has.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const GETRANGE: Docs = Docs {
    group: "string",
    since: "2.4.0",
    summary: "Answers a part of a string; negative positions count from its end.",
    complexity: "O(N)",
    arguments: &[key("key", 0), integer("start"), integer("end")],
    ..Docs::BASE
};

pub const SUBSTR: Docs = Docs {
    group: "string",
    summary: "Answers a part of a string: the old name of GETRANGE.",
    complexity: "O(N)",
    deprecated: Some(Deprecated { since: "2.0.0", replaced_by: "`GETRANGE`" }),
    arguments: &[key("key", 0), integer("start"), integer("end")],
    ..Docs::BASE
};

pub const SETRANGE: Docs = Docs {
    group: "string",
    since: "2.2.0",
    summary: "Overwrites a part of a string, with zero bytes where there was nothing.",
    arguments: &[key("key", 0), integer("offset"), string("value")],
    ..Docs::BASE
};

pub const LCS: Docs = Docs {
    group: "string",
    since: "7.0.0",
    summary: "Finds the longest common subsequence of two strings.",
    complexity: "O(N*M)",
    arguments: &[
        key("key1", 0),
        key("key2", 0),
        word("LEN").optional(),
        word("IDX").optional(),
        integer("len").after("MINMATCHLEN").optional(),
        word("WITHMATCHLEN").optional(),
    ],
    ..Docs::BASE
};
