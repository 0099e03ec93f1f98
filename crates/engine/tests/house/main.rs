//! The engine over a real log, checkpoints and body files on a disk in memory: what it keeps, what it lets go of, and what
//! a crash at any moment leaves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod boundaries;
mod carrying;
mod driver;
mod full_disk;
mod level;
mod looking;
