//! Numbers of this room, and where they come from.

use evenkeel_types::limits::ENTRY_BYTES_MAX;

/// About the most that the bodies of one part take, in bytes: a body file then is as long as a segment of the log. One
/// entry is never divided, so a part may be longer by one.
pub const PART_BYTES: u64 = 64 * 1024 * 1024;
/// The most bodies in a part, and about the most references that a sender holds: 16 MiB of them.
pub const PART_BODIES: u64 = 1 << 20;
/// Ranges of indexes that a sender counts bodies in. 131,072 of them take about 10 MiB.
pub const BUCKETS: usize = 1 << 17;
/// What a body takes in a body file beside its bytes: its frame and its line in the table.
pub const BODY_OVERHEAD_BYTES: u64 = 40;

/// The bytes of a chunk before its payload.
pub const CHUNK_HEAD_BYTES: usize = 64;
/// The longest chunk: the largest body there can be, and what comes with it.
pub const CHUNK_BYTES_MAX: usize = ENTRY_BYTES_MAX + 4_096;

/// Files of a checkpoint: a manifest and its runs.
pub const FILES_MAX: usize = 1 + 1_024;
/// Parts with bodies: 64 TiB of them.
pub const PARTS_MAX: usize = 1 << 20;
/// The longest manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 + FILES_MAX * (8 + 1 + 255) + PARTS_MAX * 40;
/// The longest mark.
pub const MARK_BYTES_MAX: usize = 64 + (FILES_MAX + PARTS_MAX) * (8 + 2 + 255);
