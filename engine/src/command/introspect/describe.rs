//! One command as COMMAND INFO shows it.

use alloc::{format, vec::Vec};

use crate::{
    command::{
        Category, Command, Flag,
        keys::{BeginSearch, FindKeys, KeyRange, KeySpec},
    },
    resp::Reply,
};

/// The ten fields of a command.
pub(super) fn describe(reply: &mut Reply<'_>, row: &Command) {
    reply.array(10);
    reply.bulk(format!("{}", row.full_name()).as_bytes());
    reply.integer(i64::from(row.arity));
    let printed = Flag::PRINTED.iter().filter(|(flag, _)| row.is(*flag));
    let flags: Vec<&str> = printed.map(|(_, word)| *word).collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.simple(flag));
    let KeyRange { first, last, step } = row.key_range();
    [first, last, step].iter().for_each(|n| reply.integer(i64::from(*n)));
    let categories = Category::ALL.iter().filter(|(category, _)| row.is_in(*category));
    let categories: Vec<&str> = categories.map(|(_, name)| *name).collect();
    reply.set(categories.len());
    categories.iter().for_each(|name| reply.simple(&format!("@{name}")));
    reply.set(row.tips.len());
    row.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(row.keys.len());
    row.keys.iter().for_each(|spec| describe_keys(reply, spec));
    reply.set(row.subcommands().len());
    row.subcommands().iter().for_each(|sub| describe(reply, sub));
}

fn describe_keys(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(if spec.note.is_empty() { 3 } else { 4 });
    if !spec.note.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(spec.note.as_bytes());
    }
    reply.bulk(b"flags");
    reply.set(spec.flags.words().count());
    spec.flags.words().for_each(|word| reply.simple(word));
    reply.bulk(b"begin_search");
    match spec.begin {
        BeginSearch::Index(index) => {
            rule(reply, "index", 1);
            number(reply, "index", index);
        }
        BeginSearch::Keyword(word, from) => {
            rule(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            number(reply, "startfrom", from);
        }
        BeginSearch::Unknown => rule(reply, "unknown", 0),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            rule(reply, "range", 3);
            number(reply, "lastkey", last);
            number(reply, "keystep", step);
            number(reply, "limit", limit);
        }
        FindKeys::Counted => {
            rule(reply, "keynum", 3);
            number(reply, "keynumidx", 0);
            number(reply, "firstkey", 1);
            number(reply, "keystep", 1);
        }
        FindKeys::Unknown => rule(reply, "unknown", 0),
    }
}

/// The kind of a rule; a map of so many numbers is to follow.
fn rule(reply: &mut Reply<'_>, kind: &str, fields: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn number(reply: &mut Reply<'_>, name: &str, value: i32) {
    reply.bulk(name.as_bytes());
    reply.integer(i64::from(value));
}
