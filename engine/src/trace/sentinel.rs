//! Facts about Sentinel.

use core::fmt;

use super::Level;

/// A fact about Sentinel. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum SentinelFact {}

impl SentinelFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match *self {}
    }
}

impl fmt::Display for SentinelFact {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
