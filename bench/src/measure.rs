//! One measured window: a workload runs, and beside it the CPU times and the disk are watched.

use std::time::Duration;

use crate::clock::nanos;
use crate::disk;
use crate::fleet::{Fleet, Workload};
use crate::procfs::{CpuTime, CpuUse};
use crate::session::Session;
use crate::stats::{Latencies, Stats};

/// What a window showed.
pub struct Window {
    pub seconds: f64,
    pub stats: Stats,
    /// The server's CPU time; nothing without a pid.
    pub server: Option<CpuUse>,
    /// This tool's own.
    pub client: CpuUse,
    pub disk_before: Latencies,
    pub disk_beside: Latencies,
}

impl Window {
    pub fn jobs_per_second(&self) -> f64 {
        self.stats.deleted as f64 / self.seconds
    }

    pub fn requests_per_second(&self) -> f64 {
        self.stats.requests() as f64 / self.seconds
    }

    /// `micros` per request of this window.
    pub fn per_request(&self, micros: u64) -> f64 {
        micros as f64 / (self.stats.requests() as f64).max(1.0)
    }
}

/// Warms up, then measures for `seconds`, then waits for what is under way.
///
/// # Errors
/// If the run cannot go on; see [`Fleet::run`].
pub fn measure(
    session: &Session,
    fleet: &mut Fleet,
    work: &mut impl Workload,
    warmup: Duration,
    seconds: Duration,
) -> anyhow::Result<Window> {
    let disk_before = disk::probe_before(&session.directory)?;
    let mut stats = Stats::new();
    let begin = fleet.clock.now();
    fleet.run(work, &mut stats, begin + nanos(warmup))?;
    let warmup_errors = (stats.errors, std::mem::take(&mut stats.errors_shown));

    let beside = disk::Beside::start(&session.directory)?;
    let times = || -> anyhow::Result<(Option<CpuTime>, CpuTime)> {
        Ok((session.pid.map(CpuTime::of).transpose()?, CpuTime::of(std::process::id())?))
    };
    let (server_before, client_before) = times()?;
    let mut stats = Stats::new();
    (stats.errors, stats.errors_shown) = warmup_errors;
    let begin = fleet.clock.now();
    fleet.run(work, &mut stats, begin + nanos(seconds))?;
    let seconds = Duration::from_nanos(fleet.clock.now() - begin).as_secs_f64();
    let (server_after, client_after) = times()?;
    let disk_beside = beside.stop()?;
    // Their answers come after the window and count for nothing, but an error is an error.
    let mut late = Stats::new();
    fleet.drain(work, &mut late)?;
    stats.errors += late.errors;
    stats.errors_shown.append(&mut late.errors_shown);
    Ok(Window {
        seconds,
        stats,
        server: server_after.zip(server_before).map(|(after, before)| after.since(&before)),
        client: client_after.since(&client_before),
        disk_before,
        disk_beside,
    })
}
