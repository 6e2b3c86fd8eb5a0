//! Documentation of the Pub/Sub commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, pattern, string};

pub const SUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "Listens to channels.",
    complexity: "O(N)",
    arguments: &[string("channel").repeated()],
    ..Docs::BASE
};

pub const UNSUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "Listens to channels no more.",
    complexity: "O(N)",
    arguments: &[string("channel").optional().repeated()],
    ..Docs::BASE
};

pub const PSUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "Listens to all channels that match a pattern.",
    complexity: "O(N)",
    arguments: &[block("pattern", &[pattern("pattern")]).repeated()],
    ..Docs::BASE
};

pub const PUNSUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "Listens to patterns no more.",
    complexity: "O(N+M)",
    arguments: &[pattern("pattern").optional().repeated()],
    ..Docs::BASE
};

pub const SSUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "7.0.0",
    summary: "Listens to shard channels.",
    complexity: "O(N)",
    arguments: &[string("shardchannel").repeated()],
    ..Docs::BASE
};

pub const SUNSUBSCRIBE: Docs = Docs {
    group: "pubsub",
    since: "7.0.0",
    summary: "Listens to shard channels no more.",
    complexity: "O(N)",
    arguments: &[string("shardchannel").optional().repeated()],
    ..Docs::BASE
};

pub const PUBLISH: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "Sends a message to all who listen to a channel now.",
    complexity: "O(N+M)",
    arguments: &[string("channel"), string("message")],
    ..Docs::BASE
};

pub const SPUBLISH: Docs = Docs {
    group: "pubsub",
    since: "7.0.0",
    summary: "Sends a message on a shard channel.",
    complexity: "O(N)",
    arguments: &[string("shardchannel"), string("message")],
    ..Docs::BASE
};

pub const PUBSUB: Docs = Docs {
    group: "pubsub",
    since: "2.8.0",
    summary: "Who listens.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const PUBSUB_CHANNELS: Docs = Docs {
    group: "pubsub",
    since: "2.8.0",
    summary: "Answers the channels that somebody listens to.",
    complexity: "O(N)",
    arguments: &[pattern("pattern").optional()],
    ..Docs::BASE
};

pub const PUBSUB_NUMSUB: Docs = Docs {
    group: "pubsub",
    since: "2.8.0",
    summary: "Answers how many listen to each channel.",
    complexity: "O(N)",
    arguments: &[string("channel").optional().repeated()],
    ..Docs::BASE
};

pub const PUBSUB_NUMPAT: Docs = Docs {
    group: "pubsub",
    since: "2.8.0",
    summary: "Answers how many patterns are listened to.",
    ..Docs::BASE
};

pub const PUBSUB_SHARDCHANNELS: Docs = Docs {
    group: "pubsub",
    since: "7.0.0",
    summary: "Answers the shard channels that somebody listens to.",
    complexity: "O(N)",
    arguments: &[pattern("pattern").optional()],
    ..Docs::BASE
};

pub const PUBSUB_SHARDNUMSUB: Docs = Docs {
    group: "pubsub",
    since: "7.0.0",
    summary: "Answers how many listen to each shard channel.",
    complexity: "O(N)",
    arguments: &[string("shardchannel").optional().repeated()],
    ..Docs::BASE
};

pub const PUBSUB_HELP: Docs =
    Docs { group: "pubsub", since: "6.2.0", summary: "Lists the subcommands.", ..Docs::BASE };
