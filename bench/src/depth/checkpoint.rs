//! Throughput while checkpoints run one after the other, against a server that makes none.
//!
//! Two servers that differ in `--checkpoint-every-mib` only, as many jobs waiting in each. With 1 MiB the next is due as
//! soon as the last is done. How many there were is counted from outside, by the names of the files.

use super::args::DepthArgs;
use super::checkpoints_seen::CheckpointsSeen;
use super::pair::{Side, alternate, calls};
use super::{fill, jobs_room};
use crate::cli::Common;
use crate::limits::{LOG_BYTES_PER_SECOND, ROOM_BYTES};
use crate::report::Row;
use crate::session::Session;
use crate::storage::ensure_room;

pub(super) fn run(common: &Common, args: &DepthArgs) -> anyhow::Result<Vec<Row>> {
    // The one without checkpoints never lets go of its log.
    let windows = 2 * u64::try_from(args.runs)? * (args.seconds + args.warmup);
    let room = 2 * (jobs_room(args, args.jobs) + ROOM_BYTES) + windows.saturating_mul(LOG_BYTES_PER_SECOND);
    ensure_room(&common.data_parent(), room)?;
    let filled = |mib: &str| -> anyhow::Result<_> {
        let mut session = Session::own(common, &["--checkpoint-every-mib", mib])?;
        let queue_urls = [session.queue("checkpoint")?];
        fill(&session, &queue_urls[0], args, args.jobs)?;
        Ok((session, queue_urls))
    };
    let (often, often_urls) = filled("1")?;
    let (never, never_urls) = filled("1000000")?;
    let seen = CheckpointsSeen::watch(&often.directory)?;
    let often = Side { name: "checkpoints all the time", session: &often, queue_urls: &often_urls };
    let never = Side { name: "no checkpoints", session: &never, queue_urls: &never_urls };
    let row = |batch| {
        let before = seen.count();
        let pair = alternate(args, batch, &often, &never)?;
        let count = seen.count() - before;
        let what = format!(
            "throughput during checkpoints ({count} of them) against none, {} jobs waiting, {}",
            args.jobs,
            calls(batch)
        );
        Ok(pair.row(&what, 85.0, 95.0))
    };
    [1, 10].into_iter().map(row).collect()
}
