//! `cargo xtask bench`: the load generator against the server, both built for release.

use crate::packages::Workspace;
use crate::prerequisites;
use crate::steps::{Steps, cargo};
use crate::test;
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to give to `evenkeel-bench` [default: all]; `cargo xtask bench -- --help` lists it,
    /// `cargo xtask bench -- depth all` measures what ten million waiting jobs cost, and `cargo xtask bench compare`
    /// runs Redis, RabbitMQ and beanstalkd beside it (`cargo xtask bench compare --help`).
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    test::build_server(steps)?;
    if let Some(("compare", arguments)) = args.arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return compare(steps, arguments);
    }
    steps.run("build the load generator", &mut cargo(&["build", "--release", "--package", "evenkeel-bench"]))?;
    let workspace = Workspace::read()?;
    let mut bench = Command::new(workspace.release("evenkeel-bench"));
    bench.current_dir(crate::packages::workspace());
    if args.arguments.is_empty() {
        bench.arg("all");
    }
    steps.run("measure", bench.args(&args.arguments))
}

/// Other servers beside it. What they need is in a crate that nobody else builds; its table goes into the README and
/// its picture into docs/, unless arguments say otherwise.
fn compare(steps: &mut Steps, arguments: &[String]) -> anyhow::Result<()> {
    let folder = crate::packages::workspace();
    let crate_folder = folder.join("bench/compare");
    prerequisites::rivals(steps)?;
    steps.run("build the comparison", cargo(&["build", "--release"]).current_dir(&crate_folder))?;
    let mut compare = Command::new(crate_folder.join("target/release/evenkeel-compare"));
    compare.current_dir(folder).arg("--server").arg(Workspace::read()?.release("evenkeel"));
    if arguments.is_empty() {
        compare.args(["--table", "README.md", "--svg", "docs/compare.svg"]);
    }
    steps.run("measure", compare.args(arguments))
}
