//! What is measured, and how it is told: counters that cost next to nothing, and Prometheus's text format.
//!
//! 1. Each number has one writer: a thread counts in its own memory, and whoever asks adds up ([`Counter`], [`Histogram`]). A
//!    count is a load and a store, no locked instruction and no look-up by name; a crate that shares its counters between threads
//!    needs both.
//! 2. Labels are bounded: so many queues by name, the rest as one ([`Roster`]); actions and outcomes from fixed lists.
//! 3. What was counted never falls while the process lives, save where a queue was deleted and made anew.
//! 4. Names from outside are escaped, whatever is in them ([`Text`]).
//!
//! Not here: who may ask, sockets, and what the engine tells (the binary brings both together).
#![warn(missing_docs)]

mod queues;
mod requests;
mod roster;
mod tally;
mod text;

pub use queues::{Figures, write_queues};
pub use requests::{Outcome, Requests};
pub use roster::{Roster, Round, Shown};
pub use tally::{Counter, Counts, Histogram, Largest};
pub use text::{Kind, Text};

/// Upper ends of a request's duration, in microseconds: from a request that waits for nothing to a long poll.
pub const REQUEST_MICROS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 20_500_000,
];
/// Upper ends of how long a thread's loop is busy, in microseconds.
pub const BUSY_MICROS: &[u64] =
    &[10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000];
/// Upper ends of a batch's size, in commands.
pub const BATCH_COMMANDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];
/// Upper ends of a batch's size, in bytes.
pub const BATCH_BYTES: &[u64] = &[256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];
