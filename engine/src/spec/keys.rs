//! Key specifications: where the keys of a command stand, and what it does with them.
//!
//! A specification first finds where its keys begin (at an index, or behind a keyword), then how many there are (up to an
//! argument, or as many as a number says). Clients of a cluster read them in `COMMAND INFO`; ACL rules, client-side
//! caching and `COMMAND GETKEYS` apply them to arguments. A command whose keys no specification can find, or whose use
//! of them depends on the arguments, has a function for it as well ([`find_keys`](crate::server::Row::find_keys)).

use alloc::vec::Vec;

use crate::{number::parse_i64, resp::Args};

/// What a command does with a key: one of RO, RW, OW and RM, and what that means for the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFlags(u16);

impl KeyFlags {
    /// Reads the value or its properties.
    pub const RO: Self = Self(1);
    /// Reads and changes it.
    pub const RW: Self = Self(1 << 1);
    /// Overwrites it, whatever it was.
    pub const OW: Self = Self(1 << 2);
    /// Deletes the key.
    pub const RM: Self = Self(1 << 3);
    /// None of these: the argument is no key ([`KeyFlags::not_key`]).
    pub const NONE: Self = Self(0);

    const NOT_KEY: u16 = 1 << 8;
    const INCOMPLETE: u16 = 1 << 9;
    const VARIABLE: u16 = 1 << 10;

    /// The words of `COMMAND INFO`, in its order.
    const WORDS: [(u16, &str); 11] = [
        (1, "RO"),
        (1 << 1, "RW"),
        (1 << 2, "OW"),
        (1 << 3, "RM"),
        (1 << 4, "access"),
        (1 << 5, "update"),
        (1 << 6, "insert"),
        (1 << 7, "delete"),
        (Self::NOT_KEY, "not_key"),
        (Self::INCOMPLETE, "incomplete"),
        (Self::VARIABLE, "variable_flags"),
    ];

    /// Answers, copies or compares the content.
    pub const fn access(self) -> Self {
        Self(self.0 | 1 << 4)
    }

    /// Changes the content.
    pub const fn update(self) -> Self {
        Self(self.0 | 1 << 5)
    }

    /// Adds to the content.
    pub const fn insert(self) -> Self {
        Self(self.0 | 1 << 6)
    }

    /// Takes content away.
    pub const fn delete(self) -> Self {
        Self(self.0 | 1 << 7)
    }

    /// The argument is no key, but is assigned to a slot of a cluster like one.
    pub const fn not_key(self) -> Self {
        Self(self.0 | Self::NOT_KEY)
    }

    /// There may be more keys than the specification finds.
    pub const fn incomplete(self) -> Self {
        Self(self.0 | Self::INCOMPLETE)
    }

    /// What is done depends on the arguments: these flags are the most that can be.
    pub const fn variable(self) -> Self {
        Self(self.0 | Self::VARIABLE)
    }

    const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    /// Its words.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, word)| *word)
    }
}

/// Where the first key of a specification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this index.
    Index(i32),
    /// Behind a keyword, which is looked for from this index on; a negative one counts from the end, and the search goes
    /// backwards.
    Keyword(&'static str, i32),
    /// No rule finds it.
    Unknown,
}

/// How the other keys follow the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// Every `step`-th argument up to `last`, which counts from the first key, or from the end of the command if it is
    /// negative; of what is left, `1/limit` if `limit` is more than 1.
    Range {
        /// The last key.
        last: i32,
        /// The distance between keys.
        step: i32,
        /// The share of the arguments.
        limit: i32,
    },
    /// The argument that was found is the number of keys, and they stand behind it.
    Counted,
    /// No rule finds them.
    Unknown,
}

/// One key specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What is done with these keys.
    pub flags: KeyFlags,
    /// Where they begin.
    pub begin: BeginSearch,
    /// How many there are.
    pub find: FindKeys,
    /// What the rules can't say; empty for most.
    pub note: &'static str,
}

impl KeySpec {
    const ONE: FindKeys = FindKeys::Range { last: 0, step: 1, limit: 0 };

    /// One key at this index.
    pub const fn at(index: i32, flags: KeyFlags) -> Self {
        Self { flags, begin: BeginSearch::Index(index), find: Self::ONE, note: "" }
    }

    /// One key behind a keyword.
    pub const fn behind(keyword: &'static str, from: i32, flags: KeyFlags) -> Self {
        Self { flags, begin: BeginSearch::Keyword(keyword, from), find: Self::ONE, note: "" }
    }

    /// Keys that no rule finds.
    pub const fn unknown(flags: KeyFlags) -> Self {
        Self { flags, begin: BeginSearch::Unknown, find: FindKeys::Unknown, note: "" }
    }

    /// Instead of one key all up to this one: -1 is the last argument.
    pub const fn through(self, last: i32) -> Self {
        Self { find: FindKeys::Range { last, step: 1, limit: 0 }, ..self }
    }

    /// Only every `step`-th argument is a key.
    pub const fn step(self, step: i32) -> Self {
        match self.find {
            FindKeys::Range { last, limit, .. } => {
                Self { find: FindKeys::Range { last, step, limit }, ..self }
            }
            _ => panic!("only a range has steps"),
        }
    }

