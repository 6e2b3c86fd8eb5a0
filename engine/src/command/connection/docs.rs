//! Documentation of the connection commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, block, integer, string};

pub const PING: Docs = Docs {
    group: "connection",
    summary: "Answers PONG, or the argument: is this connection alive?",
    arguments: &[string("message").optional()],
    ..Docs::BASE
};

pub const ECHO: Docs = Docs {
    group: "connection",
    summary: "Answers its argument.",
    arguments: &[string("message")],
    ..Docs::BASE
};

pub const SELECT: Docs = Docs {
    group: "connection",
    summary: "Chooses the database of this connection.",
    arguments: &[integer("index")],
    ..Docs::BASE
};

pub const QUIT: Docs = Docs {
    group: "connection",
    summary: "Closes the connection once its replies are sent.",
    ..Docs::BASE
};

pub const AUTH: Docs = Docs {
    group: "connection",
    summary: "Says who this connection is.",
    complexity: "O(N)",
    history: &[("6.0.0", "A user name in front of the password.")],
    arguments: &[string("username").since("6.0.0").optional(), string("password")],
    ..Docs::BASE
};

pub const HELLO: Docs = Docs {
    group: "connection",
    since: "6.0.0",
    summary: "Chooses the version of RESP, and may authenticate and name the connection in the same breath.",
    history: &[("6.2.0", "Without arguments it describes the connection.")],
    arguments: &[block(
        "arguments",
        &[
            integer("protover"),
            block("username_password", &[string("username"), string("password")])
                .after("AUTH")
                .optional(),
            string("clientname").after("SETNAME").optional(),
        ],
    )
    .optional()],
    ..Docs::BASE
};

pub const RESET: Docs = Docs {
    group: "connection",
    since: "6.2.0",
    summary: "Makes the connection as it was when it was new.",
    ..Docs::BASE
};
