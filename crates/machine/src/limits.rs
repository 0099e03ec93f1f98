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
/// How close to that a queue is when whoever waits is told of each lease that ends: more than the receives of one batch take, in
/// all likelihood. Further away nobody waits for it, and it costs no event per job.
pub const ROOM_IN_FLIGHT_TOLD: u64 = 10_000;
/// Timers handled per batch, so that a million leases ending together stop nobody:
/// some thousand steps of the wheel, each of a few memory accesses.
pub const TIMERS_PER_BATCH: u32 = 4_096;
/// Empty lanes forgotten per command, more than one command can leave behind.
pub const LANES_FORGOTTEN_PER_COMMAND: u32 = 24;
/// Lanes that a receive looks at without serving them: more than one receive can serve.
pub const LANES_LOOKED_AT_PER_RECEIVE: u32 = 24;
/// Lanes that a page of queues looks at for the age of their oldest jobs: two cache misses each, half a millisecond in all.
pub const LANES_LOOKED_AT_PER_VIEW: usize = 4_096;
/// Empty lanes forgotten per batch in queues where nobody waits.
pub const LANES_FORGOTTEN_PER_BATCH: u32 = 1_024;
/// Purged jobs and lanes freed per batch, and slots swept, so that a purge of millions stops nobody: 0.2 ms, or 0.8 ms while a
/// checkpoint wants an image of each (medians).
pub const REAPED_PER_BATCH: u32 = 2_048;
/// Queues that can exist.
pub const QUEUES_MAX: u32 = 1_000_000;
/// A retention period, at least and at most, and what it is unless set (SQS: 60 seconds to 14 days, 4 days).
pub const RETENTION_SECS: std::ops::RangeInclusive<u32> = 60..=1_209_600;
/// The usual retention period, in seconds.
pub const RETENTION_SECS_DEFAULT: u32 = 345_600;
/// How long a de-duplication id counts from the first send (SQS: 5 minutes).
pub const DEDUP_LIFE: Micros = Micros::from_secs(300);
/// How long a receive's attempt id counts (SQS: 5 minutes).
pub const ATTEMPT_LIFE: Micros = Micros::from_secs(300);
/// How long a call is recognised if it is repeated: longer than an SDK waits for an answer (60 seconds) and then tries again.
pub const CALL_LIFE: Micros = Micros::from_secs(120);
/// Memory for calls that may be repeated, in bytes: some 116,000 of one job, or 36,000 of ten.
pub const CALLS_BYTES_MAX: u64 = 8 * 1_048_576;
/// An id of a message or an attempt that a client chose, in bytes (SQS: 1 to 128).
pub const CLIENT_ID_BYTES_MAX: usize = 128;
/// Records of each kind forgotten per batch, more than a batch can add.
pub const RECENT_FORGOTTEN_PER_BATCH: u32 = 4_096;
/// How long a record may stay beyond its time, so that an idle log is not written to for each.
pub const RECENT_GRAIN: Micros = Micros::from_secs(16);
/// Grants after which a job may go to the dead letters (SQS `maxReceiveCount`: 1 to 1,000).
pub const GRANTS_MAX: u16 = 1_000;
/// Queues that a dead-letter queue can name as the only ones to use it (SQS `sourceQueueArns`: 10).
pub const ALLOWED_SOURCES_MAX: usize = 10;
/// Tags of a queue (SQS: 50).
pub const TAGS_MAX: usize = 50;
/// A tag's key or value, in bytes (SQS: 128 and 256 characters, of up to four bytes).
pub const TAG_BYTES_MAX: usize = 1_024;
/// Texts that the door keeps of a queue.
pub const NOTES_MAX: usize = 8;
/// The name of one, in bytes.
pub const NOTE_NAME_BYTES_MAX: usize = 64;
/// One of them, in bytes: more than a policy can have (AWS: 8,192 characters of policies in most services; 64 KiB is far above).
pub const NOTE_BYTES_MAX: usize = 65_536;
/// Jobs that a peek shows at most: a screenful, and some 10 us.
pub const PEEK_JOBS_MAX: usize = 100;
/// Steps of dropping what is past its time per batch, each a lane or a job; in a lane's order each job may lie in another page of memory.
pub const EXPIRED_PER_BATCH: u32 = 1_024;
/// Jobs past their time, or gone to the dead letters, that a receive meets besides those that it grants.
pub const PASSED_PER_RECEIVE: u32 = 64;
/// How long a deleted queue's name stays taken, where it does (SQS: 60 seconds).
pub const DELETED_LIFE: Micros = Micros::from_secs(60);
/// Jobs a second that a move task may be asked for (SQS: 1 to 500).
pub const MOVE_RATE_MAX: u16 = 500;
/// Jobs moved per batch.
pub const MOVED_PER_BATCH: u32 = 1_024;
/// Move tasks that run at a time (SQS: 100 of an account).
pub const MOVES_RUNNING_MAX: usize = 1_000;
/// Tasks looked at per batch: all that run.
pub const MOVES_PER_BATCH: usize = MOVES_RUNNING_MAX;
/// Move tasks remembered of a source (SQS: 10).
pub const MOVES_PER_SOURCE_MAX: usize = 10;
/// Access keys that can exist, all accounts together: each takes up to some KiB, and every door's thread looks them up.
pub const KEYS_MAX: u32 = 10_000;
/// An access key's id, in bytes (AWS: 16 to 128).
pub const KEY_ID_BYTES_MAX: usize = 128;
/// The name of an access key's user, in bytes (IAM: 64).
pub const KEY_NAME_BYTES_MAX: usize = 64;
/// What people write about a key, in bytes.
pub const KEY_DESCRIPTION_BYTES_MAX: usize = 256;
/// Patterns of actions, and prefixes of queues, that a key's rights have at most of each.
pub const KEY_RIGHTS_MAX: usize = 16;
/// Such a pattern or prefix, in bytes: a queue's name has 80.
pub const KEY_RIGHT_BYTES_MAX: usize = 80;
/// A sealed secret, in bytes: one of 128, a nonce of 24 and a tag of 16 fit.
pub const SEALED_BYTES_MAX: usize = 256;
/// The newest feature level that this version can apply.
pub const FEATURE_LEVEL: u32 = 1;
