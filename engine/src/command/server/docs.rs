//! Documentation of INFO, TIME, MONITOR and LOLWUT, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, string};

pub const INFO: Docs = Docs {
    summary: "Describes the server, a section at a time.",
    history: &[("7.0.0", "Several sections.")],
    arguments: &[string("section").optional().repeated()],
    ..Docs::BASE
};

pub const TIME: Docs = Docs {
    since: "2.6.0",
    summary: "Answers the time: seconds of Unix time, and microseconds.",
    ..Docs::BASE
};

pub const MONITOR: Docs =
    Docs { summary: "Shows every command that the server runs.", complexity: "", ..Docs::BASE };

pub const LOLWUT: Docs = Docs {
    since: "5.0.0",
    summary: "Answers the version, and a picture.",
    complexity: "",
    arguments: &[integer("version").after("VERSION").optional()],
    ..Docs::BASE
};
