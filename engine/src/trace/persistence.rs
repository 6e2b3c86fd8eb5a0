//! Facts about RDB and AOF.

use core::fmt;

use super::Level;

/// A fact about RDB and AOF. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum PersistenceFact {}

impl PersistenceFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match *self {}
    }
}

impl fmt::Display for PersistenceFact {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
