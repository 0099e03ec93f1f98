//! What a run showed so far.

use super::plan::{NOISY, Plan, TENANTS};
use std::{collections::VecDeque, time::Duration};

/// Columns of the picture's time axis, and pieces that a run's time is cut into.
pub(super) const PIECES: usize = 33;

/// Both lanes, the same jobs in each.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) plan: Plan,
    /// Without groups.
    pub(super) line: Lane,
    /// With a group per tenant.
    pub(super) fair: Lane,
}

/// One queue.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// When each tenant's jobs that wait were sent, oldest first; a tenant's own jobs go in order in both queues.
    waiting: [VecDeque<Duration>; TENANTS.len()],
    last_wait: [Duration; TENANTS.len()],
    /// Every job that is done.
    pub(super) done: Vec<Done>,
    /// The longest that a quiet tenant waited, as it looked in each piece of time; `None` for what is to come.
    pub(super) history: [Option<Duration>; PIECES],
    /// When the last job was done.
    pub(super) ended: Duration,
}

/// A job that a worker got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) tenant: usize,
    pub(super) sent: Duration,
    pub(super) wait: Duration,
}

impl Measured {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), line: Lane::default(), fair: Lane::default() }
    }

    /// Notes how long quiet tenants wait at this moment.
    pub(super) fn look(&mut self, at: Duration) {
        let piece = parts(at, self.plan.duration, PIECES).min(PIECES - 1);
        for lane in [&mut self.line, &mut self.fair] {
            let now = lane.quiet_wait(at);
            for (at, held) in lane.history.iter_mut().enumerate().take(piece + 1) {
                // Pieces may be shorter than the time between two looks.
                if at == piece || held.is_none() {
                    *held = (*held).max(Some(now));
                }
            }
        }
    }

    /// The run is over.
    pub(super) fn end(&mut self, at: Duration) {
        self.look(at);
    }

    /// The longest wait of a quiet tenant that was seen in either lane.
    pub(super) fn longest(&self) -> Duration {
        self.line.history.iter().chain(&self.fair.history).flatten().copied().max().unwrap_or_default()
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            waiting: Default::default(),
            last_wait: Default::default(),
            done: Vec::new(),
            history: [None; PIECES],
            ended: Duration::ZERO,
        }
    }
}

impl Lane {
    /// A job was sent.
    pub(super) fn sent(&mut self, tenant: usize, at: Duration) {
        if let Some(waiting) = self.waiting.get_mut(tenant) {
            waiting.push_back(at);
        }
    }

    /// A worker has a job.
    pub(super) fn got(&mut self, tenant: usize, sent: Duration, at: Duration) {
        let wait = at.saturating_sub(sent);
        if let (Some(waiting), Some(last)) = (self.waiting.get_mut(tenant), self.last_wait.get_mut(tenant)) {
            waiting.pop_front();
            *last = wait;
        }
        self.done.push(Done { tenant, sent, wait });
        self.ended = at;
    }

    /// Jobs of a tenant that wait.
    pub(super) fn waiting(&self, tenant: usize) -> usize {
        self.waiting.get(tenant).map_or(0, VecDeque::len)
    }

    /// All that wait.
    pub(super) fn waiting_all(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    /// How long a tenant waits at this moment: its oldest job's age, or what its last one took.
    pub(super) fn wait(&self, tenant: usize, at: Duration) -> Duration {
        let oldest = self.waiting.get(tenant).and_then(VecDeque::front);
        let last = self.last_wait.get(tenant).copied().unwrap_or_default();
        oldest.map_or(last, |sent| at.saturating_sub(*sent))
    }

    /// The longest wait of all quiet tenants at this moment.
    pub(super) fn quiet_wait(&self, at: Duration) -> Duration {
        (0..TENANTS.len())
            .filter(|&tenant| tenant != NOISY)
            .map(|tenant| self.wait(tenant, at))
            .max()
            .unwrap_or_default()
    }

    /// The waits of the noisy tenant's jobs, or of all others', shortest first.
    pub(super) fn waits(&self, is_noisy: bool) -> Vec<Duration> {
        let of = |done: &&Done| (done.tenant == NOISY) == is_noisy;
        let mut waits: Vec<Duration> = self.done.iter().filter(of).map(|done| done.wait).collect();
        waits.sort_unstable();
        waits
    }
}

/// How many parts `part` is, if `whole` is `count` of them; rounded down, and `count` at most.
pub(super) fn parts(part: Duration, whole: Duration, count: usize) -> usize {
    let parts = part.as_micros().saturating_mul(count as u128) / whole.as_micros().max(1);
    usize::try_from(parts).map_or(count, |parts| parts.min(count))
}

/// The wait that so many percent of the jobs did not exceed.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_tenant_waits_as_long_as_its_oldest_job_and_then_as_its_last() {
        let mut lane = Lane::default();
        assert_eq!(lane.quiet_wait(seconds(1)), Duration::ZERO);
        lane.sent(1, seconds(1));
        lane.sent(1, seconds(2));
        assert_eq!((lane.waiting(1), lane.wait(1, seconds(5))), (2, seconds(4)));
        lane.got(1, seconds(1), seconds(6));
        assert_eq!(lane.wait(1, seconds(6)), seconds(4), "the second is the oldest now");
        lane.got(1, seconds(2), seconds(7));
        assert_eq!((lane.waiting_all(), lane.quiet_wait(seconds(99))), (0, seconds(5)));
        assert_eq!((lane.waits(false), lane.waits(true)), (vec![seconds(5), seconds(5)], vec![]));
    }

    #[test]
    fn parts_never_exceed_the_whole() {
        let of_ten = |part| parts(seconds(part), seconds(10), 20);
        assert_eq!([0, 1, 5, 10, 99].map(of_ten), [0, 2, 10, 20, 20]);
        assert_eq!(parts(seconds(1), Duration::ZERO, 20), 20);
    }

    #[test]
    fn percentiles_are_of_jobs_that_were() {
        let waits: Vec<Duration> = (1..=100).map(seconds).collect();
        assert_eq!([1, 50, 99, 100].map(|percent| percentile(&waits, percent).as_secs()), [1, 50, 99, 100]);
        assert_eq!(percentile(&waits[..1], 50), seconds(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
