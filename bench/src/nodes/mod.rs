//! Several nodes that hold the same data, all on this machine: what their majority costs, and a node that joins.

pub mod args;
mod cluster;
mod joining;
mod throughput;

use crate::cli::Common;
use crate::limits::ROOM_BYTES;
use crate::machine;
use crate::report::markdown;
use crate::storage::ensure_room;
use args::{NodesArgs, Part};

/// Runs the parts asked for and returns their figures as Markdown.
///
/// # Errors
/// If one cannot go on; the servers are stopped and their data is removed.
pub fn run(common: &Common, args: &NodesArgs) -> anyhow::Result<String> {
    anyhow::ensure!(common.endpoint.is_none(), "nodes starts servers of its own; it takes no --endpoint");
    anyhow::ensure!(args.runs > 0, "--runs: at least 1");
    ensure_room(&common.data_parent(), 3 * (ROOM_BYTES + 2_500 * u64::try_from(args.jobs)?))?;
    let mut rows = Vec::new();
    if args.wants(Part::Throughput) {
        println!("\n== three nodes");
        rows.append(&mut throughput::run(common, args)?);
    }
    if args.wants(Part::Join) {
        println!("\n== an empty node joins beside {} jobs", args.jobs);
        rows.append(&mut joining::run(common, args)?);
    }
    Ok(format!("```text\n{}\n```\n\n{}", machine::describe(), markdown(&rows)))
}
