//! What a million groups cost: cycles over random groups of a queue that holds a job of each, against cycles in one
//! group of a queue that holds as many jobs.
//!
//! Both queues live on one server and are as deep, so that only the number of groups differs; runs alternate, so that
//! a slow minute of the machine hits both.

use std::time::Duration;

use crate::cli::GroupsArgs;
use crate::fleet::Fleet;
use crate::measure::{Window, measure};
use crate::report;
use crate::session::Session;
use crate::workload::cycle::{Cycle, median_jobs};
use crate::workload::fill::{Groups, fill};

pub struct Ratio {
    pub many: f64,
    pub one: f64,
    pub errors: u64,
}

impl Ratio {
    pub fn percent(&self) -> f64 {
        100.0 * self.many / self.one.max(1e-9)
    }
}

/// # Errors
/// If a run cannot go on.
pub fn run(session: &mut Session, args: &GroupsArgs) -> anyhow::Result<Ratio> {
    let (many_url, one_url) = (session.queue("many-groups")?, session.queue("one-group")?);
    println!("filling: {} jobs, one in each group, and as many in one group", args.groups);
    fill(&session.target, &many_url, &Groups::InTurn(args.groups), args.groups, b'j', args.connections)?;
    fill(&session.target, &one_url, &Groups::InTurn(1), args.groups, b'j', args.connections)?;
    let (mut many, mut one): (Vec<Window>, Vec<Window>) = (Vec::new(), Vec::new());
    for at in 0..args.runs {
        for (url, count, windows) in [(&many_url, args.groups, &mut many), (&one_url, 1, &mut one)] {
            let mut fleet = Fleet::open(&session.target, args.connections)?;
            let mut work = Cycle::new(url, args.connections, args.batch, count, u64::try_from(at)?);
            let (warmup, seconds) = (Duration::from_secs(args.warmup), Duration::from_secs(args.seconds));
            let window = measure(session, &mut fleet, &mut work, warmup, seconds)?;
            println!("run {} of {}, {count} groups:\n{}", at + 1, args.runs, report::window(&window));
            windows.push(window);
        }
    }
    let errors = many.iter().chain(&one).map(|window| window.stats.errors).sum();
    let ratio = Ratio { many: median_jobs(&many), one: median_jobs(&one), errors };
    println!(
        "{} groups {:.0} jobs/s, one group {:.0} jobs/s: {:.1} %",
        args.groups,
        ratio.many,
        ratio.one,
        ratio.percent()
    );
    Ok(ratio)
}
