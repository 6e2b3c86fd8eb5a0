//! Documentation of SLOWLOG and LATENCY, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, integer, string};

pub const SLOWLOG: Docs = Docs {
    since: "2.2.12",
    summary: "Commands that took long.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const SLOWLOG_GET: Docs = Docs {
    since: "2.2.12",
    summary: "Answers the latest entries.",
    complexity: "O(N)",
    history: &[("4.0.0", "The client's address and name in the reply.")],
    arguments: &[integer("count").optional()],
    ..Docs::BASE
};

pub const SLOWLOG_LEN: Docs =
    Docs { since: "2.2.12", summary: "Answers how many entries there are.", ..Docs::BASE };

pub const SLOWLOG_RESET: Docs =
    Docs { since: "2.2.12", summary: "Forgets all entries.", complexity: "O(N)", ..Docs::BASE };

pub const SLOWLOG_HELP: Docs =
    Docs { since: "6.2.0", summary: "Lists the subcommands.", ..Docs::BASE };

pub const LATENCY: Docs = Docs {
    since: "2.8.13",
    summary: "Events that took long.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const LATENCY_LATEST: Docs =
    Docs { since: "2.8.13", summary: "Answers the latest of each event.", ..Docs::BASE };

pub const LATENCY_HISTORY: Docs = Docs {
    since: "2.8.13",
    summary: "Answers what is known of one event.",
    arguments: &[string("event")],
    ..Docs::BASE
};

pub const LATENCY_RESET: Docs = Docs {
    since: "2.8.13",
    summary: "Forgets events.",
    arguments: &[string("event").optional().repeated()],
    ..Docs::BASE
};

pub const LATENCY_HISTOGRAM: Docs = Docs {
    since: "7.0.0",
    summary: "Answers how commands' latencies are distributed.",
    complexity: "O(N)",
    arguments: &[string("command").optional().repeated()],
    ..Docs::BASE
};

pub const LATENCY_DOCTOR: Docs =
    Docs { since: "2.8.13", summary: "Explains what is known.", ..Docs::BASE };

pub const LATENCY_GRAPH: Docs = Docs {
    since: "2.8.13",
    summary: "Draws one event.",
    arguments: &[string("event")],
    ..Docs::BASE
};

pub const LATENCY_HELP: Docs =
    Docs { since: "2.8.13", summary: "Lists the subcommands.", ..Docs::BASE };
