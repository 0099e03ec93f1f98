//! Memory: what the server takes with jobs waiting, some seconds after the last was accepted.
//!
//! The proportional set size: what the machine would have back without the server. The system's page cache, in which
//! the server's files are, is not in it.

use std::time::Duration;

use anyhow::Context as _;

use super::args::DepthArgs;
use super::mib;
use crate::procfs::Memory;
use crate::report::{Row, Verdict};
use crate::session::Session;

const PASS: u64 = 130 << 20;
const GOAL: u64 = 80 << 20;

/// Memory after the server has been left alone for --settle seconds.
pub(super) fn settled(session: &Session, args: &DepthArgs) -> anyhow::Result<Memory> {
    std::thread::sleep(Duration::from_secs(args.settle));
    Memory::of(session.pid.context("the server does not run")?)
}

pub(super) fn measure(session: &Session, args: &DepthArgs, idle: Memory) -> anyhow::Result<Vec<Row>> {
    let filled = settled(session, args)?;
    let measured = format!(
        "PSS {}, {} of it before the first job; {:.0} bytes a job; peak RSS {}",
        mib(filled.pss),
        mib(idle.pss),
        filled.pss.saturating_sub(idle.pss) as f64 / args.jobs as f64,
        mib(filled.rss_peak),
    );
    println!("memory {} s after the fill: {measured}", args.settle);
    Ok(vec![Row {
        what: format!("memory, {} jobs of {} bytes waiting, {} groups", args.jobs, args.body, args.groups),
        measured,
        pass: mib(PASS),
        goal: mib(GOAL),
        verdict: Verdict::of(filled.pss <= PASS, filled.pss <= GOAL),
    }])
}
