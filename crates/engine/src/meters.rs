//! What the engine's thread counts and knows, for whoever wants to see it: each number is written by that thread alone.

use evenkeel_metrics::{BATCH_BYTES, BATCH_COMMANDS, BUSY_MICROS, Histogram, Largest};
use std::sync::atomic::AtomicU32;

/// The engine's own histograms, and where it stands.
#[derive(Debug)]
pub struct Meters {
    /// Commands of a batch that was proposed; 0 where only time was.
    pub batch_commands: Histogram,
    /// Its bytes.
    pub batch_bytes: Histogram,
    /// How long the loop was busy at a time, in microseconds: what a request that has just come waits before it is looked at.
    pub busy_micros: Histogram,
    /// The longest of these, in microseconds.
    pub busy_micros_max: Largest,
    /// The most that the loop's thread had a processor for in one of them, in microseconds.
    pub work_micros_max: Largest,
    /// The feature level in force.
    pub feature_level: AtomicU32,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            batch_commands: Histogram::new(BATCH_COMMANDS),
            batch_bytes: Histogram::new(BATCH_BYTES),
            busy_micros: Histogram::new(BUSY_MICROS),
            busy_micros_max: Largest::default(),
            work_micros_max: Largest::default(),
            feature_level: AtomicU32::new(0),
        }
    }
}
