//! Stalls: the longest time that the engine's loop was busy, from the first job of a fill to the reaping of all of them.
//!
//! Checkpoints come by themselves meanwhile. The purge is called while a light load runs on other queues, and the load
//! goes on while the server frees, bit by bit, what was purged.

use std::time::{Duration, Instant};

use super::args::DepthArgs;
use crate::cli::LatencyArgs;
use crate::gaps::Gaps;
use crate::report::{Row, Verdict};
use crate::session::Session;
use crate::sqs::control::purge_queue;
use crate::workload::latency;

const PASS_MICROS: u64 = 20_000;
const GOAL_MICROS: u64 = 5_000;

/// How long the load runs before the purge.
const BEFORE_PURGE: Duration = Duration::from_secs(3);

/// Ends the server and reads its gaps.
pub(super) fn stop(session: &mut Session) -> anyhow::Result<Gaps> {
    let gaps = Gaps::read(&session.end()?)?;
    println!("gaps of the engine: {gaps}");
    Ok(gaps)
}

pub(super) fn purge_under_load(session: &mut Session, args: &DepthArgs, queue_url: &str) -> anyhow::Result<()> {
    let (target, queue_url) = (session.target.clone(), queue_url.to_owned());
    let purge = std::thread::Builder::new().name("purge".to_owned()).spawn(move || {
        std::thread::sleep(BEFORE_PURGE);
        let start = Instant::now();
        purge_queue(&target, &queue_url).map(|()| start.elapsed())
    })?;
    let light = LatencyArgs {
        connections: args.connections.min(32),
        jobs: 500,
        rate_total: 2_000,
        idle_queues: 4,
        seconds: args.purge_seconds + BEFORE_PURGE.as_secs(),
        warmup: 0,
    };
    let loaded = latency::run(session, &light);
    let took = purge.join().map_err(|_| anyhow::anyhow!("the thread that purges panicked"))??;
    println!("the purge was answered after {took:.1?}");
    let errors = loaded?.stats.errors;
    anyhow::ensure!(errors == 0, "{errors} errors during the purge");
    Ok(())
}

/// `lives` of the server, by what happened in them: the longest gap, and the most work in one, which no other program makes longer.
pub(super) fn rows(args: &DepthArgs, lives: &[(&str, Gaps)]) -> [Row; 2] {
    let worst = lives.iter().fold(Gaps::default(), |worst, (_, gaps)| worst.worse(*gaps));
    let lives: Vec<String> = lives.iter().map(|(during, gaps)| format!("{during}: {gaps}")).collect();
    let filled = format!("{} jobs of {} bytes filled and purged", args.jobs_deep, args.body);
    let row = |what: &str, micros: u64, more: String| Row {
        what: format!("{what}, {filled}"),
        measured: format!("{:.2} ms{more}", micros as f64 / 1e3),
        pass: format!("{} ms", PASS_MICROS / 1_000),
        goal: format!("{} ms", GOAL_MICROS / 1_000),
        verdict: Verdict::of(micros <= PASS_MICROS, micros <= GOAL_MICROS),
    };
    let gap = row("longest gap of the engine", worst.longest, format!(" ({})", lives.join("; ")));
    [gap, row("most work of the engine in one gap", worst.most_work, String::new())]
}
