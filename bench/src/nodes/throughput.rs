//! Batches of ten, each synced on a majority of three nodes: at the node that leads, and at one that passes everything on.

use std::time::{Duration, Instant};

use super::args::NodesArgs;
use super::cluster::Cluster;
use crate::cli::Common;
use crate::fleet::Fleet;
use crate::measure::{Window, measure};
use crate::procfs::CpuTime;
use crate::report::{self, Row, Verdict};
use crate::workload::cycle::{Cycle, median_jobs};

const BATCH: usize = 10;
/// What must be reached at the leader, and what is aimed at, in jobs a second.
const PASS: f64 = 20_000.0;
const GOAL: f64 = 35_000.0;

pub(super) fn run(common: &Common, args: &NodesArgs) -> anyhow::Result<Vec<Row>> {
    let mut cluster = Cluster::of_one(common)?;
    cluster.add()?;
    cluster.wait_for_votes(2)?;
    cluster.add()?;
    cluster.wait_for_votes(3)?;
    let (mut leading, mut passing) = (Vec::new(), Vec::new());
    for round in 0..args.runs {
        for (name, node, windows) in [("the leader", 0, &mut leading), ("another node", 1, &mut passing)] {
            let mut session = cluster.session(node)?;
            let queue_url = session.queue(&format!("nodes-{round}"))?;
            let mut fleet = Fleet::open(&session.target, args.connections)?;
            let mut work = Cycle::new(&queue_url, args.connections, BATCH, args.groups, u64::try_from(round)?);
            let (began, before) = (Instant::now(), processor_times(&cluster)?);
            let (warmup, seconds) = (Duration::from_secs(args.warmup), Duration::from_secs(args.seconds));
            let window = measure(&session, &mut fleet, &mut work, warmup, seconds)?;
            let (used, took) = (processor_times(&cluster)?, began.elapsed().as_secs_f64());
            let used: Vec<String> = used
                .iter()
                .zip(&before)
                .map(|(now, before)| format!("{:.0} %", now.since(before).micros as f64 / 1e4 / took))
                .collect();
            println!("run {} of {}, through {name}:\n{}", round + 1, args.runs, report::window(&window));
            println!(
                "  of a core, the warm-up and what comes before and after it included: nodes {}\n",
                used.join(", ")
            );
            windows.push(window);
        }
    }
    Ok(vec![row("the leader", &leading, Some((PASS, GOAL))), row("a node that passes them on", &passing, None)])
}

fn processor_times(cluster: &Cluster) -> anyhow::Result<Vec<CpuTime>> {
    cluster.nodes.iter().map(|node| CpuTime::of(node.pid())).collect()
}

fn row(through: &str, windows: &[Window], marks: Option<(f64, f64)>) -> Row {
    let jobs = median_jobs(windows);
    let errors: u64 = windows.iter().map(|window| window.stats.errors).sum();
    let note = if errors == 0 { String::new() } else { format!(", {errors} errors") };
    let mark = |mark: f64| format!("{mark:.0} jobs/s");
    Row {
        what: format!("batches of {BATCH} through {through}, synced on two of three nodes"),
        measured: format!("{jobs:.0} jobs/s{note}"),
        pass: marks.map_or_else(String::new, |(pass, _)| mark(pass)),
        goal: marks.map_or_else(String::new, |(_, goal)| mark(goal)),
        verdict: marks
            .map_or(Verdict::None, |(pass, goal)| Verdict::of(jobs >= pass, jobs >= goal))
            .unless_errors(errors),
    }
}
