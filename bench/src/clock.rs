//! The tool's time: nanoseconds since it began, and the wall clock for signatures.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the clock was made.
pub type Nanos = u64;

#[derive(Clone, Copy)]
pub struct Clock {
    origin: Instant,
    wall: Duration,
}

impl Clock {
    #[expect(clippy::new_without_default, reason = "a clock is started, not defaulted")]
    pub fn new() -> Self {
        Self { origin: Instant::now(), wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    pub fn now(&self) -> Nanos {
        nanos(self.origin.elapsed())
    }

    /// The wall clock's seconds at `now`.
    pub fn unix(&self, now: Nanos) -> i64 {
        i64::try_from((self.wall + Duration::from_nanos(now)).as_secs()).unwrap_or(i64::MAX)
    }
}

pub fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
