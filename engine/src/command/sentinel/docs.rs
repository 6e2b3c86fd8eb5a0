//! Documentation of what a sentinel knows, as COMMAND DOCS shows it.

use crate::command::docs::{
    Argument, Deprecated, Docs, Kind, block, integer, one_of, pattern, string, word,
};

pub const PUBLISH: Docs = Docs {
    group: "pubsub",
    since: "2.0.0",
    summary: "In a sentinel: takes the hello of another sentinel.",
    complexity: "O(N+M)",
    arguments: &[string("channel"), string("message")],
    ..Docs::BASE
};

pub const ROLE: Docs =
    Docs { since: "2.8.12", summary: "In a sentinel: the masters that it watches.", ..Docs::BASE };

pub const SHUTDOWN: Docs = Docs {
    summary: "Ends the sentinel.",
    complexity: "O(N)",
    history: &[("7.0.0", "NOW, FORCE and ABORT.")],
    arguments: &[
        one_of("nosave_save", &[word("NOSAVE"), word("SAVE")]).optional(),
        word("NOW").since("7.0.0").optional(),
        word("FORCE").since("7.0.0").optional(),
        word("ABORT").since("7.0.0").optional(),
    ],
    ..Docs::BASE
};

pub const SENTINEL_CKQUORUM: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Checks whether a failover could be agreed on now.",
    complexity: "",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_CONFIG: Docs = Docs {
    group: "sentinel",
    since: "6.2.0",
    summary: "Reads or changes what holds for the sentinel as a whole.",
    arguments: &[one_of(
        "set_or_get",
        &[
            block("set_param_value", &[string("parameter"), string("value")])
                .after("SET")
                .repeated(),
            string("parameter").after("GET").repeated(),
        ],
    )],
    ..Docs::BASE
};

pub const SENTINEL_DEBUG: Docs = Docs {
    group: "sentinel",
    since: "7.0.0",
    summary: "Lists or changes periods and timeouts.",
    complexity: "O(N)",
    arguments: &[block("parameter_value", &[string("parameter"), string("value")]).repeated()],
    ..Docs::BASE
};

pub const SENTINEL_FAILOVER: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Starts a failover without asking the others.",
    complexity: "",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_FLUSHCONFIG: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Writes the configuration file.",
    ..Docs::BASE
};

pub const SENTINEL_GET_MASTER_ADDR_BY_NAME: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Answers where the master of this name is.",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_INFO_CACHE: Docs = Docs {
    group: "sentinel",
    since: "3.2.0",
    summary: "Answers the last INFO of masters and replicas.",
    complexity: "O(N)",
    arguments: &[string("nodename").repeated()],
    ..Docs::BASE
};

pub const SENTINEL_IS_MASTER_DOWN_BY_ADDR: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Asked by other sentinels: whether this master is down, and for a vote.",
    arguments: &[string("ip"), integer("port"), integer("current-epoch"), string("runid")],
    ..Docs::BASE
};

pub const SENTINEL_MASTER: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Describes a master.",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_MASTERS: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Describes all masters.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const SENTINEL_MONITOR: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Begins to watch a master.",
    arguments: &[string("name"), string("ip"), integer("port"), integer("quorum")],
    ..Docs::BASE
};

pub const SENTINEL_MYID: Docs = Docs {
    group: "sentinel",
    since: "6.2.0",
    summary: "Answers the id of this sentinel.",
    ..Docs::BASE
};

pub const SENTINEL_PENDING_SCRIPTS: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Lists scripts that are to be run.",
    complexity: "",
    ..Docs::BASE
};

pub const SENTINEL_REMOVE: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Watches a master no more.",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_REPLICAS: Docs = Docs {
    group: "sentinel",
    since: "5.0.0",
    summary: "Describes the replicas of a master.",
    complexity: "O(N)",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_RESET: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Forgets all but the address of masters.",
    complexity: "O(N)",
    arguments: &[pattern("pattern")],
    ..Docs::BASE
};

pub const SENTINEL_SENTINELS: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Describes the other sentinels of a master.",
    complexity: "O(N)",
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL_SET: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "Changes options of a master.",
    arguments: &[
        string("master-name"),
        block("option_value", &[string("option"), string("value")]).repeated(),
    ],
    ..Docs::BASE
};

pub const SENTINEL_SIMULATE_FAILURE: Docs = Docs {
    group: "sentinel",
    since: "3.2.0",
    summary: "Makes this sentinel end itself at a bad moment.",
    complexity: "",
    arguments: &[one_of(
        "mode",
        &[
            Argument::new("crash-after-election", Kind::Word),
            Argument::new("crash-after-promotion", Kind::Word),
            Argument::new("help", Kind::Word),
        ],
    )
    .optional()
    .repeated()],
    ..Docs::BASE
};

pub const SENTINEL_SLAVES: Docs = Docs {
    group: "sentinel",
    since: "2.8.0",
    summary: "Describes the replicas of a master.",
    complexity: "O(N)",
    deprecated: Some(Deprecated { since: "5.0.0", replaced_by: "`SENTINEL REPLICAS`" }),
    arguments: &[string("master-name")],
    ..Docs::BASE
};

pub const SENTINEL: Docs = Docs {
    group: "sentinel",
    since: "2.8.4",
    summary: "What a sentinel knows, and what it can be told.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const SENTINEL_HELP: Docs =
    Docs { group: "sentinel", since: "6.2.0", summary: "Lists the subcommands.", ..Docs::BASE };
