//! What is sent when, and how fast it is worked on.

use std::time::Duration;

/// The tenants; the first is the noisy one.
pub(super) const TENANTS: [&str; 5] = ["noisy", "quiet-1", "quiet-2", "quiet-3", "quiet-4"];
/// The index of the noisy tenant.
pub(super) const NOISY: usize = 0;
/// Between two jobs of a quiet tenant: no multiple of [`TICK`], so that they come at all moments between two of them.
pub(super) const QUIET_EVERY: Duration = Duration::from_millis(389);
/// Workers take jobs so often, so many at a time: 100 a second.
pub(super) const TICK: Duration = Duration::from_millis(50);
pub(super) const JOBS_PER_TICK: u32 = 5;
/// Jobs that are done per second.
pub(super) const RATE: u32 = 100;
/// The flood takes this share of the time to be worked off, in percent; the rest is for the quiet ones, and for a view
/// of before and after.
const FLOOD_PERCENT: u32 = 65;

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) duration: Duration,
    /// When the noisy tenant begins.
    pub(super) flood_at: Duration,
    /// How many jobs it sends, as fast as they are taken.
    pub(super) flood_jobs: u32,
    /// When the quiet tenants send their last.
    pub(super) quiet_until: Duration,
}

impl Plan {
    pub(super) fn new(seconds: u16) -> Self {
        let duration = Duration::from_secs(seconds.into());
        Self {
            duration,
            flood_at: duration / 10,
            // In tens, which is how they are sent.
            flood_jobs: u32::from(seconds) * RATE * FLOOD_PERCENT / 1_000 * 10,
            quiet_until: duration * 95 / 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_can_be_done_in_time() {
        assert_eq!(u128::from(RATE), u128::from(JOBS_PER_TICK) * 1_000 / TICK.as_millis());
        for seconds in [3, 15, 600] {
            let plan = Plan::new(seconds);
            let quiet = plan.quiet_until.as_millis() / QUIET_EVERY.as_millis() * (TENANTS.len() as u128 - 1);
            let work = plan.flood_jobs as u128 + quiet;
            let room = (plan.duration - plan.flood_at).as_millis() * u128::from(RATE) / 1_000;
            assert!(work <= room, "{seconds} s: {work} jobs, room for {room}");
        }
    }
}
