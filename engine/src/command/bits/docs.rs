//! Documentation of the bitmap commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, integer, key, one_of, string, word};

pub const SETBIT: Docs = Docs {
    group: "bitmap",
    since: "2.2.0",
    summary: "Sets or clears one bit of a string; answers what it was.",
    arguments: &[key("key", 0), integer("offset"), integer("value")],
    ..Docs::BASE
};

pub const GETBIT: Docs = Docs {
    group: "bitmap",
    since: "2.2.0",
    summary: "Answers one bit of a string.",
    arguments: &[key("key", 0), integer("offset")],
    ..Docs::BASE
};

pub const BITCOUNT: Docs = Docs {
    group: "bitmap",
    since: "2.6.0",
    summary: "Counts the bits that are set, in a string or in a part of it.",
    complexity: "O(N)",
    history: &[("7.0.0", "BYTE and BIT.")],
    arguments: &[
        key("key", 0),
        block(
            "index",
            &[
                integer("start"),
                integer("end"),
                one_of("index_unit", &[word("BYTE"), word("BIT")]).since("7.0.0").optional(),
            ],
        )
        .optional(),
    ],
    ..Docs::BASE
};

pub const BITPOS: Docs = Docs {
    group: "bitmap",
    since: "2.8.7",
    summary: "Finds the first bit that is set, or the first that is clear.",
    complexity: "O(N)",
    history: &[("7.0.0", "BYTE and BIT.")],
    arguments: &[
        key("key", 0),
        integer("bit"),
        block(
            "index",
            &[
                integer("start"),
                block(
                    "end_index",
                    &[
                        integer("end"),
                        one_of("index_unit", &[word("BYTE"), word("BIT")])
                            .since("7.0.0")
                            .optional(),
                    ],
                )
                .optional(),
            ],
        )
        .optional(),
    ],
    ..Docs::BASE
};

pub const BITOP: Docs = Docs {
    group: "bitmap",
    since: "2.6.0",
    summary: "Combines strings bit by bit (AND, OR, XOR, NOT) and stores the result.",
    complexity: "O(N)",
    arguments: &[string("operation"), key("destkey", 0), key("key", 1).repeated()],
    ..Docs::BASE
};
