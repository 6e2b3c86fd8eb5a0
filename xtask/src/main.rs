//! Entry point of the orchestration commands.
fn main() {}
