//! `cargo xtask test`: everything, in the order in which a mistake is most likely to show.
//!
//! Two builds serve all of it: the release build (the server, the simulator) and the tests' own. More profiles would
//! each cost minutes.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use crate::{chaos, faults, kill, newcomer, prerequisites, sim};
use std::time::Duration;

/// How much of what could go on for ever.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// Simulated seeds.
    pub(crate) seeds: u32,
    /// Simulated clusters.
    pub(crate) clusters: u32,
    /// Kills of the real server.
    pub(crate) kills: u32,
    /// For how long three nodes suffer faults in network namespaces, in seconds.
    pub(crate) chaos_seconds: u64,
    /// Idle connections to the real server; a tenth as many that read nothing.
    pub(crate) connections: u32,
    /// How long one step may take before it has hung.
    pub(crate) step: Duration,
}

/// As the README promises.
pub(crate) const FULL: Budget = Budget {
    seeds: 1_000,
    clusters: 1_000,
    kills: 20,
    chaos_seconds: 300,
    connections: 10_000,
    step: Duration::from_secs(7_200),
};
/// Enough to notice what a change broke.
pub(crate) const SMALL: Budget = Budget {
    seeds: 200,
    clusters: 100,
    kills: 5,
    chaos_seconds: 60,
    connections: 1_000,
    step: Duration::from_secs(1_800),
};

pub(crate) fn run(steps: &mut Steps, budget: Budget) -> anyhow::Result<()> {
    let workspace = Workspace::read()?;
    steps.limit(budget.step);
    prerequisites::python(steps)?;
    prerequisites::browser(steps);
    prerequisites::haproxy(steps);
    build_server(steps)?;
    steps.run("unit, model and crash tests", &mut cargo(&["test", "--workspace", "--exclude", "evenkeel-tests"]))?;
    steps.run(
        "the server from outside, with real clients too",
        cargo(&["test", "--package", "evenkeel-tests", "--no-fail-fast"])
            .env("EVENKEEL_BIN", workspace.release("evenkeel"))
            .env("EVENKEEL_KILL_ROUNDS", kill::ROUNDS_SHORT.to_string())
            .env("EVENKEEL_CONNECTIONS", budget.connections.to_string()),
    )?;
    chaos::namespaces(steps, budget.chaos_seconds, None)?;
    // Releases know nothing of poison, so that this has a binary of its own.
    let mut poison = cargo(&["test", "--package", "evenkeel-tests", "--test", "poison"]);
    steps.run("an entry that cannot be applied", poison.env_remove("EVENKEEL_BIN"))?;
    newcomer::run(steps)?;
    if budget.kills > kill::ROUNDS_SHORT {
        kill::run(steps, &kill::Args { rounds: budget.kills, seed: None })?;
    }
    sim::run(steps, &sim::Args::seeds(budget.seeds))?;
    sim::run(steps, &sim::Args::clusters(budget.clusters))?;
    faults::run(steps)
}

/// Builds the server for release.
pub(crate) fn build_server(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("build the server", &mut cargo(&["build", "--release", "--package", "evenkeel"]))
}
