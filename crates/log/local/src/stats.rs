//! How long syncs take: a histogram of plain counters, written by one thread and read by any.
//!
//! Four buckets per doubling, from 1 us to over an hour, so that a quantile is at most 25 % too high.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const BUCKETS: usize = 4 * 33;

/// Counts of sync durations.
#[derive(Debug)]
pub(crate) struct SyncHistogram {
    buckets: [AtomicU64; BUCKETS],
    micros_sum: AtomicU64,
    micros_max: AtomicU64,
}

/// How long syncs have taken since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStats {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer, in microseconds (the bucket's upper end).
    pub micros_p50: u64,
    /// 99 in 100 took no longer.
    pub micros_p99: u64,
    /// The longest.
    pub micros_max: u64,
}

/// How long syncs take, readable while the log is at work and after.
#[derive(Clone, Debug, Default)]
pub struct SyncTimes(pub(crate) Arc<SyncHistogram>);

impl SyncTimes {
    /// Counts one more.
    pub fn record(&self, took: Duration) {
        self.0.record(took);
    }

    /// How many syncs took longer than the bound before and no longer than each of these (in microseconds, ascending), and last how many
    /// took longer than all; then the sum of all. A bucket that lies across a bound counts as above it.
    #[must_use]
    pub fn ranges(&self, bounds: &[u64]) -> (Vec<u64>, u64) {
        let mut ranges = vec![0; bounds.len() + 1];
        for (number, bucket) in self.0.buckets.iter().enumerate() {
            let at = bounds.partition_point(|&bound| bound < upper_end(number));
            if let Some(count) = ranges.get_mut(at) {
                *count += bucket.load(Relaxed);
            }
        }
        (ranges, self.0.micros_sum.load(Relaxed))
    }
}

impl Default for SyncHistogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            micros_sum: AtomicU64::new(0),
            micros_max: AtomicU64::new(0),
        }
    }
}

impl SyncHistogram {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.micros_sum.fetch_add(micros, Relaxed);
        self.micros_max.fetch_max(micros, Relaxed);
    }

    pub(crate) fn stats(&self) -> SyncStats {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let micros_max = self.micros_max.load(Relaxed);
        let quantile = |permille: u64| {
            let mut left = (count * permille).div_ceil(1000);
            for (number, in_bucket) in counts.iter().enumerate() {
                if *in_bucket >= left {
                    return upper_end(number).min(micros_max);
                }
                left -= in_bucket;
            }
            micros_max
        };
        SyncStats { count, micros_p50: quantile(500), micros_p99: quantile(990), micros_max }
    }
}

/// Buckets 4d..4d+4 hold the values from 2^d on, in four equal parts.
fn bucket_of(micros: u64) -> usize {
    let micros = micros.max(1);
    let doubling = micros.ilog2();
    let quarter = if doubling < 2 { micros << (2 - doubling) } else { micros >> (doubling - 2) } & 3;
    (doubling as usize * 4 + usize::try_from(quarter).unwrap_or(0)).min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> u64 {
    let start = 1u64 << (bucket / 4);
    start + (start * (bucket as u64 % 4 + 1)) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_at_most_a_quarter_too_high() {
        let histogram = SyncHistogram::default();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        let stats = histogram.stats();
        assert_eq!((stats.count, stats.micros_max), (1000, 1000));
        assert!((500..=625).contains(&stats.micros_p50), "{stats:?}");
        assert!((990..=1000).contains(&stats.micros_p99), "{stats:?}");
    }

    #[test]
    fn syncs_are_told_by_the_ranges_of_who_asks() {
        let histogram = SyncHistogram::default();
        for micros in [1, 3, 100, 5_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let times = SyncTimes(Arc::new(histogram));
        assert_eq!(times.ranges(&[2, 128, 8_192]), (vec![1, 2, 1, 0], 5_104));
        assert_eq!(times.ranges(&[]), (vec![4], 5_104));
    }

    #[test]
    fn extremes_have_a_bucket() {
        let histogram = SyncHistogram::default();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::MAX);
        assert_eq!(histogram.stats().count, 2);
        assert_eq!(SyncHistogram::default().stats(), SyncStats::default());
    }
}
