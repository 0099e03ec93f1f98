//! The simulated clocks: one true time that nobody in the house sees, and the two that it does.

use crate::rng::Rng;
use evenkeel_types::{Micros, Now, WallTime};

/// Microseconds since the simulation began.
pub type Time = u64;

/// A millisecond of true time.
pub const MILLISECOND: Time = 1_000;
/// A second of true time.
pub const SECOND: Time = 1_000_000;

/// 2025-01-01, in milliseconds.
const WALL_START_MILLIS: i64 = 1_735_689_600_000;

/// True time, and how the clocks of the present life relate to it.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// True time.
    pub now: Time,
    /// What the monotonic clock read at true time zero; another in each life.
    monotonic_start: u64,
    /// How far the calendar is off, in milliseconds.
    wall_off_millis: i64,
    /// How much too fast the monotonic clock runs, in millionths.
    fast_ppm: u64,
}

impl Clocks {
    /// At the beginning of time.
    #[must_use]
    pub fn new() -> Self {
        Self { now: 0, monotonic_start: 1_000_000_000, wall_off_millis: 0, fast_ppm: 0 }
    }

    /// What a process reads now.
    #[must_use]
    pub fn read(&self) -> Now {
        let wall = WALL_START_MILLIS + i64::try_from(self.now / MILLISECOND).unwrap_or(i64::MAX) + self.wall_off_millis;
        Now {
            monotonic: Micros(self.monotonic_start + self.now + self.drifted(self.now)),
            wall: WallTime(u64::try_from(wall).unwrap_or_default()),
        }
    }

    /// The true time at which the monotonic clock reads so much.
    #[must_use]
    pub fn true_time_of(&self, monotonic: Micros) -> Time {
        let read = monotonic.0.saturating_sub(self.monotonic_start);
        if self.fast_ppm == 0 { read } else { read - read / (1_000_000 + self.fast_ppm) * self.fast_ppm }
    }

    /// From now on the monotonic clock runs too fast by so much.
    pub fn runs_fast(&mut self, ppm: u64) {
        self.fast_ppm = ppm;
    }

    fn drifted(&self, time: Time) -> u64 {
        time / 1_000_000 * self.fast_ppm + time % 1_000_000 * self.fast_ppm / 1_000_000
    }

    /// A new process: its monotonic clock starts anywhere.
    pub fn new_life(&mut self, rng: &mut Rng) {
        self.monotonic_start = rng.span(1, 1 << 50);
    }

    /// The calendar jumps, up to an hour either way.
    pub fn jump(&mut self, rng: &mut Rng) -> i64 {
        let by = i64::try_from(rng.between(0, 7_200_000)).unwrap_or(0) - 3_600_000;
        self.wall_off_millis += by;
        by
    }
}

impl Default for Clocks {
    fn default() -> Self {
        Self::new()
    }
}
