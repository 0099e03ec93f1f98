//! `cargo xtask chaos`: three nodes of the release build under load, whose leader is killed with -9 or hands over, or that are restarted one after the other, again
//! and again: under clients of our own that count, and under boto3 as everybody has it, also behind HAProxy.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use crate::{prerequisites, test};

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
    /// How long nothing may be acknowledged after a kill, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    kill_gap_ms_max: u32,
    /// How long nothing may be acknowledged when the leader hands over, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    handover_gap_ms_max: u32,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    test::build_server(steps)?;
    let tests = [
        ("kills of the leader", "no_acknowledged_job_is_lost_or_doubled_when_leaders_are_killed"),
        ("hand-overs", "a_hand_over_under_load_loses_nothing"),
    ];
    for (name, test) in tests {
        let mut chaos = cargo(&["test", "--package", "evenkeel-tests", "--test", "cluster", "--", "--nocapture", test]);
        chaos.env("EVENKEEL_BIN", Workspace::read()?.release("evenkeel"));
        chaos.env("EVENKEEL_CLUSTER_KILLS", args.kills.to_string());
        chaos.env("EVENKEEL_CLUSTER_HANDOVERS", args.handovers.to_string());
        chaos.env("EVENKEEL_CLUSTER_KILL_GAP_MS_MAX", args.kill_gap_ms_max.to_string());
        chaos.env("EVENKEEL_CLUSTER_HANDOVER_GAP_MS_MAX", args.handover_gap_ms_max.to_string());
        steps.run(name, &mut chaos)?;
    }
    prerequisites::python(steps)?;
    prerequisites::haproxy(steps);
    let mut rolling =
        cargo(&["test", "--package", "evenkeel-tests", "--test", "rolling", "--", "--nocapture", "rolling"]);
    rolling.env("EVENKEEL_BIN", Workspace::read()?.release("evenkeel"));
    rolling.env("EVENKEEL_ROLLING_RESTARTS", args.restarts.to_string());
    rolling.env("EVENKEEL_ROLLING_KILLS", args.restarts.div_ceil(2).to_string());
    steps.run("rolling restarts under boto3", &mut rolling)
}
