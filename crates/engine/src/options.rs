//! How an engine is set up.

use crate::{CarryOptions, limits};

/// How much goes through one step, and how much is kept in memory. The defaults are the server's; a test makes them
/// small, so that little work takes many steps.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Committed batches that one step applies, in bytes.
    pub step_bytes: usize,
    /// Records that a checkpoint takes in one step.
    pub checkpoint_slice_records: usize,
    /// Jobs that a sweep looks at in one step.
    pub sweep_slice_jobs: u32,
    /// Committed entries kept in memory, in bytes.
    pub tail_bytes: usize,
    /// What may be collected or proposed and not be durable yet, in bytes.
    pub unsynced_bytes_max: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            step_bytes: limits::STEP_BYTES,
            checkpoint_slice_records: limits::CHECKPOINT_SLICE_RECORDS,
            sweep_slice_jobs: limits::SWEEP_SLICE_JOBS,
            tail_bytes: limits::TAIL_BYTES,
            unsynced_bytes_max: limits::UNSYNCED_BYTES_MAX,
        }
    }
}

/// Settings of one engine. They are its own, not the log's: nodes may differ.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Log between checkpoints, in bytes.
    pub checkpoint_every_bytes: u64,
    /// Records changed between checkpoints.
    pub checkpoint_records_max: u64,
    /// When bodies are carried.
    pub carry: CarryOptions,
    /// Log that a full disk must still take before new jobs are let in, in bytes.
    pub reserve_bytes: u64,
    /// How much at a time.
    pub pace: Pace,
    /// Jobs that there can be.
    pub jobs_max: u64,
    /// Bytes that all their bodies can have.
    pub bytes_max: u64,
    /// De-duplication ids that are remembered at a time.
    pub dedup_ids_max: u64,
    /// Nobody else keeps the log: the feature level is raised to what this version knows as soon as this engine serves. Where others keep it too,
    /// somebody who has asked all of them proposes that.
    pub is_alone: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checkpoint_every_bytes: limits::CHECKPOINT_EVERY_BYTES,
            checkpoint_records_max: limits::CHECKPOINT_RECORDS_MAX,
            carry: CarryOptions::default(),
            reserve_bytes: limits::RESERVE_BYTES,
            pace: Pace::default(),
            jobs_max: limits::JOBS_MAX,
            bytes_max: u64::MAX,
            dedup_ids_max: limits::DEDUP_IDS_MAX,
            is_alone: true,
        }
    }
}
