//! The engine's limits: name, unit, and where the number comes from.

use evenkeel_types::Micros;

/// A batch that has grown to so many bytes is proposed at once, whatever is under way: entries stay
/// small enough to be read back whole for one body.
pub const BATCH_BYTES: usize = 256 * 1024;
/// Bytes collected or proposed but not yet durable, above which new commands are refused: a disk that
/// stands still costs the clients time, not the server its memory.
pub const UNSYNCED_BYTES_MAX: usize = 64 * 1_048_576;
/// Committed entries kept in memory for receivers that keep up, in bytes. Others read from the disk (the system's
/// page cache, mostly), a few microseconds a body.
pub const TAIL_BYTES: usize = 8 * 1_048_576;
/// Entries of the tail, so that empty ones count too.
pub const TAIL_ENTRIES: usize = 16_384;
/// Committed batches that one step applies before answers leave and new requests are looked at, in bytes: half a
/// millisecond to a few, by the size of the jobs.
pub const STEP_BYTES: usize = 256 * 1024;
/// Log written since the last checkpoint after which the next is due, in bytes: what a start has to
/// read back.
pub const CHECKPOINT_EVERY_BYTES: u64 = 32 * 1_048_576;
/// Records that a checkpoint takes in one step: some hundred microseconds.
pub const CHECKPOINT_SLICE_RECORDS: usize = 4_096;
/// Parts of a checkpoint on their way to the disk: when it is slow the checkpoint waits, not the memory.
pub const CHECKPOINT_PARTS_MAX: usize = 8;
/// Jobs that a sweep looks at in one step: about as long.
pub const SWEEP_SLICE_JOBS: u32 = 16_384;
/// Log that a full disk must still take before new jobs are let in, in bytes: the rest is for receives and
/// deletes, which make room. It is more than a segment, since what they write is itself let go of by segments: with
/// less, many small jobs would take more log to finish than they free.
pub const RESERVE_BYTES: u64 = 80 * 1_048_576;
/// Records changed since the last checkpoint after which the next is due. They are below 18 MB, so that a full disk's
/// ballast has room for them.
pub const CHECKPOINT_RECORDS_MAX: u64 = 262_144;
/// How often a full disk makes a checkpoint, so that what was deleted makes room.
pub const CHECKPOINT_WHEN_FULL_EVERY: Micros = Micros::from_secs(2);
/// What is kept on the disk for a checkpoint on a full one, in bytes.
pub const BALLAST_BYTES: u64 = 32 * 1_048_576;
/// How long timers rest after the disk was found full.
pub const FULL_DISK_PAUSE: Micros = Micros::from_millis(100);
/// De-duplication ids that are remembered at a time, unless told otherwise: 72 bytes of memory each, 576 MiB in all. They
/// are kept for five minutes, so that this lets 27,000 jobs a second into FIFO queues.
pub const DEDUP_IDS_MAX: u64 = 8_388_608;
/// Jobs that there can be, unless told otherwise: 64 bytes of memory each.
pub const JOBS_MAX: u64 = 50_000_000;

/// Queues whose sends are watched at a time (`evenkeel tail`); with what is kept for each, 64 MiB of memory at most.
pub const WATCHED_QUEUES_MAX: usize = 16;
/// Questions of watches that wait at a time: each entry that is applied looks through them.
pub const WATCHES_WAITING_MAX: usize = 256;
/// Jobs kept of each for watches that are slow: a hundred milliseconds of what a server can take.
pub const WATCH_JOBS_KEPT: usize = 4_096;
/// Bytes kept of each.
pub const WATCH_BYTES_KEPT: usize = 4 * 1_048_576;
/// Jobs in an answer to a watch.
pub const WATCH_ANSWER_JOBS: usize = 256;
/// Bytes in an answer to a watch, beyond its first job.
pub const WATCH_ANSWER_BYTES: usize = 1_048_576;
/// How long a watch is kept that does not ask.
pub const WATCH_KEPT: Micros = Micros::from_secs(30);
