//! What the log says when the data on the disk can't be loaded.
//!
//! ```text
//!   Redis's own lines               what is wrong, in the words that people search for
//!   one line of ours in between     where: file and offset or line; what to do; that nothing was changed
//! ```
//!
//! Redis's last line stays last: scripts look there.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::load_file::{Part, Role};
use crate::{
    aof::ManifestError,
    io::{DiskError, DiskErrorKind},
    rdb::LoadError,
};

/// Why the data can't be loaded: the lines for the log.
pub(crate) struct Refused(pub(crate) Vec<String>);

impl Refused {
    /// One line says it all.
    pub(crate) fn line(line: impl Into<String>) -> Self {
        Self(Vec::from([line.into()]))
    }

    /// A step of a script has said why already.
    pub(crate) const fn said() -> Self {
        Self(Vec::new())
    }
}

/// The manifest makes no sense.
pub(crate) fn bad_manifest(path: &str, error: &ManifestError) -> Refused {
    let place = error.line.as_ref().map(|(number, _)| format!(", line {number}"));
    let place = place.unwrap_or_default();
    let mut lines: Vec<String> =
        error.to_string().trim_start().lines().map(ToString::to_string).collect();
    // Redis begins its block on a line of its own.
    if let Some(first) = lines.first_mut() {
        first.insert(0, '\n');
    }
    lines.push(format!(
        "{path}{place}: correct it, or put the whole directory back from a copy. Nothing was changed."
    ));
    Refused(lines)
}

/// The manifest is there, but can't be read.
pub(crate) fn unreadable_manifest(path: &str, error: &DiskError) -> Refused {
    let why = &error.text;
    Refused::line(format!(
        "Fatal error: can't open the AOF manifest file {path} for reading: {why}"
    ))
}

/// A file that the manifest names has no length.
pub(crate) fn missing(name: &str, error: &DiskError) -> Refused {
    Refused::line(format!("Unable to obtain the AOF file {name} length. stat: {}", error.text))
}

/// A file can't be read.
pub(crate) fn unreadable(part: &Part, error: &DiskError) -> Refused {
    let (name, why) = (&part.name, &error.text);
    let opens = !matches!(error.kind, DiskErrorKind::NotFound | DiskErrorKind::Denied);
    Refused::line(match part.role {
        Role::Rdb => format!("Fatal error loading the DB: {why}. Exiting."),
        _ if opens => format!("Unrecoverable error reading the append only file {name}: {why}"),
        _ => format!("Fatal error: can't open the append log file {name} for reading: {why}"),
    })
}

/// What stands at `offset` is not a command.
pub(crate) fn bad_format(part: &Part, offset: u64) -> Refused {
    let (name, path) = (&part.name, &part.path);
    Refused(Vec::from([
        format!("{path}: what stands at offset {offset} is not a command. Nothing was changed."),
        format!(
            "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
             ./redis-check-aof --fix <filename.manifest>"
        ),
    ]))
}

/// A command that this server does not know, or not with so many arguments.
pub(crate) fn bad_command(part: &Part, offset: u64, name: &[u8], known: bool) -> Refused {
    let command = String::from_utf8_lossy(name);
    let (file, path) = (&part.name, &part.path);
    let what = if known { "Wrong number of arguments for" } else { "Unknown command" };
    Refused(Vec::from([
        format!(
            "{path}: the command that ends at offset {offset} can't be run here. Start the server that wrote it, or \
             put the file back from a copy. Nothing was changed."
        ),
        format!("{what} '{command}' reading the append only file {file}"),
    ]))
}

/// The file ends in the middle of something, and may not be cut.
pub(crate) fn unexpected_end(part: &Part, valid_up_to: u64) -> Refused {
    let (name, path) = (&part.name, &part.path);
    Refused(Vec::from([
        format!(
            "{path}: only what stands before offset {valid_up_to} is whole. Nothing was changed."
        ),
        format!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, \
             then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the \
             'aof-load-truncated' configuration option to yes and restart the server."
        ),
    ]))
}

/// A file that others follow ends in the middle of something. (Redis cuts it off, and then gives up all the same.)
pub(crate) fn cut_in_the_middle(part: &Part, valid_up_to: u64) -> Refused {
    let path = &part.path;
    Refused(Vec::from([
        format!(
            "{path}: only what stands before offset {valid_up_to} is whole, and other files follow. Put it back from a \
             copy, or cut it with redis-check-aof --fix. Nothing was changed."
        ),
        "Fatal error: the truncated file is not the last file".to_string(),
    ]))
}

/// What is wrong with an RDB file.
pub(crate) fn bad_rdb(part: &Part, error: &LoadError) -> Refused {
    let (name, path) = (&part.name, &part.path);
    let copy = "put it back from a copy, or move it away to start without it";
    let internal = |offset: u64, what: &str| {
        format!("Internal error in RDB reading offset {offset} of {name} -> {what}")
    };
    let advice = |offset: u64, what: &str| {
        format!("{path}, offset {offset}: {what}. redis-check-rdb tells more. Nothing was changed.")
    };
    let mut lines = match error {
        LoadError::Cut { offset } => Vec::from([
            "Short read or OOM loading DB. Unrecoverable error, aborting now.".to_string(),
            internal(*offset, &error.to_string()),
            advice(*offset, copy),
        ]),
        LoadError::Corrupt { offset, what } => Vec::from([
            internal(*offset, what),
            advice(*offset, copy),
            "Terminating server after rdb file reading failure.".to_string(),
        ]),
        LoadError::Unsupported { offset, what } => Vec::from([
            internal(*offset, what),
            advice(*offset, "start the server that wrote it, or move it away to start without it"),
            "Terminating server after rdb file reading failure.".to_string(),
        ]),
        LoadError::Checksum { .. } => Vec::from([
            error.to_string(),
            internal(part.offset, "RDB CRC error"),
            advice(part.offset, copy),
        ]),
        LoadError::Signature | LoadError::Version(_) => Vec::from([
            error.to_string(),
            advice(0, copy),
            "Fatal error loading the DB: Invalid argument. Exiting.".to_string(),
        ]),
    };
    if part.role != Role::Rdb {
        lines.push(format!("Error reading the RDB base file {name}, AOF loading aborted"));
    }
    Refused(lines)
}
