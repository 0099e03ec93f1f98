//! Two times travel with every batch; they never mix.
//!
//! *Log time* runs leases, delays and timeouts. It is monotonic and advances by elapsed time, so
//! a wall clock that jumps an hour expires nothing. *Wall time* is for timestamps that people see.

use std::ops::{Add, Sub};

/// A span of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// That many seconds.
    #[must_use]
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs as u64 * 1_000_000)
    }

    /// That many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u32) -> Self {
        Self(millis as u64 * 1_000)
    }
}

/// A moment on the log's own clock: microseconds since the log began, downtime left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogTime(pub u64);

impl Add<Micros> for LogTime {
    type Output = Self;
    fn add(self, span: Micros) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for LogTime {
    type Output = Micros;
    /// The span since an earlier moment; zero if it was not earlier.
    fn sub(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }
}

/// A moment of the calendar: milliseconds since 1970-01-01 UTC. May jump either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// What the clocks of one node read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// A monotonic clock with an arbitrary start, in microseconds. Never enters the log itself.
    pub monotonic: Micros,
    /// The calendar.
    pub wall: WallTime,
}
