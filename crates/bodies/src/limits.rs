//! Numbers of this room, and where they come from.

use evenkeel_types::limits::ENTRY_BYTES_MAX;

/// The largest body a file takes: a body came inside one entry of the log.
pub const BODY_BYTES_MAX: usize = ENTRY_BYTES_MAX;

/// How many bodies share one block of the table. A block is then about 1 KiB, and its 24 bytes in memory make
/// 0.375 bytes for each body. Reading a body of 500 bytes from the page cache, block and all, takes 1.7 us on a virtual
/// machine with two shared cores (`examples/lookup.rs`).
pub const GROUP_BODIES: u64 = 64;

/// How much a carry writes between two syncs, so that a sync of the log never waits behind a large flush. It is as
/// much as the log itself writes before a sync.
pub const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// How much a carry collects before it writes.
pub const WRITE_BYTES: usize = 256 * 1024;

/// How much is read at a time when a file is read from end to end.
pub const WINDOW_BYTES: u64 = 1024 * 1024;

/// Neighbours are read in one piece up to this length.
pub const COALESCE_BYTES_MAX: u64 = 1024 * 1024;

/// Bodies so far apart at most are still neighbours: reading 4 KiB too much costs less than another call.
pub const COALESCE_GAP_BYTES_MAX: u64 = 4096;

/// The length of a file's header: what a medium writes whole or not at all.
pub const HEADER_BYTES: u64 = 512;

/// The length of a file's footer.
pub const FOOTER_BYTES: u64 = 64;

/// What lies before each body in its frame.
pub const FRAME_HEADER_BYTES: u64 = 12;

/// The checksum before each block of the table.
pub const BLOCK_HEADER_BYTES: u64 = 8;

/// A body's part of its block.
pub const BLOCK_ENTRY_BYTES: u64 = 16;

/// A group's part of the sparse table.
pub const SPARSE_ENTRY_BYTES: u64 = 20;
