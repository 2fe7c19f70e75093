//! Measures the whole path beside its peers.
fn main() {}
