//! One command as COMMAND DOCS shows it.

use alloc::format;

use crate::{
    command::{
        Command,
        docs::{Argument, Docs, Kind, Times},
    },
    resp::Reply,
};

/// The name of a command and a map of what is known about it.
pub(super) fn document(reply: &mut Reply<'_>, row: &Command) {
    let Docs { group, since, summary, complexity, deprecated, system, history, arguments } =
        row.docs;
    reply.bulk(format!("{}", row.full_name()).as_bytes());
    let subcommands = row.subcommands();
    let has_flags = deprecated.is_some() || system;
    let fields = 3
        + usize::from(!complexity.is_empty())
        + usize::from(has_flags)
        + if deprecated.is_some() { 2 } else { 0 }
        + usize::from(!history.is_empty())
        + usize::from(!arguments.is_empty())
        + usize::from(!subcommands.is_empty());
    reply.map(fields);
    for (name, text) in [("summary", summary), ("since", since), ("group", group)] {
        field(reply, name, text);
    }
    if !complexity.is_empty() {
        field(reply, "complexity", complexity);
    }
    if has_flags {
        reply.bulk(b"doc_flags");
        let flags = [("deprecated", deprecated.is_some()), ("syscmd", system)];
        let flags = flags.iter().filter(|(_, on)| *on);
        reply.set(flags.clone().count());
        flags.for_each(|(word, _)| reply.simple(word));
    }
    if let Some(deprecated) = deprecated {
        field(reply, "deprecated_since", deprecated.since);
        field(reply, "replaced_by", deprecated.replaced_by);
    }
    if !history.is_empty() {
        reply.bulk(b"history");
        reply.set(history.len());
        for (version, text) in history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(text.as_bytes());
        }
    }
    if !arguments.is_empty() {
        list(reply, arguments);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|sub| document(reply, sub));
    }
}

fn field(reply: &mut Reply<'_>, name: &str, text: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(text.as_bytes());
}

fn list(reply: &mut Reply<'_>, arguments: &[Argument]) {
    reply.bulk(b"arguments");
    reply.array(arguments.len());
    arguments.iter().for_each(|argument| describe(reply, argument));
}

fn describe(reply: &mut Reply<'_>, argument: &Argument) {
    let Argument { name, kind, key_spec, token, since, deprecated, optional, times } = *argument;
    let parts = match kind {
        Kind::OneOf(parts) | Kind::Block(parts) => parts,
        _ => &[],
    };
    let texts = [("token", token), ("since", since), ("deprecated_since", deprecated)];
    let has_flags = optional || times != Times::Once;
    let fields = 2
        + usize::from(key_spec.is_some())
        + texts.iter().filter(|(_, text)| text.is_some()).count()
        + usize::from(has_flags)
        + usize::from(!parts.is_empty());
    reply.map(fields);
    match token {
        Some(token) if name.is_empty() => field(reply, "name", &token.to_ascii_lowercase()),
        _ => field(reply, "name", name),
    }
    field(reply, "type", kind.name());
    if let Some(index) = key_spec {
        reply.bulk(b"key_spec_index");
        reply.integer(i64::from(index));
    }
    for (name, text) in texts {
        if let Some(text) = text {
            field(reply, name, text);
        }
    }
    if has_flags {
        let flags = [
            ("optional", optional),
            ("multiple", times != Times::Once),
            ("multiple_token", times == Times::ManyWithToken),
        ];
        let flags = flags.iter().filter(|(_, on)| *on);
        reply.bulk(b"flags");
        reply.set(flags.clone().count());
        flags.for_each(|(word, _)| reply.simple(word));
    }
    if !parts.is_empty() {
        list(reply, parts);
    }
}