    /// Instead of one key as many as the argument says, behind it.
    pub const fn counted(self) -> Self {
        Self { find: FindKeys::Counted, ..self }
    }

    /// Something that the rules can't say.
    pub const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// The indices of its keys in a command; `None`: the arguments do not fit, or no rule finds all keys.
    fn positions(&self, args: Args<'_>) -> Option<Vec<usize>> {
        if self.flags.has(KeyFlags::INCOMPLETE) {
            return None;
        }
        let count = args.len() as i64;
        let begin = match self.begin {
            BeginSearch::Index(index) => i64::from(index),
            BeginSearch::Keyword(word, from) => match Self::keyword(args, word, from) {
                Some(at) => at as i64 + 1,
                None => return Some(Vec::new()),
            },
            BeginSearch::Unknown => return None,
        };
        let (first, last, step) = match self.find {
            FindKeys::Range { last, step, limit } => {
                let last = match last {
                    0.. => begin + i64::from(last),
                    _ if limit > 1 => begin + (count - begin) / i64::from(limit) + i64::from(last),
                    _ => count + i64::from(last),
                };
                (begin, last, i64::from(step))
            }
            FindKeys::Counted => {
                let keys = parse_i64(args.get(usize::try_from(begin).ok()?)?)?;
                (begin + 1, begin.checked_add(keys)?, 1)
            }
            FindKeys::Unknown => return None,
        };
        let fits = first < count && (first..count).contains(&last);
        let step = usize::try_from(step.max(1)).ok()?;
        fits.then(|| (first..=last).step_by(step).map(|at| at as usize).collect())
    }

    /// Where a keyword stands.
    fn keyword(args: Args<'_>, word: &str, from: i32) -> Option<usize> {
        let is_word = |at: &usize| args.at(*at).eq_ignore_ascii_case(word.as_bytes());
        match usize::try_from(from) {
            Ok(from) => (from..args.len()).find(is_word),
            Err(_) => {
                let from = args.len().checked_sub(from.unsigned_abs() as usize)?;
                (1..=from).rev().find(is_word)
            }
        }
    }
}

/// A key among the arguments of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The index of its argument.
    pub at: usize,
    /// What the command does with it.
    pub flags: KeyFlags,
}

/// The function of a command whose specifications do not suffice.
pub type KeyFinder = fn(Args<'_>) -> Vec<FoundKey>;

/// The three numbers by which clients found keys before there were specifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Index of the first key; 0: there is none.
    pub first: i32,
    /// Index of the last one; negative: counted from the end.
    pub last: i32,
    /// The distance between keys.
    pub step: i32,
}

/// Whether a command with these specifications, and this function, may have keys.
pub fn has_keys(specs: &[KeySpec], finder: Option<KeyFinder>) -> bool {
    finder.is_some() || specs.iter().any(|spec| !spec.flags.has(KeyFlags::NOT_KEY))
}

/// The keys among these arguments; none where the arguments do not fit.
pub fn find(specs: &[KeySpec], finder: Option<KeyFinder>, args: Args<'_>) -> Vec<FoundKey> {
    let is_variable = specs.iter().any(|spec| spec.flags.has(KeyFlags::VARIABLE));
    let mut found = Vec::new();
    let keys = specs.iter().filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY));
    let fits = !is_variable
        && keys.into_iter().all(|spec| match spec.positions(args) {
            Some(positions) => {
                found.extend(positions.into_iter().map(|at| FoundKey { at, flags: spec.flags }));
                true
            }
            None => false,
        });
    match finder {
        _ if fits => found,
        Some(finder) => finder(args),
        None => Vec::new(),
    }
}

/// Whether the three numbers do not name all keys: the flag `movablekeys`.
pub const fn are_movable(specs: &[KeySpec]) -> bool {
    let mut at = 0;
    while at < specs.len() {
        let is_range = matches!(specs[at].find, FindKeys::Range { .. });
        if !is_range || !matches!(specs[at].begin, BeginSearch::Index(_)) {
            return true;
        }
        at += 1;
    }
    false
}

/// What the three numbers can say of these specifications: one of them, or several that follow each other without gaps.
pub fn legacy_range(specs: &[KeySpec]) -> KeyRange {
    let ranges: Vec<KeyRange> = specs.iter().filter_map(absolute_range).collect();
    if let [only] = ranges.as_slice()
        && specs.len() == 1
    {
        return *only;
    }
    let mut whole = KeyRange::default();
    for range in ranges.iter().filter(|range| range.step == 1) {
        let follows = whole.first == 0 || whole.last == range.first - 1;
        if follows {
            let first = if whole.first == 0 { range.first } else { whole.first };
            whole = KeyRange { first, last: range.last, step: 1 };
        }
    }
    whole
}

fn absolute_range(spec: &KeySpec) -> Option<KeyRange> {
    match (spec.begin, spec.find) {
        (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) => {
            let last = if last < 0 { last } else { first + last };
            Some(KeyRange { first, last, step })
        }
        _ => None,
    }
}
