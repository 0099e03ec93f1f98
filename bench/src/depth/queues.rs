//! Throughput over very many queues against one: a random queue for each cycle.
//!
//! All on one server, so that only the number of queues in use differs. With random queues two connections seldom
//! meet; should one take the other's job, the other comes back empty, which is counted and no error.

use std::time::Instant;

use super::args::DepthArgs;
use super::pair::{Side, alternate};
use crate::cli::Common;
use crate::limits::{LOG_BYTES_PER_SECOND, ROOM_BYTES};
use crate::report::Row;
use crate::session::Session;
use crate::storage::ensure_room;
use crate::workload::create::create;

pub(super) fn run(common: &Common, args: &DepthArgs) -> anyhow::Result<Vec<Row>> {
    ensure_room(&common.data_parent(), ROOM_BYTES + LOG_BYTES_PER_SECOND * (args.seconds + args.warmup))?;
    let mut session = Session::own(common, &[])?;
    let one = [session.queue("one")?];
    let start = Instant::now();
    let many = create(&session.target, "bench-many-", args.queues, args.connections)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("made {} queues in {seconds:.1} s, {:.0} a second", many.len(), many.len() as f64 / seconds);
    let many = Side { name: "many queues", session: &session, queue_urls: &many };
    let one = Side { name: "one queue", session: &session, queue_urls: &one };
    let what = format!("throughput over {} queues against one queue, single calls", args.queues);
    Ok(vec![alternate(args, 1, &many, &one)?.row(&what, 80.0, 95.0)])
}
