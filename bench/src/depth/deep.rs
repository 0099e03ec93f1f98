//! The server with very many jobs: filled once, for all parts that need it.

use std::time::Duration;

use super::args::{DepthArgs, Part};
use super::{backlog, fill, gaps, jobs_room, memory, mib, pair, restart};
use crate::cli::Common;
use crate::fleet::Fleet;
use crate::limits::{LOG_BYTES_PER_SECOND, ROOM_BYTES};
use crate::measure::measure;
use crate::report::Row;
use crate::session::Session;
use crate::stalls::Stalls;
use crate::storage::ensure_room;

/// Seconds of cycles before the kill, so that there is log to read back behind the last checkpoint.
const TAIL_SECONDS: u64 = 3;

pub(super) fn run(common: &Common, args: &DepthArgs) -> anyhow::Result<Vec<Row>> {
    let cycles = LOG_BYTES_PER_SECOND * (args.seconds + args.warmup);
    ensure_room(&common.data_parent(), jobs_room(args, args.jobs_deep) + cycles + 2 * ROOM_BYTES)?;
    let stalls = Stalls::watch();
    if stalls.is_none() {
        println!("when the machine itself stands still is not known: this program may not have real-time priority");
    }
    let mut session = Session::own(common, &[])?;
    let queue_url = session.queue("deep")?;
    fill(&session, &queue_url, args, args.jobs_deep)?;
    let (mut rows, mut lives) = (Vec::new(), Vec::new());
    let filled = memory::settled(&session, args)?;
    println!("memory {} s after the fill: PSS {}, peak RSS {}", args.settle, mib(filled.pss), mib(filled.rss_peak));
    if args.wants(Part::Backlog) {
        rows.append(&mut backlog::run(common, args, &session, &queue_url)?);
    }
    if args.wants(Part::Restart) {
        let during = if args.wants(Part::Backlog) { "fill and cycles" } else { "fill" };
        lives.push(gaps::stop(&mut session, during, stalls.as_ref())?);
        session.start_again()?.wait_until_healthy()?;
        leave_a_tail(args, &session, &queue_url)?;
        rows.insert(0, restart::cold(&mut session, args, &queue_url)?);
    }
    if args.wants(Part::Gaps) {
        gaps::purge_under_load(&mut session, args, &queue_url)?;
        let during = if lives.is_empty() { "from fill to purge" } else { "purge" };
        lives.push(gaps::stop(&mut session, during, stalls.as_ref())?);
        rows.extend(gaps::rows(args, &lives));
    }
    Ok(rows)
}

fn leave_a_tail(args: &DepthArgs, session: &Session, queue_url: &str) -> anyhow::Result<()> {
    let mut fleet = Fleet::open(&session.target, args.connections)?;
    let mut work = pair::cycle(args, queue_url, 1, 99);
    let window = measure(session, &mut fleet, &mut work, Duration::ZERO, Duration::from_secs(TAIL_SECONDS))?;
    println!("cycles for {TAIL_SECONDS} s before the kill: {:.0} jobs/s", window.jobs_per_second());
    Ok(())
}
