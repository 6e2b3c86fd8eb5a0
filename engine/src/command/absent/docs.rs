//! Documentation of CLUSTER, MODULE, SCRIPT and FUNCTION, as COMMAND DOCS shows it.

use crate::command::docs::{Deprecated, Docs, block, integer, one_of, string, word};

pub const CLUSTER_SLOTS: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Which node has which slots.",
    complexity: "O(N)",
    deprecated: Some(Deprecated { since: "7.0.0", replaced_by: "`CLUSTER SHARDS`" }),
    history: &[("4.0.0", "The ids of nodes."), ("7.0.0", "More about how a node is reached.")],
    ..Docs::BASE
};

pub const CLUSTER_SHARDS: Docs = Docs {
    group: "cluster",
    since: "7.0.0",
    summary: "Which shard has which slots and nodes.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const CLUSTER_INFO: Docs =
    Docs { group: "cluster", since: "3.0.0", summary: "The state of the cluster.", ..Docs::BASE };

pub const CLUSTER_NODES: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "The nodes as this one sees them.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const CLUSTER_LINKS: Docs = Docs {
    group: "cluster",
    since: "7.0.0",
    summary: "The connections to other nodes.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const CLUSTER_MYID: Docs =
    Docs { group: "cluster", since: "3.0.0", summary: "This node's id.", ..Docs::BASE };

pub const CLUSTER_KEYSLOT: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "The slot of a key.",
    complexity: "O(N)",
    arguments: &[string("key")],
    ..Docs::BASE
};

pub const CLUSTER_COUNTKEYSINSLOT: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "How many keys a slot has.",
    arguments: &[integer("slot")],
    ..Docs::BASE
};

pub const CLUSTER_GETKEYSINSLOT: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Some keys of a slot.",
    complexity: "O(log(N))",
    arguments: &[integer("slot"), integer("count")],
    ..Docs::BASE
};

pub const CLUSTER_SLAVES: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "The replicas of a master, by the old name.",
    deprecated: Some(Deprecated { since: "5.0.0", replaced_by: "`CLUSTER REPLICAS`" }),
    arguments: &[string("node-id")],
    ..Docs::BASE
};

pub const CLUSTER_REPLICAS: Docs = Docs {
    group: "cluster",
    since: "5.0.0",
    summary: "The replicas of a master.",
    arguments: &[string("node-id")],
    ..Docs::BASE
};

pub const CLUSTER_COUNT_FAILURE_REPORTS: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Who reports a node as failing.",
    complexity: "O(N)",
    arguments: &[string("node-id")],
    ..Docs::BASE
};

pub const CLUSTER_RESET: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Forgets all.",
    complexity: "O(N)",
    arguments: &[one_of("hard_soft", &[word("HARD"), word("SOFT")]).optional()],
    ..Docs::BASE
};

pub const CLUSTER_ADDSLOTS: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Takes slots.",
    complexity: "O(N)",
    arguments: &[integer("slot").repeated()],
    ..Docs::BASE
};

pub const CLUSTER_ADDSLOTSRANGE: Docs = Docs {
    group: "cluster",
    since: "7.0.0",
    summary: "Takes ranges of slots.",
    complexity: "O(N)",
    arguments: &[
        block("start-slot_end-slot", &[integer("start-slot"), integer("end-slot")]).repeated()
    ],
    ..Docs::BASE
};

pub const CLUSTER_DELSLOTS: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Gives slots up.",
    complexity: "O(N)",
    arguments: &[integer("slot").repeated()],
    ..Docs::BASE
};

pub const CLUSTER_DELSLOTSRANGE: Docs = Docs {
    group: "cluster",
    since: "7.0.0",
    summary: "Gives ranges of slots up.",
    complexity: "O(N)",
    arguments: &[
        block("start-slot_end-slot", &[integer("start-slot"), integer("end-slot")]).repeated()
    ],
    ..Docs::BASE
};

pub const CLUSTER_FLUSHSLOTS: Docs =
    Docs { group: "cluster", since: "3.0.0", summary: "Gives all slots up.", ..Docs::BASE };

pub const CLUSTER_SETSLOT: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Says whose a slot is.",
    arguments: &[
        integer("slot"),
        one_of(
            "subcommand",
            &[
                string("node-id").after("IMPORTING"),
                string("node-id").after("MIGRATING"),
                string("node-id").after("NODE"),
                word("STABLE"),
            ],
        ),
    ],
    ..Docs::BASE
};

pub const CLUSTER_BUMPEPOCH: Docs =
    Docs { group: "cluster", since: "3.0.0", summary: "Goes on to the next epoch.", ..Docs::BASE };

pub const CLUSTER_SET_CONFIG_EPOCH: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Gives a new node its epoch.",
    arguments: &[integer("config-epoch")],
    ..Docs::BASE
};

pub const CLUSTER_FAILOVER: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Has a replica take over.",
    arguments: &[one_of("options", &[word("FORCE"), word("TAKEOVER")]).optional()],
    ..Docs::BASE
};

pub const CLUSTER_FORGET: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Forgets a node.",
    arguments: &[string("node-id")],
    ..Docs::BASE
};

