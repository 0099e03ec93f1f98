//! `cargo xtask kill`: many rounds of kill -9 on the release build.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use crate::test;

/// What every test run does anyway.
pub(crate) const ROUNDS_SHORT: u32 = 5;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many times the server is killed.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) rounds: u32,
    /// For the same choices again.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    test::build_server(steps)?;
    let mut kill = cargo(&["test", "--package", "evenkeel-tests", "--test", "kill_nine", "--", "--nocapture"]);
    kill.env("EVENKEEL_BIN", Workspace::read()?.release("evenkeel"));
    kill.env("EVENKEEL_KILL_ROUNDS", args.rounds.to_string());
    if let Some(seed) = args.seed {
        kill.env("EVENKEEL_KILL_SEED", seed.to_string());
    }
    steps.run("kill -9", &mut kill)
}
