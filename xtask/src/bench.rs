//! `cargo xtask bench`: the load generator against the server, both built for release.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};
use crate::test;
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to give to `evenkeel-bench` [default: all]; `cargo xtask bench -- --help` lists it, and
    /// `cargo xtask bench -- depth all` measures what ten million waiting jobs cost.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    test::build_server(steps)?;
    steps.run("build the load generator", &mut cargo(&["build", "--release", "--package", "evenkeel-bench"]))?;
    let workspace = Workspace::read()?;
    let mut bench = Command::new(workspace.release("evenkeel-bench"));
    bench.current_dir(crate::packages::workspace());
    if args.arguments.is_empty() {
        bench.arg("all");
    }
    steps.run("measure", bench.args(&args.arguments))
}
