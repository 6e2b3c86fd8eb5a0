//! Documentation of BITFIELD, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, integer, key, one_of, string, word};

pub const BITFIELD: Docs = Docs {
    group: "bitmap",
    since: "3.2.0",
    summary: "Reads and writes integers of any width within a string.",
    arguments: &[
        key("key", 0),
        one_of(
            "operation",
            &[
                block("encoding_offset", &[string("encoding"), integer("offset")]).after("GET"),
                block(
                    "write",
                    &[
                        one_of("wrap_sat_fail", &[word("WRAP"), word("SAT"), word("FAIL")])
                            .after("OVERFLOW")
                            .optional(),
                        one_of(
                            "write_operation",
                            &[
                                block(
                                    "encoding_offset_value",
                                    &[string("encoding"), integer("offset"), integer("value")],
                                )
                                .after("SET"),
                                block(
                                    "encoding_offset_increment",
                                    &[string("encoding"), integer("offset"), integer("increment")],
                                )
                                .after("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .repeated(),
    ],
    ..Docs::BASE
};

pub const BITFIELD_RO: Docs = Docs {
    group: "bitmap",
    since: "6.0.0",
    summary: "Reads integers of any width within a string.",
    arguments: &[
        key("key", 0),
        block("encoding_offset", &[string("encoding"), integer("offset")])
            .after("GET")
            .optional()
            .repeated_with_token(),
    ],
    ..Docs::BASE
};
