//! How long the engine's loop is busy at a time: what a request that has just come waits before it is looked at.
//!
//! Two things make a round long: what it has to do, and others that have the processor meanwhile. Told apart, they say whether
//! the engine is at fault or the machine too small.

use crate::Meters;
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant, SystemTime};

/// So many of the longest are kept one by one.
const LONGEST: usize = 16;
/// The longest gap that is told apart, in microseconds: a minute.
const MICROS_MAX: u64 = 60_000_000;

/// One of the longest rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// When it ended.
    pub ended: SystemTime,
    /// How long it was.
    pub busy: Duration,
    /// For how long of that the thread had a processor.
    pub work: Duration,
}

/// The gaps since the start.
#[derive(Debug)]
pub struct Gaps {
    busy: Histogram<u64>,
    work: Histogram<u64>,
    /// What the thread had worked when it was last asked.
    worked: Duration,
    /// The longest first.
    longest: Vec<Round>,
}

impl Default for Gaps {
    fn default() -> Self {
        let histogram = || Histogram::new_with_max(MICROS_MAX, 2).expect("two digits up to a minute are possible");
        Self { busy: histogram(), work: histogram(), worked: Duration::ZERO, longest: Vec::with_capacity(LONGEST) }
    }
}

impl Gaps {
    /// Records a round that began then and ends now, here and in the meters, which others read meanwhile. One thread records them all.
    pub(crate) fn record(&mut self, since: Instant, meters: &Meters) {
        let busy = since.elapsed();
        // Asked for once a round, since it is a call of the system: what little the thread does between two rounds counts too.
        let worked = worked();
        let work = worked.saturating_sub(std::mem::replace(&mut self.worked, worked));
        self.busy.saturating_record(micros(busy));
        self.work.saturating_record(micros(work));
        self.keep_if_long(busy, work);
        meters.busy_micros.record(micros(busy));
        meters.busy_micros_max.record(micros(busy));
        meters.work_micros_max.record(micros(work));
    }

    fn keep_if_long(&mut self, busy: Duration, work: Duration) {
        if self.longest.len() == LONGEST && self.longest.last().is_some_and(|least| least.busy >= busy) {
            return;
        }
        self.longest.truncate(LONGEST - 1);
        let at = self.longest.partition_point(|round| round.busy >= busy);
        self.longest.insert(at, Round { ended: SystemTime::now(), busy, work });
    }

    /// From now on, so that what was done before the first round is no part of it.
    pub(crate) fn begin(&mut self) {
        self.worked = worked();
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.busy.len()
    }

    /// So many in a thousand were no longer than this, in microseconds (within 1 %).
    #[must_use]
    pub fn micros_at(&self, permille: u16) -> u64 {
        self.busy.value_at_quantile(f64::from(permille) / 1_000.0)
    }

    /// The longest, in microseconds (within 1 %).
    #[must_use]
    pub fn micros_max(&self) -> u64 {
        self.busy.max()
    }

    /// The longest ones, the longest first.
    #[must_use]
    pub fn longest(&self) -> &[Round] {
        &self.longest
    }

    /// The most that the thread worked in one, in microseconds (within 1 %): the time that it had a processor.
    #[must_use]
    pub fn work_micros_max(&self) -> u64 {
        self.work.max()
    }
}

/// How long the calling thread has had a processor.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_in_which_the_thread_waits_is_long_and_no_work() {
        let mut gaps = Gaps::default();
        gaps.begin();
        let (since, meters) = (Instant::now(), Meters::default());
        std::thread::sleep(Duration::from_millis(30));
        gaps.record(since, &meters);
        gaps.record(Instant::now(), &meters);
        assert!(gaps.micros_max() >= 29_000, "{}", gaps.micros_max());
        assert!(gaps.work_micros_max() < gaps.micros_max() / 2, "{}", gaps.work_micros_max());
        let (busy, work) = (meters.busy_micros_max.get(), meters.work_micros_max.get());
        assert!(busy >= 29_000 && work < busy / 2, "busy {busy}, work {work}");
        assert_eq!(meters.busy_micros.counts().total(), 2);
    }

    #[test]
    fn what_was_done_before_the_first_round_is_no_part_of_it() {
        let mut gaps = Gaps::default();
        work();
        gaps.begin();
        gaps.record(Instant::now(), &Meters::default());
        assert!(gaps.work_micros_max() < 4_900, "{}", gaps.work_micros_max());
    }

    #[test]
    fn the_longest_are_kept_in_order_and_no_more_than_a_few() {
        let mut gaps = Gaps::default();
        for micros in [7, 3, 900, 1, 5, 5].into_iter().chain(20..60) {
            gaps.keep_if_long(Duration::from_micros(micros), Duration::ZERO);
        }
        let kept: Vec<_> = gaps.longest().iter().map(|round| round.busy.as_micros()).collect();
        assert_eq!(kept, [900].into_iter().chain((45..60).rev()).collect::<Vec<_>>());
    }

    #[test]
    fn a_round_of_work_is_work() {
        let mut gaps = Gaps::default();
        gaps.begin();
        let since = Instant::now();
        work();
        gaps.record(since, &Meters::default());
        assert!(gaps.work_micros_max() >= 4_900, "{}", gaps.work_micros_max());
        assert_eq!(gaps.count(), 1);
    }

    /// Works for five milliseconds.
    fn work() {
        let before = worked();
        while worked() - before < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
    }
}
