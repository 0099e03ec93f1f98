//! Every check of the log on several nodes, as a test of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

suite::tests!();
