//! The same cycles on two sides, in alternating runs, so that a slow minute of the machine hits both.
//!
//! Who goes first changes with each round: whatever the first leaves behind (work in the background, a full page
//! cache) does not fall on the same side each time.

use std::time::Duration;

use super::args::DepthArgs;
use crate::fleet::Fleet;
use crate::measure::{Window, measure};
use crate::payload::Payloads;
use crate::report::{self, Row, Verdict};
use crate::session::Session;
use crate::stats::median;
use crate::workload::cycle::{Cycle, median_jobs};

pub(super) struct Side<'a> {
    pub(super) name: &'a str,
    pub(super) session: &'a Session,
    /// At least one; each cycle goes to one of them.
    pub(super) queue_urls: &'a [String],
}

/// The windows of both sides, in the order of the rounds.
pub(super) struct Pair {
    these: Vec<Window>,
    others: Vec<Window>,
}

/// Runs `this` and `other` in turn, --runs times each, with batches of `batch`.
pub(super) fn alternate(args: &DepthArgs, batch: usize, this: &Side<'_>, other: &Side<'_>) -> anyhow::Result<Pair> {
    let (mut these, mut others): (Vec<Window>, Vec<Window>) = (Vec::new(), Vec::new());
    for round in 0..args.runs {
        let mut order = [(this, &mut these), (other, &mut others)];
        if round % 2 == 1 {
            order.reverse();
        }
        for (side, windows) in order {
            std::thread::sleep(Duration::from_secs(args.warmup));
            let window = one(args, batch, side, u64::try_from(round)?)?;
            println!(
                "run {} of {}, {}, {}:\n{}",
                round + 1,
                args.runs,
                side.name,
                calls(batch),
                report::window(&window)
            );
            windows.push(window);
        }
    }
    Ok(Pair { these, others })
}

impl Pair {
    /// Medians against each other; beside them each round, and the server's CPU time, which the machine's other load
    /// moves least.
    pub(super) fn row(&self, what: &str, pass: f64, goal: f64) -> Row {
        let (this, other) = (median_jobs(&self.these), median_jobs(&self.others));
        let percent = 100.0 * this / other.max(1e-9);
        let rounds = self.these.iter().zip(&self.others);
        let rounds = rounds.map(|(this, other)| 100.0 * this.jobs_per_second() / other.jobs_per_second().max(1e-9));
        let rounds: Vec<String> = rounds.map(|percent| format!("{percent:.0}")).collect();
        let errors: u64 = self.these.iter().chain(&self.others).map(|window| window.stats.errors).sum();
        let measured = format!(
            "{percent:.1} % ({this:.0} against {other:.0} jobs/s; rounds {} %; server CPU {:.1} against {:.1} us/request){}",
            rounds.join(", "),
            server_micros(&self.these),
            server_micros(&self.others),
            if errors == 0 { String::new() } else { format!(", {errors} errors") },
        );
        println!("{what}: {measured}");
        Row {
            what: what.to_owned(),
            measured,
            pass: format!("{pass:.0} %"),
            goal: format!("{goal:.0} %"),
            verdict: Verdict::of(percent >= pass, percent >= goal).unless_errors(errors),
        }
    }
}

/// Median of the server's CPU time per request.
fn server_micros(windows: &[Window]) -> f64 {
    let micros = windows.iter().filter_map(|window| Some(window.per_request(window.server.as_ref()?.micros)));
    median(&micros.collect::<Vec<_>>())
}

/// The cycles of all parts: random groups of --groups, bodies of --body.
pub(super) fn cycle(args: &DepthArgs, queue_url: &str, batch: usize, seed: u64) -> Cycle {
    let work = Cycle::new(queue_url, args.connections, batch, args.groups, seed);
    work.with(Payloads::new(seed, args.body))
}

pub(super) fn calls(batch: usize) -> String {
    if batch == 1 { "single calls".to_owned() } else { format!("batches of {batch}") }
}

fn one(args: &DepthArgs, batch: usize, side: &Side<'_>, seed: u64) -> anyhow::Result<Window> {
    let mut fleet = Fleet::open(&side.session.target, args.connections)?;
    let mut work = cycle(args, "", batch, seed).over(side.queue_urls.to_vec());
    let (warmup, seconds) = (Duration::from_secs(args.warmup), Duration::from_secs(args.seconds));
    measure(side.session, &mut fleet, &mut work, warmup, seconds)
}
