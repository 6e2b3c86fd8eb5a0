//! Sentinel: watching masters, agreeing that one is down, and replacing it.

/// The state of a sentinel.
#[derive(Clone, Debug)]
pub struct Sentinel {}
