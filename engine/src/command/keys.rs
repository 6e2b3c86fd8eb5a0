//! Where the keys of a command stand.

/// Where a command's keys stand among its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It has none.
    None,
    /// At `first`, then every `step`-th up to `last` (negative: counted from the end).
    Range {
        /// Index of the first key.
        first: i32,
        /// Index of the last key; -1 is the last argument.
        last: i32,
        /// Distance between keys.
        step: i32,
    },
    /// After a count at this index (EVAL, ZUNION).
    Counted {
        /// Index of the number of keys.
        at: i32,
    },
}

impl Keys {
    /// One key, the first argument.
    pub const ONE: Keys = Keys::Range { first: 1, last: 1, step: 1 };
    /// Every argument is a key.
    pub const ALL: Keys = Keys::Range { first: 1, last: -1, step: 1 };
}
