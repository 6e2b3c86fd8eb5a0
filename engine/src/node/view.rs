//! What a node lets the outside see of itself: read-only, for views, checkers and tests.

use super::Node;

impl Node {
    /// 40 hexadecimal digits, new in every life.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }
}
