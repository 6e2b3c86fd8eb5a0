//! `CONFIG GET` and `CONFIG SET`.
//!
//! `CONFIG SET` is all or nothing. Here that costs no undo: the change is made to a copy, and the caller puts the copy
//! in place when what follows from it (another port, another directory, an AOF) has succeeded as well.

use alloc::{string::String, vec::Vec};

use super::{
    Config, Directive,
    directive::{Access, Origin},
    directives,
};
use crate::{glob, refusal::Refusal};

/// What this client may do at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetRights {
    /// `enable-protected-configs` allows it to change protected directives.
    pub protected: bool,
    /// The data is being loaded.
    pub loading: bool,
}

/// What `CONFIG SET` leads to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The configuration that results, if it is put in place at once.
    pub config: Config,
    /// What differs in it.
    pub changes: Changes,
}

/// The directives whose values `CONFIG SET` changes, in the order in which they were given. Where something must succeed
/// first, these are kept, and made in the configuration of *then*: another `CONFIG SET` may have come between.
#[derive(Clone, Debug, Default)]
pub struct Changes(Vec<Change>);

#[derive(Clone, Debug)]
struct Change {
    row: &'static Directive,
    args: Vec<Vec<u8>>,
}

impl Changes {
    /// Whether the directive of this name changes.
    pub fn has(&self, name: &str) -> bool {
        self.rows().any(|row| row.name == name)
    }

    /// The directives.
    pub fn rows(&self) -> impl Iterator<Item = &'static Directive> {
        self.0.iter().map(|change| change.row)
    }

    /// Make the changes.
    pub fn make_in(&self, config: &mut Config) {
        for Change { row, args } in &self.0 {
            let assigned = row.assign(config, args, Origin::Set);
            debug_assert!(assigned.is_ok(), "{} was checked when it was given", row.name);
        }
        config.move_into_range(self.rows());
    }
}

/// Why `CONFIG SET` refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such directive.
    Unknown(String),
    /// Not while the data is loaded.
    Loading,
    /// This argument can't be set, or not to this.
    Refused {
        /// The directive, as it was called.
        name: String,
        /// What is wrong, in Redis's words.
        why: String,
    },
}

impl SetError {
    /// `name` can't be had, because of `why`: also for what the node finds out when it applies a change.
    pub fn refused(name: &str, why: impl Into<String>) -> Self {
        Self::Refused { name: name.into(), why: why.into() }
    }
}

impl From<SetError> for Refusal {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Loading => Self::Loading,
            other => Self::err(other),
        }
    }
}

impl core::fmt::Display for SetError {
    /// Redis's words, without the code.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::Loading => f.write_str("Redis is loading the dataset in memory"),
            Self::Refused { name, why } => {
                write!(f, "CONFIG SET failed (possibly related to argument '{name}') - {why}")
            }
        }
    }
}

impl Config {
    /// The names and values that the patterns match, as `CONFIG GET` gives them.
    ///
    /// A name without `*`, `?` and `[` is looked up, and given back as it was asked for; hidden directives show up only
    /// so. Redis's order is that of a hash table with a random seed; ours is that of the table.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for pattern in patterns {
            if !pattern.iter().any(|b| b"[*?".contains(b)) {
                if let Some((_, row)) = directives::find(pattern) {
                    self.add(&mut found, pattern, row);
                }
                continue;
            }
            for row in directives::all().filter(|row| !row.hidden) {
                for name in core::iter::once(row.name).chain(row.alias) {
                    if glob::matches_ignore_case(pattern, name.as_bytes()) {
                        self.add(&mut found, name.as_bytes(), row);
                    }
                }
            }
        }
        found
    }

    fn add(&self, found: &mut Vec<(Vec<u8>, Vec<u8>)>, name: &[u8], row: &Directive) {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), row.print(self)));
        }
    }

    /// `CONFIG SET name value …`: the configuration that results, and what has changed in it.
    ///
    /// # Errors
    /// Why not; of several reasons the one that Redis names.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], rights: SetRights) -> Result<Applied, SetError> {
        let mut rows: Vec<(&'static str, &'static Directive)> = Vec::new();
        for (given, _) in pairs {
            let given = String::from_utf8_lossy(given).into_owned();
            let Some((name, row)) = directives::find(given.as_bytes()) else {
                return Err(SetError::Unknown(given));
            };
            admit(row, rights).map_err(|why| match why {
                Some(why) => SetError::refused(&given, why),
                None => SetError::Loading,
            })?;
            if rows.iter().any(|(known, _)| *known == name) {
                return Err(SetError::refused(&given, "duplicate parameter"));
            }
            rows.push((name, row));
        }
        let mut config = self.clone();
        let mut given: Vec<Change> = Vec::new();
        for ((name, row), (_, value)) in rows.iter().zip(pairs) {
            let args: Vec<Vec<u8>> = if row.takes_many() {
                value.split(|b| *b == b' ').map(<[u8]>::to_vec).collect()
            } else {
                alloc::vec![value.to_vec()]
            };
            row.assign(&mut config, &args, Origin::Set)
                .map_err(|why| SetError::refused(name, why))?;
            given.push(Change { row, args });
        }
        config.move_into_range(rows.iter().map(|(_, row)| *row));
        let mut changes = Changes::default();
        for change in given {
            let row = change.row;
            if !changes.has(row.name) && row.print(self) != row.print(&config) {
                changes.0.push(change);
            }
        }
        Ok(Applied { config, changes })
    }
}

/// A smaller backlog is no use; a file may ask for one all the same.
const MIN_BACKLOG: u64 = 16 * 1024;

impl Config {
    /// What Redis corrects when it applies a change, without a word.
    fn move_into_range(&mut self, mut rows: impl Iterator<Item = &'static Directive>) {
        self.general.hz = self.general.hz.clamp(MIN_HZ, MAX_HZ);
        if rows.any(|row| row.name == "repl-backlog-size") {
            self.replication.backlog_size = self.replication.backlog_size.max(MIN_BACKLOG);
        }
    }
}

/// `hz` is a hint: what lies outside is moved to the nearest bound.
pub(super) const MIN_HZ: u32 = 1;
/// See [`MIN_HZ`].
pub(super) const MAX_HZ: u32 = 500;

/// `Err(None)`: not while loading.
fn admit(row: &Directive, rights: SetRights) -> Result<(), Option<&'static str>> {
    match row.access {
        Access::Immutable => Err(Some("can't set immutable config")),
        Access::Protected if !rights.protected => Err(Some("can't set protected config")),
        _ if rights.loading && row.deny_loading => Err(None),
        _ => Ok(()),
    }
}
