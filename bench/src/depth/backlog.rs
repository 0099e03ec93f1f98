//! Throughput with very many jobs waiting, against the same without.
//!
//! Two servers, so that the yardstick knows nothing of the backlog: on the deep one checkpoints, carrying of bodies and
//! memory weigh as well, not only the queue. The other is idle while one is measured. Each cycle sends a job and receives
//! the *oldest* of the group whose turn it is: its body is long out of the server's memory and comes from the disk, or
//! from the system's page cache if that holds the log.

use super::args::DepthArgs;
use super::pair::{Side, alternate, calls};
use crate::cli::Common;
use crate::report::Row;
use crate::session::Session;

pub(super) fn run(common: &Common, args: &DepthArgs, deep: &Session, deep_url: &str) -> anyhow::Result<Vec<Row>> {
    let mut empty = Session::own(common, &[])?;
    let (deep_urls, empty_urls) = ([deep_url.to_owned()], [empty.queue("empty")?]);
    let deep = Side { name: "backlog", session: deep, queue_urls: &deep_urls };
    let empty = Side { name: "empty", session: &empty, queue_urls: &empty_urls };
    let row = |batch| {
        let what = format!("throughput with {} jobs waiting against an empty queue, {}", args.jobs_deep, calls(batch));
        Ok(alternate(args, batch, &deep, &empty)?.row(&what, 90.0, 98.0))
    };
    [1, 10].into_iter().map(row).collect()
}
