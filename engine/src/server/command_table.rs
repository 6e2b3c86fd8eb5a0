//! The table of commands: every row of every family with a dense number, and the index by name.
//!
//! The server knows what a command is, not which ones there are: the node hands it the table at birth. That is why a
//! command can use the server, and nothing below knows the commands.

use alloc::vec::Vec;
use core::{fmt, ops::Deref};

use super::Row;
use crate::{
    resp::Args,
    spec::{
        Categories, Category, CommandId, Flag, FullName,
        keys::{self, FoundKey, KeyRange},
    },
};

/// A command: its row, and what follows from its place in the table.
#[derive(Clone, Copy)]
pub struct Command {
    /// Its number.
    pub id: CommandId,
    /// Of a subcommand: the name of the command that it belongs to. Empty for all others.
    pub container: &'static str,
    /// All of its ACL categories.
    pub categories: Categories,
    row: Row,
    /// The table that it stands in.
    table: &'static [Command],
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.full_name())
    }
}

impl Deref for Command {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.row
    }
}

/// How many commands these families have, subcommands included.
pub const fn count(families: &[&[Row]]) -> usize {
    let (mut total, mut family) = (0, 0);
    while family < families.len() {
        let mut at = 0;
        while at < families[family].len() {
            total += 1 + families[family][at].subcommands.len();
            at += 1;
        }
        family += 1;
    }
    total
}

/// All commands of these families, the subcommands of one right behind it. `table` is where the result will stand.
pub const fn number<const N: usize>(
    families: &[&[Row]],
    table: &'static [Command; N],
) -> [Command; N] {
    let unset = listed(0, "", Row::BASE, table);
    let mut commands = [unset; N];
    let (mut next, mut family) = (0, 0);
    while family < families.len() {
        let mut at = 0;
        while at < families[family].len() {
            let row = families[family][at];
            commands[next] = listed(next, "", row, table);
            next += 1;
            let mut sub = 0;
            while sub < row.subcommands.len() {
                commands[next] = listed(next, row.name, row.subcommands[sub], table);
                next += 1;
                sub += 1;
            }
            at += 1;
        }
        family += 1;
    }
    commands
}

/// A row at its place in the table, with what follows from it.
const fn listed(
    place: usize,
    container: &'static str,
    mut row: Row,
    table: &'static [Command],
) -> Command {
    if keys::are_movable(row.keys) {
        row.flags = row.flags.with(Flag::Movablekeys);
    }
    let categories = Categories::of(row.categories, row.flags);
    Command { id: CommandId::at(place), container, categories, row, table }
}

impl Command {
    /// Of a subcommand: the command that it belongs to.
    pub fn parent(&self) -> Option<&'static Command> {
        if self.container.is_empty() {
            return None;
        }
        self.table[..self.id.index()].iter().rev().find(|other| other.container.is_empty())
    }

    /// Its subcommands.
    pub fn subcommands(&self) -> &'static [Command] {
        let first = self.id.index() + 1;
        &self.table[first..first + self.row.subcommands.len()]
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands().iter().find(|c| c.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name, a subcommand's with its container: `get`, `config|set`.
    pub const fn full_name(&self) -> FullName {
        FullName { container: self.container, name: self.row.name }
    }

    /// Whether it has this flag.
    #[inline]
    pub const fn is(&self, flag: Flag) -> bool {
        self.row.flags.contains(flag)
    }

    /// Whether a sentinel (or a server) knows this command.
    pub const fn is_known(&self, sentinel: bool) -> bool {
        if sentinel {
            self.is(Flag::Sentinel) || self.is(Flag::OnlySentinel)
        } else {
            !self.is(Flag::OnlySentinel)
        }
    }

    /// Whether `n` arguments (the name included) are as many as it takes.
    pub const fn takes(&self, n: usize) -> bool {
        if self.row.arity >= 0 {
            n == self.row.arity as usize
        } else {
            n >= self.row.arity.unsigned_abs() as usize
        }
    }

    /// Whether `args` call this very command by its own name, without a subcommand and with as many arguments as it takes.
    ///
    /// A client mostly repeats itself: one comparison with its last command spares the search in the index, which
    /// was 5 % of a pipelined GET.
    #[inline]
    pub fn is_simply(&self, args: Args<'_>) -> bool {
        self.row.subcommands.is_empty()
            && self.container.is_empty()
            && self.row.name.as_bytes().eq_ignore_ascii_case(args.at(0))
            && self.takes(args.len())
    }

    /// Its arguments as SLOWLOG and MONITOR show them: without passwords.
    pub fn shown<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        let secrets = self.row.secrets;
        (0..args.len()).map(
            move |at| {
                if secrets.hide(args, at) { b"(redacted)" } else { args.at(at) }
            },
        )
    }

    /// Whether it belongs to an ACL category.
    pub const fn is_in(&self, category: Category) -> bool {
        self.categories.contains(category)
    }

    /// Whether it may have keys.
    pub fn has_keys(&self) -> bool {
        keys::has_keys(self.row.keys, self.row.find_keys)
    }

    /// The keys among these arguments; none where the arguments do not fit.
    pub fn keys_in(&self, args: Args<'_>) -> Vec<FoundKey> {
        keys::find(self.row.keys, self.row.find_keys, args)
    }

    /// What the first, last and step of `COMMAND INFO` say of its keys.
    pub fn key_range(&self) -> KeyRange {
        keys::legacy_range(self.row.keys)
    }
}

