//! Snapshots of a working engine: sent, cut, resumed, installed, refused; and what a crash at any moment leaves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a test may panic")]

#[path = "../../engine/tests/house/driver.rs"]
#[allow(dead_code, reason = "the engine's own tests use all of it")]
mod driver;

mod suite;
