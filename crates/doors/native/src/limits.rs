//! The door's limits: name, unit, and where the number comes from.

/// Keys on a page: some hundred KiB of JSON.
pub const KEYS_PER_PAGE: usize = 500;
/// A key's life and a rotation's grace, in seconds: a hundred years, so that no sum overflows.
pub const SECONDS_MAX: u64 = 100 * 365 * 86_400;
/// How long an old secret counts after a rotation unless said otherwise, in seconds: a day, for those who deploy once a day.
pub const GRACE_SECONDS: u64 = 86_400;
