//! Fairness: how many jobs of others are served before a quiet tenant's first and tenth.
//!
//! (a) One tenant queues 100,000 jobs, then B ten. (b) 10,000 tenants have a backlog, then B queues ten. One consumer
//! drains one by one, so that the counts do not depend on timing. Round robin serves B's first after at most one round
//! (1 job of A; 10,000 of the tenants), and its tenth after at most ten rounds.

use crate::cli::FairnessArgs;
use crate::clock::nanos;
use crate::fleet::Fleet;
use crate::limits::PHASE_MAX;
use crate::session::Session;
use crate::stats::Stats;
use crate::workload::drain::Drain;
use crate::workload::fill::{Groups, fill};

/// Jobs of others served before B's first and tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    pub first: u64,
    pub tenth: u64,
}

/// The waits behind one noisy tenant, and behind many tenants.
///
/// # Errors
/// If a call fails, or B's jobs do not all arrive.
pub fn run(session: &mut Session, args: &FairnessArgs) -> anyhow::Result<(Waits, Waits)> {
    let one = wait(session, &Groups::One("a".to_owned()), args.backlog)?;
    println!(
        "behind one tenant with {} jobs: B's first after {} jobs of others, its tenth after {}",
        args.backlog, one.first, one.tenth
    );
    let jobs = args.tenants * args.jobs_each;
    let many = wait(session, &Groups::InTurn(args.tenants), jobs)?;
    println!(
        "behind {} tenants with {} jobs each: B's first after {} jobs of others, its tenth after {}",
        args.tenants, args.jobs_each, many.first, many.tenth
    );
    Ok((one, many))
}

fn wait(session: &mut Session, noisy: &Groups, backlog: usize) -> anyhow::Result<Waits> {
    let queue_url = session.queue("fairness")?;
    fill(&session.target, &queue_url, noisy, backlog, b'a', 64)?;
    fill(&session.target, &queue_url, &Groups::One("b".to_owned()), 10, b'b', 1)?;
    let mut fleet = Fleet::open(&session.target, 1)?;
    let (mut work, mut stats) = (Drain::new(&queue_url, b'b', 10), Stats::new());
    let until = fleet.clock.now() + nanos(PHASE_MAX);
    fleet.run(&mut work, &mut stats, until)?;
    anyhow::ensure!(stats.errors == 0, "{} errors: {:?}", stats.errors, stats.errors_shown);
    match (work.others_before.first(), work.others_before.get(9)) {
        (Some(&first), Some(&tenth)) => Ok(Waits { first, tenth }),
        _ => anyhow::bail!("only {} of B's 10 jobs arrived", work.others_before.len()),
    }
}
