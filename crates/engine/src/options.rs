//! How an engine is set up.

use crate::{CarryOptions, limits};

/// Settings of one engine. They are its own, not the log's: nodes may differ.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Log between checkpoints, in bytes.
    pub checkpoint_every_bytes: u64,
    /// When bodies are carried.
    pub carry: CarryOptions,
    /// Log that a full disk must still take before new jobs are let in, in bytes.
    pub reserve_bytes: u64,
    /// Jobs that there can be.
    pub jobs_max: u64,
    /// Bytes that all their bodies can have.
    pub bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checkpoint_every_bytes: limits::CHECKPOINT_EVERY_BYTES,
            carry: CarryOptions::default(),
            reserve_bytes: limits::RESERVE_BYTES,
            jobs_max: limits::JOBS_MAX,
            bytes_max: u64::MAX,
        }
    }
}
