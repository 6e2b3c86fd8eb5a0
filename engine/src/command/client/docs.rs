//! Documentation of CLIENT, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, integer, one_of, string, word};

pub const CLIENT: Docs = Docs {
    group: "connection",
    since: "2.4.0",
    summary: "Connections: who is connected, and what is agreed with each.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const CLIENT_ID: Docs = Docs {
    group: "connection",
    since: "5.0.0",
    summary: "Answers this connection's number.",
    ..Docs::BASE
};

pub const CLIENT_INFO: Docs = Docs {
    group: "connection",
    since: "6.2.0",
    summary: "Describes this connection.",
    ..Docs::BASE
};

pub const CLIENT_LIST: Docs = Docs {
    group: "connection",
    since: "2.4.0",
    summary: "Describes all connections.",
    complexity: "O(N)",
    history: &[
        ("2.8.12", "The field id."),
        ("5.0.0", "The filter TYPE."),
        ("6.0.0", "The field user."),
        ("6.2.0", "The fields argv-mem, tot-mem, laddr and redir; the filter ID."),
        ("7.0.0", "The fields resp, multi-mem, rbs and rbp."),
        ("7.0.3", "The field ssub."),
    ],
    arguments: &[
        one_of(
            "normal_master_replica_pubsub",
            &[word("NORMAL"), word("MASTER"), word("REPLICA"), word("PUBSUB")],
        )
        .after("TYPE")
        .since("5.0.0")
        .optional(),
        block("id", &[integer("client-id").repeated()]).after("ID").since("6.2.0").optional(),
    ],
    ..Docs::BASE
};

pub const CLIENT_SETNAME: Docs = Docs {
    group: "connection",
    since: "2.6.9",
    summary: "Gives this connection a name.",
    arguments: &[string("connection-name")],
    ..Docs::BASE
};

pub const CLIENT_GETNAME: Docs = Docs {
    group: "connection",
    since: "2.6.9",
    summary: "Answers this connection's name.",
    ..Docs::BASE
};

pub const CLIENT_KILL: Docs = Docs {
    group: "connection",
    since: "2.4.0",
    summary: "Closes connections.",
    complexity: "O(N)",
    history: &[
        ("2.8.12", "Filters."),
        ("2.8.12", "The filter ID."),
        ("3.2.0", "TYPE master."),
        ("5.0.0", "TYPE replica; slave means the same."),
        ("6.2.0", "The filter LADDR."),
    ],
    arguments: &[one_of(
        "filter",
        &[
            string("ip:port").deprecated("2.8.12"),
            one_of(
                "new-format",
                &[
                    integer("client-id").after("ID").since("2.8.12").optional(),
                    one_of(
                        "normal_master_slave_pubsub",
                        &[
                            word("NORMAL"),
                            word("MASTER").since("3.2.0"),
                            word("SLAVE"),
                            word("REPLICA").since("5.0.0"),
                            word("PUBSUB"),
                        ],
                    )
                    .after("TYPE")
                    .since("2.8.12")
                    .optional(),
                    string("username").after("USER").optional(),
                    string("ip:port").after("ADDR").optional(),
                    string("ip:port").after("LADDR").since("6.2.0").optional(),
                    string("yes/no").after("SKIPME").optional(),
                ],
            )
            .repeated(),
        ],
    )],
    ..Docs::BASE
};

pub const CLIENT_PAUSE: Docs = Docs {
    group: "connection",
    since: "2.9.50",
    summary: "Lets all commands, or those that write, wait for so many milliseconds.",
    history: &[("6.2.0", "WRITE and ALL.")],
    arguments: &[
        integer("timeout"),
        one_of("mode", &[word("WRITE"), word("ALL")]).since("6.2.0").optional(),
    ],
    ..Docs::BASE
};

pub const CLIENT_UNPAUSE: Docs = Docs {
    group: "connection",
    since: "6.2.0",
    summary: "Ends a pause.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const CLIENT_REPLY: Docs = Docs {
    group: "connection",
    since: "3.2.0",
    summary: "Chooses whether this connection is answered.",
    arguments: &[one_of("on_off_skip", &[word("ON"), word("OFF"), word("SKIP")])],
    ..Docs::BASE
};

pub const CLIENT_NO_EVICT: Docs = Docs {
    group: "connection",
    since: "7.0.0",
    summary: "Spares this connection when clients are evicted.",
    arguments: &[one_of("enabled", &[word("ON"), word("OFF")])],
    ..Docs::BASE
};

pub const CLIENT_UNBLOCK: Docs = Docs {
    group: "connection",
    since: "5.0.0",
    summary: "Ends what another connection waits for.",
    complexity: "O(log N)",
    arguments: &[
        integer("client-id"),
        one_of("timeout_error", &[word("TIMEOUT"), word("ERROR")]).optional(),
    ],
    ..Docs::BASE
};

pub const CLIENT_TRACKING: Docs = Docs {
    group: "connection",
    since: "6.0.0",
    summary: "Tells this connection when what it has read changes.",
    arguments: &[
        one_of("status", &[word("ON"), word("OFF")]),
        integer("client-id").after("REDIRECT").optional(),
        string("prefix").after("PREFIX").optional().repeated_with_token(),
        word("BCAST").optional(),
        word("OPTIN").optional(),
        word("OPTOUT").optional(),
        word("NOLOOP").optional(),
    ],
    ..Docs::BASE
};

pub const CLIENT_CACHING: Docs = Docs {
    group: "connection",
    since: "6.0.0",
    summary: "Says whether the keys of the next command are tracked.",
    arguments: &[one_of("mode", &[word("YES"), word("NO")])],
    ..Docs::BASE
};

pub const CLIENT_TRACKINGINFO: Docs = Docs {
    group: "connection",
    since: "6.2.0",
    summary: "Answers how this connection's caching is set.",
    ..Docs::BASE
};

pub const CLIENT_GETREDIR: Docs = Docs {
    group: "connection",
    since: "6.0.0",
    summary: "Answers to whom invalidations of this connection's cache go.",
    ..Docs::BASE
};

pub const CLIENT_HELP: Docs =
    Docs { group: "connection", since: "5.0.0", summary: "Lists the subcommands.", ..Docs::BASE };
