//! An empty node joins two that hold very many jobs: how long until it has them all and a vote, and what clients of the leader notice of it.

use std::time::{Duration, Instant};

use super::args::NodesArgs;
use super::cluster::Cluster;
use crate::cli::{Common, LatencyArgs};
use crate::report::{Row, Verdict};
use crate::session::Session;
use crate::stats::Latencies;
use crate::workload::fill::{Groups, fill};
use crate::workload::latency;

/// Windows one after the other, until enough was seen.
const WINDOW_SECONDS: u64 = 5;
/// As many before the node joins.
const CALM_WINDOWS: usize = 3;

pub(super) fn run(common: &Common, args: &NodesArgs) -> anyhow::Result<Vec<Row>> {
    let mut cluster = Cluster::of_one(common)?;
    cluster.add()?;
    cluster.wait_for_votes(2)?;
    let mut session = cluster.session(0)?;
    let queue_url = session.queue("waiting")?;
    let began = Instant::now();
    fill(&session.target, &queue_url, &Groups::InTurn(args.groups), args.jobs, b'j', args.connections)?;
    println!("filled: {} jobs in {:.1} s", args.jobs, began.elapsed().as_secs_f64());
    let mut seen = Seen::default();
    for _ in 0..CALM_WINDOWS {
        seen.calm(&latency(&mut session, args)?);
    }
    let took = std::thread::scope(|scope| -> anyhow::Result<Duration> {
        let votes = scope.spawn(|| {
            let began = Instant::now();
            cluster.add()?;
            cluster.wait_for_votes(3).map(|()| began.elapsed())
        });
        loop {
            let window = latency(&mut session, args)?;
            // Most of a window that the node joined in is part of it; the last one may be mostly calm.
            let is_over = votes.is_finished();
            seen.joining(&window);
            if is_over {
                return votes.join().map_err(|_| anyhow::anyhow!("the thread that looks panicked"))?;
            }
        }
    })?;
    Ok(seen.rows(args, took))
}

fn latency(session: &mut Session, args: &NodesArgs) -> anyhow::Result<Window> {
    let open = LatencyArgs {
        connections: args.connections,
        jobs: args.latency_jobs,
        rate_total: args.latency_jobs * 3,
        idle_queues: 1,
        seconds: WINDOW_SECONDS,
        warmup: 0,
    };
    let window = latency::run(session, &open)?;
    let mut all = Latencies::new();
    window.stats.calls().for_each(|(_, latencies)| all.add(latencies));
    Ok(Window { all, errors: window.stats.errors })
}

struct Window {
    /// Of all calls, each from when it was meant to be made.
    all: Latencies,
    errors: u64,
}

struct Seen {
    calm: Latencies,
    joining: Latencies,
    errors: u64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { calm: Latencies::new(), joining: Latencies::new(), errors: 0 }
    }
}

impl Seen {
    fn calm(&mut self, window: &Window) {
        self.calm.add(&window.all);
        self.errors += window.errors;
    }

    fn joining(&mut self, window: &Window) {
        self.joining.add(&window.all);
        self.errors += window.errors;
    }

    fn rows(&self, args: &NodesArgs, took: Duration) -> Vec<Row> {
        let (took, p99) = (took.as_secs_f64(), |latencies: &Latencies| latencies.quantile_micros(0.99) / 1e3);
        let times = p99(&self.joining) / p99(&self.calm).max(1e-3);
        let note = if self.errors == 0 { String::new() } else { format!(", {} errors", self.errors) };
        vec![
            Row {
                what: format!("an empty node joins beside {} waiting jobs: until it has them and a vote", args.jobs),
                measured: format!("{took:.1} s"),
                pass: "60 s".into(),
                goal: "20 s".into(),
                verdict: Verdict::of(took <= 60.0, took <= 20.0).unless_errors(self.errors),
            },
            Row {
                what: format!("p99 of all calls meanwhile, {} jobs/s, against before", args.latency_jobs),
                measured: format!("x{times:.2} ({:.2} against {:.2} ms){note}", p99(&self.joining), p99(&self.calm)),
                pass: "x3".into(),
                goal: "x1.5".into(),
                verdict: Verdict::of(times <= 3.0, times <= 1.5).unless_errors(self.errors),
            },
        ]
    }
}