pub const CLUSTER_MEET: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Gets to know a node.",
    history: &[("4.0.0", "The port of the bus.")],
    arguments: &[
        string("ip"),
        integer("port"),
        integer("cluster_bus_port").since("4.0.0").optional(),
    ],
    ..Docs::BASE
};

pub const CLUSTER_REPLICATE: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Follows another master.",
    arguments: &[string("node-id")],
    ..Docs::BASE
};

pub const CLUSTER_SAVECONFIG: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Writes the file of the cluster.",
    ..Docs::BASE
};

pub const MODULE_LOAD: Docs = Docs {
    since: "4.0.0",
    summary: "There are no modules here.",
    arguments: &[string("path"), string("arg").optional().repeated()],
    ..Docs::BASE
};

pub const MODULE_LOADEX: Docs = Docs {
    since: "7.0.0",
    summary: "There are no modules here.",
    arguments: &[
        string("path"),
        block("configs", &[string("name"), string("value")])
            .after("CONFIG")
            .optional()
            .repeated_with_token(),
        block("args", &[string("arg")]).after("ARGS").optional().repeated(),
    ],
    ..Docs::BASE
};

pub const MODULE_UNLOAD: Docs = Docs {
    since: "4.0.0",
    summary: "There are no modules here.",
    arguments: &[string("name")],
    ..Docs::BASE
};

pub const READONLY: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Reads from a replica of a cluster.",
    ..Docs::BASE
};

pub const READWRITE: Docs =
    Docs { group: "cluster", since: "3.0.0", summary: "Ends READONLY.", ..Docs::BASE };

pub const ASKING: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "Asks for a slot that is on the move.",
    ..Docs::BASE
};

pub const SCRIPT_EXISTS: Docs = Docs {
    group: "scripting",
    since: "2.6.0",
    summary: "Which scripts are known.",
    complexity: "O(N)",
    arguments: &[string("sha1").repeated()],
    ..Docs::BASE
};

pub const SCRIPT_FLUSH: Docs = Docs {
    group: "scripting",
    since: "2.6.0",
    summary: "Forgets all scripts.",
    complexity: "O(N)",
    history: &[("6.2.0", "ASYNC and SYNC.")],
    arguments: &[one_of("async", &[word("ASYNC"), word("SYNC")]).since("6.2.0").optional()],
    ..Docs::BASE
};

pub const SCRIPT_KILL: Docs =
    Docs { group: "scripting", since: "2.6.0", summary: "Ends the running script.", ..Docs::BASE };

pub const FUNCTION_LIST: Docs = Docs {
    group: "scripting",
    since: "7.0.0",
    summary: "The libraries.",
    complexity: "O(N)",
    arguments: &[
        string("library-name-pattern").after("LIBRARYNAME").optional(),
        word("WITHCODE").optional(),
    ],
    ..Docs::BASE
};

pub const FUNCTION_STATS: Docs =
    Docs { group: "scripting", since: "7.0.0", summary: "What runs and is loaded.", ..Docs::BASE };

pub const FUNCTION_FLUSH: Docs = Docs {
    group: "scripting",
    since: "7.0.0",
    summary: "Forgets all libraries.",
    complexity: "O(N)",
    arguments: &[one_of("async", &[word("ASYNC"), word("SYNC")]).optional()],
    ..Docs::BASE
};

pub const FUNCTION_DELETE: Docs = Docs {
    group: "scripting",
    since: "7.0.0",
    summary: "Forgets a library.",
    arguments: &[string("library-name")],
    ..Docs::BASE
};

pub const FUNCTION_KILL: Docs = Docs {
    group: "scripting",
    since: "7.0.0",
    summary: "Ends the running function.",
    ..Docs::BASE
};

pub const CLUSTER_HELP: Docs =
    Docs { group: "cluster", since: "5.0.0", summary: "Lists the subcommands.", ..Docs::BASE };

pub const MODULE_LIST: Docs = Docs {
    since: "4.0.0",
    summary: "The modules that are loaded: none.",
    complexity: "O(N)",
    ..Docs::BASE
};

pub const CLUSTER: Docs = Docs {
    group: "cluster",
    since: "3.0.0",
    summary: "There is no cluster here: this is a single server.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const MODULE: Docs = Docs {
    since: "4.0.0",
    summary: "There are no modules here.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const SCRIPT: Docs = Docs {
    group: "scripting",
    since: "2.6.0",
    summary: "There are no scripts here.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const FUNCTION: Docs = Docs {
    group: "scripting",
    since: "7.0.0",
    summary: "There are no functions here.",
    complexity: "That of the subcommand.",
    ..Docs::BASE
};

pub const SCRIPT_HELP: Docs =
    Docs { group: "scripting", since: "5.0.0", summary: "Lists the subcommands.", ..Docs::BASE };

pub const FUNCTION_HELP: Docs =
    Docs { group: "scripting", since: "7.0.0", summary: "Lists the subcommands.", ..Docs::BASE };

pub const MODULE_HELP: Docs =
    Docs { group: "server", since: "5.0.0", summary: "Lists the subcommands.", ..Docs::BASE };
