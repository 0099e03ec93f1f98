//! The machine's limits: name, unit, and where the number comes from.

use evenkeel_types::Micros;

/// A queue's name, in bytes (SQS: 1 to 80 of `[A-Za-z0-9_-]`, with `.fifo` counted).
pub const QUEUE_NAME_BYTES_MAX: usize = 80;
/// A group's name, in bytes (SQS `MessageGroupId`: 1 to 128). Empty means the default lane.
pub const GROUP_NAME_BYTES_MAX: usize = 128;
/// Jobs in one command, and grants in one receive (SQS: batches of 1 to 10).
pub const JOBS_PER_COMMAND_MAX: usize = 10;
/// A lease with all its extensions, counted from the grant (SQS: 12 hours).
pub const LEASE_MAX: Micros = Micros::from_secs(43_200);
/// A job's delay (SQS: 15 minutes).
pub const DELAY_MAX: Micros = Micros::from_secs(900);
/// A group's weight: its turns in a round.
pub const WEIGHT_MAX: u8 = 100;
/// Jobs of one queue in flight at a time (SQS standard queues: about 120,000).
pub const QUEUE_IN_FLIGHT_MAX: u32 = 120_000;
/// Timers handled per batch, so that a million leases ending together stop nobody:
/// some thousand steps of the wheel, each of a few memory accesses.
pub const TIMERS_PER_BATCH: u32 = 4_096;
/// Empty lanes forgotten per command, more than one command can leave behind.
pub const LANES_FORGOTTEN_PER_COMMAND: u32 = 24;
/// Lanes that a receive looks at without serving them: more than one receive can serve.
pub const LANES_LOOKED_AT_PER_RECEIVE: u32 = 24;
/// Empty lanes forgotten per batch in queues where nobody waits.
pub const LANES_FORGOTTEN_PER_BATCH: u32 = 1_024;
/// Purged jobs and lanes freed per batch, so that a purge of millions stops nobody: as many steps as of the wheel.
pub const REAPED_PER_BATCH: u32 = 4_096;
/// Queues that can exist.
pub const QUEUES_MAX: u32 = 1_000_000;
/// The newest feature level that this version can apply.
pub const FEATURE_LEVEL: u32 = 1;
