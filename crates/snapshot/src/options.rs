//! What may be chosen for a transfer.

use crate::limits;

/// Sizes. The defaults suit a log with segments of 64 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The sender divides the bodies into parts of at most so many bytes.
    pub part_bytes: u64,
    /// The sender divides the bodies into parts of at most so many, and looks for so many at a time.
    pub part_bodies: u64,
    /// The sender counts bodies in so many ranges of indexes at most.
    pub buckets: usize,
    /// The receiver syncs a checkpoint's file after every so many bytes.
    pub sync_every_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            part_bytes: limits::PART_BYTES,
            part_bodies: limits::PART_BODIES,
            buckets: limits::BUCKETS,
            sync_every_bytes: evenkeel_checkpoint::Options::default().sync_every_bytes,
        }
    }
}
