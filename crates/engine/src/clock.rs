//! Log time from a monotonic clock.
//!
//! Log time goes on where the last owner's stood and advances by elapsed time. Over a take-over (or a
//! restart) it advances by what the calendar says has passed, but never by more than
//! [`TAKEOVER_ADVANCE_MAX`]: a calendar that jumps an hour must not expire every lease.

use crate::fault::{self, Fault};
use evenkeel_types::{LogTime, Micros, Now, WallTime};

/// The most that log time advances while nobody owned the log.
pub const TAKEOVER_ADVANCE_MAX: Micros = Micros::from_secs(60);

/// Tells log time. Made anew by each owner.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogClock {
    log_at_start: LogTime,
    monotonic_at_start: Micros,
}

impl LogClock {
    /// Goes on after the last batch of the owner before.
    pub(crate) fn take_over(last_log: LogTime, last_wall: WallTime, now: Now) -> Self {
        // Both are rounded down to milliseconds: one less is what surely has passed.
        let passed = now.wall.0.saturating_sub(last_wall.0).saturating_sub(1);
        let passed = Micros(passed.saturating_mul(1_000));
        let max = if fault::is(Fault::TrustCalendar) { passed } else { TAKEOVER_ADVANCE_MAX };
        // A log that begins has no wall time yet; nothing has passed for it.
        let passed = if last_wall == WallTime::default() { Micros(0) } else { passed.min(max) };
        Self { log_at_start: last_log + passed, monotonic_at_start: now.monotonic }
    }

    pub(crate) fn log_time(&self, now: Now) -> LogTime {
        self.log_at_start + Micros(now.monotonic.0.saturating_sub(self.monotonic_at_start.0))
    }

    /// When the monotonic clock will read what this log time is.
    pub(crate) fn monotonic_at(&self, at: LogTime) -> Micros {
        Micros(self.monotonic_at_start.0.saturating_add((at - self.log_at_start).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_that_jumps_moves_log_time_by_a_bounded_step() {
        let hour = 3_600_000;
        let at = |wall| Now { monotonic: Micros(5), wall: WallTime(wall) };
        let taken = |wall| LogClock::take_over(LogTime(100), WallTime(10 * hour), at(wall)).log_time(at(wall));
        assert_eq!(taken(9 * hour), LogTime(100), "backwards: not at all");
        assert_eq!(taken(10 * hour + 2), LogTime(1_100), "never more than has passed");
        assert_eq!(taken(20 * hour), LogTime(100) + TAKEOVER_ADVANCE_MAX);
    }

    #[test]
    fn log_time_follows_the_monotonic_clock_alone() {
        let clock = LogClock::take_over(LogTime(100), WallTime(1), Now { monotonic: Micros(50), wall: WallTime(1) });
        let later = Now { monotonic: Micros(80), wall: WallTime(0) };
        assert_eq!(clock.log_time(later), LogTime(130));
        assert_eq!(clock.monotonic_at(LogTime(130)), Micros(80));
        assert_eq!(clock.monotonic_at(LogTime(1)), Micros(50));
    }
}
