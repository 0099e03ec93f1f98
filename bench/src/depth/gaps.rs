//! Stalls: the longest time that the engine's loop was busy, from the first job of a fill to the reaping of all of them.
//!
//! Checkpoints come by themselves meanwhile. The purge is called while a light load runs on other queues, and the load
//! goes on while the server frees, bit by bit, what was purged.

use std::time::{Duration, Instant};

use super::args::DepthArgs;
use crate::cli::LatencyArgs;
use crate::gaps::{Gaps, long_rounds, longest_outside};
use crate::report::{Row, Verdict};
use crate::session::Session;
use crate::sqs::control::purge_queue;
use crate::stalls::Stalls;
use crate::workload::latency;

const PASS_MICROS: u64 = 20_000;
const GOAL_MICROS: u64 = 5_000;

/// How long the load runs before the purge.
const BEFORE_PURGE: Duration = Duration::from_secs(3);

/// What a life of the server was like.
pub(super) struct Life {
    /// What happened in it.
    during: &'static str,
    gaps: Gaps,
    /// The longest gap without what of it the machine stood still, if that is known.
    longest_outside: Option<Duration>,
}

/// Ends the server and reads its gaps.
pub(super) fn stop(session: &mut Session, during: &'static str, stalls: Option<&Stalls>) -> anyhow::Result<Life> {
    let log = session.end()?;
    let (gaps, rounds) = (Gaps::read(&log)?, long_rounds(&log)?);
    println!("gaps of the engine: {gaps}");
    let longest_outside = stalls.map(|stalls| {
        let seen = stalls.seen();
        let longest = seen.iter().map(|stall| stall.to.saturating_sub(stall.from)).max().unwrap_or_default();
        println!("the machine stood still {} times so far, for {longest:.1?} at the longest", seen.len());
        longest_outside(&rounds, &seen)
    });
    Ok(Life { during, gaps, longest_outside })
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

/// The longest gap; the same without what the machine stood still; and the most work in one, which no other program makes longer.
pub(super) fn rows(args: &DepthArgs, lives: &[Life]) -> Vec<Row> {
    let worst = lives.iter().fold(Gaps::default(), |worst, life| worst.worse(life.gaps));
    let filled = format!("{} jobs of {} bytes filled and purged", args.jobs_deep, args.body);
    let row = |what: &str, micros: u64, lives: Vec<String>| Row {
        what: format!("{what}, {filled}"),
        measured: format!("{:.2} ms ({})", micros as f64 / 1e3, lives.join("; ")),
        pass: format!("{} ms", PASS_MICROS / 1_000),
        goal: format!("{} ms", GOAL_MICROS / 1_000),
        verdict: Verdict::of(micros <= PASS_MICROS, micros <= GOAL_MICROS),
    };
    let told =
        |tell: &dyn Fn(&Life) -> String| lives.iter().map(|life| format!("{}: {}", life.during, tell(life))).collect();
    let mut rows = vec![row("longest gap of the engine", worst.longest, told(&|life| life.gaps.to_string()))];
    if let Some(longest) = lives.iter().map(|life| life.longest_outside).collect::<Option<Vec<_>>>() {
        let micros = longest.iter().max().map_or(0, |longest| u64::try_from(longest.as_micros()).unwrap_or(u64::MAX));
        let tell = |life: &Life| format!("{:.1?}", life.longest_outside.unwrap_or_default());
        rows.push(row("longest gap without what the machine stood still", micros, told(&tell)));
    }
    let work = |life: &Life| format!("{:.2} ms", life.gaps.most_work as f64 / 1e3);
    rows.push(row("most work of the engine in one gap", worst.most_work, told(&work)));
    rows
}
