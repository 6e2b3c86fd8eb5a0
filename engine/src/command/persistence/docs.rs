//! Documentation of the persistence commands, as COMMAND DOCS shows it.

use crate::command::docs::{Docs, one_of, word};

pub const SAVE: Docs =
    Docs { summary: "Writes dump.rdb at once; everybody waits.", complexity: "O(N)", ..Docs::BASE };

pub const BGSAVE: Docs = Docs {
    summary: "Writes dump.rdb in the background, from a snapshot.",
    history: &[("3.2.2", "SCHEDULE.")],
    arguments: &[word("SCHEDULE").since("3.2.2").optional()],
    ..Docs::BASE
};

pub const LASTSAVE: Docs =
    Docs { summary: "When dump.rdb was last written, as Unix time.", ..Docs::BASE };

pub const BGREWRITEAOF: Docs =
    Docs { summary: "Makes a new base for the append-only file, in the background.", ..Docs::BASE };

pub const SHUTDOWN: Docs = Docs {
    summary: "Saves what is to be saved and ends the server.",
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
