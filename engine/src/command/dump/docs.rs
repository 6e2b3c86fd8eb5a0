//! Documentation of DUMP and RESTORE, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, key, string, word};

pub const DUMP: Docs = Docs {
    group: "generic",
    since: "2.6.0",
    summary: "Answers a value as bytes that RESTORE takes.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const RESTORE: Docs = Docs {
    group: "generic",
    since: "2.6.0",
    summary: "Stores a value from the bytes that DUMP gave.",
    history: &[("3.0.0", "REPLACE."), ("5.0.0", "ABSTTL."), ("5.0.0", "IDLETIME and FREQ.")],
    arguments: &[
        key("key", 0),
        integer("ttl"),
        string("serialized-value"),
        word("REPLACE").since("3.0.0").optional(),
        word("ABSTTL").since("5.0.0").optional(),
        integer("seconds").after("IDLETIME").since("5.0.0").optional(),
        integer("frequency").after("FREQ").since("5.0.0").optional(),
    ],
    ..Docs::BASE
};
