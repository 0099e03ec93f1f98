//! The door's limits: name, unit, and where the number comes from.

/// Jobs of a peek unless said otherwise.
pub const PEEK_JOBS_DEFAULT: usize = 10;
/// How long a tail waits at most for something to be sent, in seconds: as SQS's long polls.
pub const TAIL_WAIT_SECONDS_MAX: u32 = 20;
/// What the bodies of a peek take at most, in bytes, beyond the first: jobs that do not fit are left out.
pub const ANSWER_BYTES_MAX: usize = 4 * 1_048_576;
/// Keys on a page: some hundred KiB of JSON.
pub const KEYS_PER_PAGE: usize = 500;
/// A key's life and a rotation's grace, in seconds: a hundred years, so that no sum overflows.
pub const SECONDS_MAX: u64 = 100 * 365 * 86_400;
/// How long an old secret counts after a rotation unless said otherwise, in seconds: a day, for those who deploy once a day.
pub const GRACE_SECONDS: u64 = 86_400;
