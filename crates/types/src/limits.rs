//! Limits that more than one room must agree on. Each room keeps its own in a `limits.rs`.

/// The largest body of one job with its attributes, in bytes: SQS's limit since August 2025
/// (AWS Developer Guide, "Amazon SQS message quotas").
pub const BODY_BYTES_MAX: usize = 1_048_576;

/// The largest payload of one log entry, in bytes. A batch is closed well below it; the room
/// above that is for one command that carries a full batch of bodies.
pub const ENTRY_BYTES_MAX: usize = 8 * 1_048_576;
