//! `cargo xtask chaos`: three nodes of the release build under load, to which things happen. Their leader is killed with -9 or hands over, and they are restarted one after the
//! other, again and again, as processes of this machine; then each gets a network namespace of its own, and random faults for some minutes.
//! Under clients of our own that count, and under boto3 as everybody has it, also behind HAProxy.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use crate::{prerequisites, test};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many times the leader is killed.
    #[arg(long, value_name = "N", default_value_t = 50)]
    kills: u32,
    /// How many times it hands over.
    #[arg(long, value_name = "N", default_value_t = 50)]
    handovers: u32,
    /// How many times all three are restarted under boto3, and half as many times the leader is killed behind HAProxy.
    #[arg(long, value_name = "N", default_value_t = 5)]
    restarts: u32,
    /// For how long nodes in network namespaces suffer random faults.
    #[arg(long, value_name = "N", default_value_t = 5)]
    minutes: u32,
    /// Which faults: a failed run prints its seed. Any, if it is not given.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// How long nothing may be acknowledged after a kill, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    kill_gap_ms_max: u32,
    /// How long nothing may be acknowledged when the leader hands over, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    handover_gap_ms_max: u32,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    test::build_server(steps)?;
    prerequisites::python(steps)?;
    leaders(steps, args)?;
    if args.restarts > 0 {
        prerequisites::haproxy(steps);
        let mut rolling = outside("rolling", "rolling")?;
        rolling.env("EVENKEEL_ROLLING_RESTARTS", args.restarts.to_string());
        rolling.env("EVENKEEL_ROLLING_KILLS", args.restarts.div_ceil(2).to_string());
        steps.run("rolling restarts under boto3", &mut rolling)?;
    }
    if args.minutes > 0 {
        namespaces(steps, u64::from(args.minutes) * 60, args.seed)?;
    }
    Ok(())
}

/// Random faults among nodes in network namespaces; where those may not be made, a line says so.
pub(crate) fn namespaces(steps: &mut Steps, seconds: u64, seed: Option<u64>) -> anyhow::Result<()> {
    prerequisites::iproute(steps);
    let mut chaos = outside("chaos", "nothing_acknowledged_is_lost")?;
    chaos.arg("--ignored");
    chaos.env("EVENKEEL_CHAOS_SECONDS", seconds.to_string());
    if let Some(seed) = seed {
        chaos.env("EVENKEEL_CHAOS_SEED", seed.to_string());
    }
    steps.run("random faults among nodes in network namespaces", &mut chaos)
}

fn leaders(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    let tests = [
        ("kills of the leader", args.kills, "no_acknowledged_job_is_lost_or_doubled_when_leaders_are_killed"),
        ("hand-overs", args.handovers, "a_hand_over_under_load_loses_nothing"),
    ];
    for (name, _, test) in tests.into_iter().filter(|(_, count, _)| *count > 0) {
        let mut chaos = outside("cluster", test)?;
        chaos.env("EVENKEEL_CLUSTER_KILLS", args.kills.to_string());
        chaos.env("EVENKEEL_CLUSTER_HANDOVERS", args.handovers.to_string());
        chaos.env("EVENKEEL_CLUSTER_KILL_GAP_MS_MAX", args.kill_gap_ms_max.to_string());
        chaos.env("EVENKEEL_CLUSTER_HANDOVER_GAP_MS_MAX", args.handover_gap_ms_max.to_string());
        steps.run(name, &mut chaos)?;
    }
    Ok(())
}

/// Those tests of the release build from outside.
fn outside(target: &str, tests: &str) -> anyhow::Result<Command> {
    let mut command = cargo(&["test", "--package", "evenkeel-tests", "--test", target, "--", "--nocapture", tests]);
    command.env("EVENKEEL_BIN", Workspace::read()?.release("evenkeel"));
    Ok(command)
}
