//! How long the engine's loop is busy at a time: what a request that has just come waits before it is looked at.

use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest gap that is told apart, in microseconds: a minute.
const MICROS_MAX: u64 = 60_000_000;

/// The gaps since the start.
#[derive(Debug)]
pub struct Gaps(Histogram<u64>);

impl Default for Gaps {
    fn default() -> Self {
        Self(Histogram::new_with_max(MICROS_MAX, 2).expect("two digits up to a minute are possible"))
    }
}

impl Gaps {
    pub(crate) fn record(&mut self, gap: Duration) {
        self.0.saturating_record(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// So many in a thousand were no longer than this, in microseconds (within 1 %).
    #[must_use]
    pub fn micros_at(&self, permille: u16) -> u64 {
        self.0.value_at_quantile(f64::from(permille) / 1_000.0)
    }

    /// The longest, in microseconds (within 1 %).
    #[must_use]
    pub fn micros_max(&self) -> u64 {
        self.0.max()
    }
}
