//! Facts about masters and replicas.

use core::fmt;

use super::Level;

/// A fact about masters and replicas. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum ReplicationFact {}

impl ReplicationFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match *self {}
    }
}

impl fmt::Display for ReplicationFact {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
