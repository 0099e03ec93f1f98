//! What millions of waiting jobs cost: memory, restarts, stalls of the engine, throughput.
//!
//! Each part starts servers of its own. A fill costs minutes, so parts that need the same one share it:
//!
//! ```text
//! --jobs        fill -> memory -> restarts, warm
//! --jobs-deep   fill -> backlog -> stop (gaps) -> start -> kill -> restarts, cold -> purge -> stop (gaps)
//! ```

pub mod args;
mod backlog;
mod checkpoint;
mod checkpoints_seen;
mod deep;
mod gaps;
mod memory;
mod pair;
mod queues;
mod restart;

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::cli::Common;
use crate::limits::ROOM_BYTES;
use crate::machine;
use crate::payload::Payloads;
use crate::procfs::CpuTime;
use crate::report::{Row, markdown};
use crate::session::Session;
use crate::storage::ensure_room;
use crate::workload::fill::{Groups, fill_with};
use args::{DepthArgs, Part};

/// Runs the parts asked for and returns their figures as Markdown.
///
/// # Errors
/// If one cannot go on; the servers are stopped and their data is removed.
pub fn run(common: &Common, args: &DepthArgs) -> anyhow::Result<String> {
    ensure!(common.endpoint.is_none(), "depth kills and restarts its servers; it takes no --endpoint");
    ensure!((1..=10_000_000).contains(&args.groups), "--groups: 1 to 10000000");
    ensure!(args.runs > 0 && args.restarts > 0 && args.queues > 0, "--runs, --restarts and --queues: at least 1");
    let mut rows = Vec::new();
    if args.wants(Part::Memory) || args.wants(Part::Restart) {
        println!("\n== {} jobs waiting", args.jobs);
        rows.append(&mut shallow(common, args)?);
    }
    if args.wants(Part::Restart) || args.wants(Part::Gaps) || args.wants(Part::Backlog) {
        println!("\n== {} jobs waiting", args.jobs_deep);
        rows.append(&mut deep::run(common, args)?);
    }
    if args.wants(Part::Queues) {
        println!("\n== {} queues", args.queues);
        rows.append(&mut queues::run(common, args)?);
    }
    if args.wants(Part::Checkpoint) {
        println!("\n== checkpoints all the time, {} jobs waiting", args.jobs);
        rows.append(&mut checkpoint::run(common, args)?);
    }
    Ok(format!("```text\n{}\n```\n\n{}", machine::describe(), markdown(&rows)))
}

fn shallow(common: &Common, args: &DepthArgs) -> anyhow::Result<Vec<Row>> {
    ensure_room(&common.data_parent(), jobs_room(args, args.jobs) + ROOM_BYTES)?;
    let mut session = Session::own(common, &[])?;
    let mut rows = Vec::new();
    let idle = memory::settled(&session, args)?;
    let queue_url = session.queue("depth")?;
    fill(&session, &queue_url, args, args.jobs)?;
    if args.wants(Part::Memory) {
        rows.append(&mut memory::measure(&session, args, idle)?);
    }
    if args.wants(Part::Restart) {
        rows.push(restart::warm(&mut session, args, &queue_url)?);
    }
    Ok(rows)
}

/// Fills a queue as `args` say, and says how long it took.
fn fill(session: &Session, queue_url: &str, args: &DepthArgs, jobs: usize) -> anyhow::Result<()> {
    let (start, groups) = (Instant::now(), Groups::InTurn(args.groups));
    let payloads = Payloads::new(7, args.body);
    let times = || -> anyhow::Result<_> {
        Ok((CpuTime::of(session.pid.context("the server does not run")?)?, CpuTime::of(std::process::id())?))
    };
    let (server, client) = times()?;
    fill_with(payloads, &session.target, queue_url, &groups, jobs, b'j', args.connections)?;
    let seconds = start.elapsed().as_secs_f64();
    let (server, client) = times().map(|now| (now.0.since(&server), now.1.since(&client)))?;
    let threads: Vec<String> = server.threads.iter().map(|(name, micros)| percent(name, *micros, seconds)).collect();
    println!(
        "filled: {jobs} jobs of {} bytes over {} groups in {seconds:.1} s, {:.0} jobs/s; of a core: {} ({}), {}",
        args.body,
        args.groups,
        jobs as f64 / seconds,
        percent("server", server.micros, seconds),
        threads.join(", "),
        percent("this tool", client.micros, seconds),
    );
    Ok(())
}

/// `engine 12 %`, of one core.
fn percent(name: &str, micros: u64, seconds: f64) -> String {
    format!("{name} {:.0} %", micros as f64 / 1e4 / seconds)
}

/// Disk that a queue of so many jobs may take, bytes: a server keeps at most as much dead as living.
fn jobs_room(args: &DepthArgs, jobs: usize) -> u64 {
    u64::try_from(jobs.saturating_mul(args.body + 192).saturating_mul(2)).unwrap_or(u64::MAX)
}

/// `12.3 MiB`.
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
