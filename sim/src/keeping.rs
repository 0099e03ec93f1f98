//! How a house keeps its files, and what befalls it while it does: checkpoints, merges, carried bodies.

use crate::rng::Rng;
use evenkeel_checkpoint::Options as Checkpoints;
use evenkeel_engine::Pace;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// The sizes of checkpoints.
    pub checkpoints: Checkpoints,
    /// Bodies that one sweep looks for.
    pub bodies_max: u64,
    /// How much goes through one step.
    pub pace: Pace,
    /// Of a thousand steps of the keeper, those in which a power cut is tried on a copy.
    pub what_if_within: u32,
    /// Of a thousand, those behind which one is tried.
    pub what_if_behind: u32,
    /// Of a thousand, those in which the disk dies.
    pub dies_within: u32,
}

impl Keeping {
    /// Everything small, so that a short day has a lot of it.
    #[must_use]
    pub fn busy() -> Self {
        Self {
            checkpoints: Checkpoints {
                ballast_bytes: 32 * 1024,
                sync_every_bytes: 1024,
                step_bytes: 2048,
                base_percent: 50,
                small_bytes: 4096,
                similar_runs: 3,
                ..Checkpoints::default()
            },
            bodies_max: 200,
            pace: Pace {
                step_bytes: 16 * 1024,
                checkpoint_slice_records: 20,
                sweep_slice_jobs: 10,
                tail_bytes: 2048,
                unsynced_bytes_max: 512 * 1024,
            },
            what_if_within: 0,
            what_if_behind: 0,
            dies_within: 0,
        }
    }

    /// The one of a seed. `body_bytes`: the largest body.
    #[must_use]
    pub fn of(rng: &mut Rng, body_bytes: u64) -> Self {
        let mut keeping = Self::busy();
        let Self { checkpoints, pace, .. } = &mut keeping;
        checkpoints.ballast_bytes = rng.below(2) * rng.span(1, 64 * 1024);
        checkpoints.sync_every_bytes = rng.span(512, 64 * 1024);
        checkpoints.step_bytes = rng.span(512, 16 * 1024);
        checkpoints.small_bytes = rng.span(512, 64 * 1024);
        checkpoints.similar_runs = usize::try_from(rng.between(2, 4)).unwrap_or(2);
        checkpoints.runs_max = usize::try_from(rng.between(3, 12)).unwrap_or(3);
        // One seed in four goes at the server's own pace.
        if rng.chance(250) {
            *pace = Pace::default();
        } else {
            pace.step_bytes = size(rng, 1024, 512 * 1024);
            pace.checkpoint_slice_records = size(rng, 1, 200);
            pace.sweep_slice_jobs = u32::try_from(rng.span(1, 200)).unwrap_or(1);
            pace.tail_bytes = size(rng, 1, 64 * 1024);
            // A request must fit, and the largest has ten bodies, or as many as there can be in one.
            pace.unsynced_bytes_max = size(rng, 12 * 1024, 64 * 1024)
                + size(rng, 1, 2) * usize::try_from(body_bytes.min(25_000) * 10).unwrap_or(0);
        }
        if rng.chance(600) {
            keeping.what_if_within = u32::try_from(rng.between(1, 100)).unwrap_or(1);
            keeping.what_if_behind = u32::try_from(rng.between(1, 40)).unwrap_or(1);
        }
        keeping
    }
}

fn size(rng: &mut Rng, least: u64, most: u64) -> usize {
    usize::try_from(rng.span(least, most)).unwrap_or(1)
}
