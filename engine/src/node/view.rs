//! What a node lets the outside see of itself: read-only, for views, checkers and tests.

use super::Node;
use crate::{config::Config, keyspace::Keyspace};

impl Node {
    /// Its data.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// 40 hexadecimal digits, new in every life.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }
}
