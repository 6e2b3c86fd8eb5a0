//! Documentation of the counters, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, double, integer, key};

pub const INCR: Docs = Docs {
    group: "string",
    summary: "Adds one to the integer under a key; a missing key counts as 0.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const DECR: Docs = Docs {
    group: "string",
    summary: "Takes one from the integer under a key; a missing key counts as 0.",
    arguments: &[key("key", 0)],
    ..Docs::BASE
};

pub const INCRBY: Docs = Docs {
    group: "string",
    summary: "Adds to the integer under a key.",
    arguments: &[key("key", 0), integer("increment")],
    ..Docs::BASE
};

pub const DECRBY: Docs = Docs {
    group: "string",
    summary: "Takes from the integer under a key.",
    arguments: &[key("key", 0), integer("decrement")],
    ..Docs::BASE
};

pub const INCRBYFLOAT: Docs = Docs {
    group: "string",
    since: "2.6.0",
    summary: "Adds to the floating point number under a key.",
    arguments: &[key("key", 0), double("increment")],
    ..Docs::BASE
};
