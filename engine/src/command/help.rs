//! `… HELP`: the subcommands of a command, from its rows.

use alloc::{string::String, vec::Vec};

use super::{Ctx, Outcome};
use crate::resp::Args;

/// List the subcommands of the command that was asked.
pub(super) fn help(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let name = String::from_utf8_lossy(args.at(0)).to_ascii_uppercase();
    let rows = ctx.server.commands.lookup(args.at(0)).map_or(&[][..], |row| row.subcommands());
    let mut lines: Vec<String> = Vec::with_capacity(rows.len() * 2 + 1);
    lines.push(alloc::format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in rows {
        lines.push(row.name.to_ascii_uppercase());
        lines.push(alloc::format!("    {}", row.docs.summary));
    }
    let mut reply = ctx.reply();
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
    Ok(())
}