/// All commands by name: a small hash table, made once a process and shared.
#[derive(Clone, Debug)]
pub struct CommandIndex {
    table: &'static [Command],
    slots: Vec<Option<&'static Command>>,
    /// What `rename-command` made of some: looked through last.
    renamed: Vec<(Vec<u8>, &'static Command)>,
}

impl CommandIndex {
    /// The index of all commands of this table that `keep` lets through. Subcommands are found through their command.
    pub fn new(table: &'static [Command], keep: impl Fn(&Command) -> bool) -> Self {
        let rows = table.iter().filter(|command| command.container.is_empty());
        let rows: Vec<&'static Command> = rows.filter(|row| keep(row)).collect();
        Self { table, slots: Self::slots(&rows), renamed: Vec::new() }
    }

    /// All commands, those that no name leads to included.
    pub const fn table(&self) -> &'static [Command] {
        self.table
    }

    /// The command with this number.
    #[inline]
    pub fn get(&self, id: CommandId) -> &'static Command {
        &self.table[id.index()]
    }

    fn slots(rows: &[&'static Command]) -> Vec<Option<&'static Command>> {
        let mut slots = alloc::vec![None; (rows.len() * 4).next_power_of_two()];
        for row in rows {
            let mut at = Self::start(row.name.as_bytes(), slots.len());
            while slots[at].is_some() {
                at = (at + 1) % slots.len();
            }
            slots[at] = Some(*row);
        }
        slots
    }

    /// `rename-command old new`; an empty new name removes the command.
    ///
    /// # Errors
    /// Redis's words. Removing what is not there is none: it may be a command that only Redis has.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let Some(row) = self.lookup(old) else {
            return if new.is_empty() { Ok(()) } else { Err("No such command in rename-command") };
        };
        if !new.is_empty() && !new.eq_ignore_ascii_case(old) && self.lookup(new).is_some() {
            return Err("Target command name already exists");
        }
        let rows = self.slots.iter().flatten().copied();
        let rest: Vec<_> = rows.filter(|other| !core::ptr::eq(*other, row)).collect();
        self.slots = Self::slots(&rest);
        self.renamed.retain(|(_, other)| !core::ptr::eq(*other, row));
        if !new.is_empty() {
            self.renamed.push((new.to_vec(), row));
        }
        Ok(())
    }

    /// Whether commands answer to other names than those of their rows.
    pub fn has_renamed(&self) -> bool {
        !self.renamed.is_empty()
    }

    /// The command of this name, in any case.
    pub fn lookup(&self, name: &[u8]) -> Option<&'static Command> {
        let mut at = Self::start(name, self.slots.len());
        while let Some(row) = self.slots[at] {
            if row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(row);
            }
            at = (at + 1) % self.slots.len();
        }
        let mut renamed = self.renamed.iter();
        renamed.find(|(new, _)| new.eq_ignore_ascii_case(name)).map(|(_, row)| *row)
    }

    /// All rows, by name.
    pub fn rows(&self) -> Vec<&'static Command> {
        let renamed = self.renamed.iter().map(|(_, row)| *row);
        let mut rows: Vec<_> = self.slots.iter().flatten().copied().chain(renamed).collect();
        rows.sort_by_key(|row| row.name);
        rows
    }

    /// FNV-1a over the lower-case name; the table is at most a quarter full, so runs are short.
    fn start(name: &[u8], slots: usize) -> usize {
        let hash = name.iter().fold(0x811c_9dc5_u32, |hash, b| {
            (hash ^ u32::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        hash as usize & (slots - 1)
    }
}
