//! `cargo xtask sim`: the simulator, built for release.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first seed; alone it is also the only one.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many seeds, one after the other [default: 1000, or 1 with --seed].
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Clusters of three and five nodes instead of a single one.
    #[arg(long)]
    cluster: bool,
    /// Show everything that happens.
    #[arg(long)]
    verbose: bool,
}

impl Args {
    /// So many seeds of a single node.
    pub(crate) fn seeds(count: u32) -> Self {
        Self { seed: None, seeds: Some(count), cluster: false, verbose: false }
    }

    /// So many clusters.
    pub(crate) fn clusters(count: u32) -> Self {
        Self { cluster: true, ..Self::seeds(count) }
    }
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    let seeds = args.seeds.unwrap_or_else(|| if args.seed.is_some() { 1 } else { 1_000 });
    steps.run("build the simulator", &mut cargo(&["build", "--release", "--package", "evenkeel-sim"]))?;
    let mut sim = Command::new(Workspace::read()?.release("evenkeel-sim"));
    sim.args(["--seed", &args.seed.unwrap_or(0).to_string(), "--seeds", &seeds.to_string()]);
    if args.cluster {
        sim.arg("--cluster");
    }
    if args.verbose {
        sim.arg("--verbose");
    }
    steps.run(if args.cluster { "simulate clusters" } else { "simulate" }, &mut sim)
}
