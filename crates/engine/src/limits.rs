//! The engine's limits: name, unit, and where the number comes from.

use evenkeel_types::Micros;

/// A batch that has grown to so many bytes is proposed at once, whatever is under way: entries stay
/// small enough to be read back whole for one body.
pub const BATCH_BYTES: usize = 256 * 1024;
/// Bytes collected or proposed but not yet durable, above which new commands are refused: a disk that
/// stands still costs the clients time, not the server its memory.
pub const UNSYNCED_BYTES_MAX: usize = 64 * 1_048_576;
/// Committed entries kept in memory for receivers that keep up, in bytes.
pub const TAIL_BYTES: usize = 64 * 1_048_576;
/// Entries of the tail, so that empty ones count too.
pub const TAIL_ENTRIES: usize = 65_536;
/// Log written since the last checkpoint after which the next is due, in bytes: what a start has to
/// read back.
pub const CHECKPOINT_EVERY_BYTES: u64 = 512 * 1_048_576;
/// Checkpoints kept: the newest, and the one before in case the newest turns out damaged.
pub const CHECKPOINTS_KEPT: usize = 2;
/// How long timers rest after the disk was found full.
pub const FULL_DISK_PAUSE: Micros = Micros::from_millis(100);
