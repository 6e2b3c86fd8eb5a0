//! Documentation of the replication commands, as COMMAND DOCS shows it.

use crate::command::docs::{Deprecated, Docs, block, integer, one_of, string, word};

pub const REPLICAOF: Docs = Docs {
    since: "5.0.0",
    summary: "Makes this node follow a master, or (NO ONE) a master of its own.",
    arguments: &[one_of(
        "args",
        &[
            block("host-port", &[string("host"), integer("port")]),
            block("no-one", &[word("NO"), word("ONE")]),
        ],
    )],
    ..Docs::BASE
};

pub const SLAVEOF: Docs = Docs {
    summary: "The old name of REPLICAOF.",
    deprecated: Some(Deprecated { since: "5.0.0", replaced_by: "`REPLICAOF`" }),
    arguments: &[one_of(
        "args",
        &[
            block("host-port", &[string("host"), integer("port")]),
            block("no-one", &[word("NO"), word("ONE")]),
        ],
    )],
    ..Docs::BASE
};

pub const ROLE: Docs = Docs {
    since: "2.8.12",
    summary: "Tells the role of this node, and how far its replicas or its own link are.",
    ..Docs::BASE
};

pub const FAILOVER: Docs = Docs {
    since: "6.2.0",
    summary: "Hands the place of this master to one of its replicas, without losing a write.",
    arguments: &[
        block("target", &[string("host"), integer("port"), word("FORCE").optional()])
            .after("TO")
            .optional(),
        word("ABORT").optional(),
        integer("milliseconds").after("TIMEOUT").optional(),
    ],
    ..Docs::BASE
};

pub const WAIT: Docs = Docs {
    group: "generic",
    since: "3.0.0",
    summary: "Waits until so many replicas have confirmed this connection's writes, or a timeout.",
    arguments: &[integer("numreplicas"), integer("timeout")],
    ..Docs::BASE
};

pub const REPLCONF: Docs = Docs {
    since: "3.0.0",
    summary: "What replicas and masters tell each other beside the stream.",
    system: true,
    ..Docs::BASE
};

pub const PSYNC: Docs = Docs {
    since: "2.8.0",
    summary: "A replica asks to be continued, or given everything.",
    complexity: "",
    arguments: &[string("replicationid"), integer("offset")],
    ..Docs::BASE
};

pub const SYNC: Docs = Docs {
    summary: "A replica asks to be given everything (the old way).",
    complexity: "",
    ..Docs::BASE
};
