//! `evenkeel-bench`: see `--help`.
#![allow(clippy::print_stdout, reason = "a tool for the command line: its output is its result")]

use clap::Parser as _;
use evenkeel_bench::cli::{Cli, Command};
use evenkeel_bench::session::Session;
use evenkeel_bench::workload::{all, cycle, fairness, groups, latency};
use evenkeel_bench::{depth, machine, mock, nodes};

fn main() -> anyhow::Result<()> {
    let Cli { common, command } = Cli::parse();
    if let Command::Serve(args) = &command {
        return mock::serve(args, common.data_dir.as_deref());
    }
    println!("{}", machine::describe());
    let session = || Session::open(&common);
    match &command {
        Command::Cycle(args) => cycle::run(&mut session()?, args).map(|_| ()),
        Command::Latency(args) => latency::run(&mut session()?, args).map(|_| ()),
        Command::Fairness(args) => fairness::run(&mut session()?, args).map(|_| ()),
        Command::Groups(args) => groups::run(&mut session()?, args).map(|_| ()),
        Command::All(args) => put(&all::run(&common, args)?, args.out.as_deref()),
        Command::Depth(args) => put(&depth::run(&common, args)?, args.out.as_deref()),
        Command::Nodes(args) => put(&nodes::run(&common, args)?, args.out.as_deref()),
        Command::Serve(_) => Ok(()),
    }
}

fn put(table: &str, out: Option<&std::path::Path>) -> anyhow::Result<()> {
    println!("\n{table}");
    if let Some(out) = out {
        std::fs::write(out, table)?;
    }
    Ok(())
}
