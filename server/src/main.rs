//! The native Redis node.
fn main() {}
