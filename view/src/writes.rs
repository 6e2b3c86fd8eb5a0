//! Where writes are, and what became of them.

use serde::{Deserialize, Serialize};

/// How many writes have come how far (and no farther): the four cells of a card, and the band under the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// In memory only.
    pub memory: u64,
    /// In the AOF buffer.
    pub buffer: u64,
    /// In the page cache.
    pub cache: u64,
    /// On the platter.
    pub disk: u64,
    /// Lost.
    pub lost: u64,
}

/// How far a write has come: the same five words everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// In memory only.
    Memory,
    /// In the AOF buffer.
    Buffer,
    /// In the page cache: survives the process.
    Cache,
    /// On the platter: survives a power cut.
    Disk,
    /// Nowhere any more.
    Lost,
}

impl Place {
    /// The word that style sheets and tests know it by.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Buffer => "buffer",
            Self::Cache => "cache",
            Self::Disk => "disk",
            Self::Lost => "lost",
        }
    }
}
