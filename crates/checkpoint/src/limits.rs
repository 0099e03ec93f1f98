//! Sizes that the format and its reader rest on.

/// A block is closed when it has so many bytes: large enough that its header costs nothing, small
/// enough that what is checked lies in the processor's cache when it is handed out.
pub(crate) const BLOCK_BYTES: usize = 65_536;
/// The longest record. The machine's are far shorter; a reader relies on it before it allocates.
pub const RECORD_BYTES_MAX: usize = 1_048_576;
/// The longest block: one that was nearly full and got the longest record.
pub(crate) const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + RECORD_BYTES_MAX + 64;
/// The longest meta, which every manifest carries whole.
pub const META_BYTES_MAX: usize = 16 * 1_048_576;
/// The most runs that a manifest may name; the policy of merging stays far below.
pub(crate) const RUNS_MAX: usize = 1024;
/// Bytes read per call.
pub(crate) const CHUNK_BYTES: usize = 1_048_576;
/// Bytes written per call.
pub(crate) const WRITE_BYTES: u64 = 1_048_576;
/// Runs of fewer bytes are read without a thread of their own.
pub(crate) const AHEAD_BYTES_MIN: u64 = 8 * 1_048_576;
