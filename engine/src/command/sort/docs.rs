//! Documentation of SORT, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, integer, key, one_of, pattern, word};

pub const SORT: Docs = Docs {
    group: "generic",
    summary: "Sorts a list, a set or a sorted set; there are none here yet.",
    complexity: "O(N+M*log(M))",
    arguments: &[
        key("key", 0),
        pattern("pattern").of_spec(1).after("BY").optional(),
        block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        pattern("pattern").of_spec(1).after("GET").optional().repeated_with_token(),
        one_of("order", &[word("ASC"), word("DESC")]).optional(),
        word("ALPHA").named("sorting").optional(),
        key("destination", 2).after("STORE").optional(),
    ],
    ..Docs::BASE
};

pub const SORT_RO: Docs = Docs {
    group: "generic",
    since: "7.0.0",
    summary: "SORT that stores nothing.",
    complexity: "O(N+M*log(M))",
    arguments: &[
        key("key", 0),
        pattern("pattern").of_spec(1).after("BY").optional(),
        block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        pattern("pattern").of_spec(1).after("GET").optional().repeated_with_token(),
        one_of("order", &[word("ASC"), word("DESC")]).optional(),
        word("ALPHA").named("sorting").optional(),
    ],
    ..Docs::BASE
};
