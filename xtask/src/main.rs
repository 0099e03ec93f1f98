//! `cargo xtask`: the one tool for working on the project. What CI runs, anyone can run.
//!
//! Each command is a few [`steps`](steps), most of them another `cargo`; children speak for themselves, and a step
//! that fails says how to run it alone. Nothing here is needed to build or use the server.

mod bench;
mod chaos;
mod ci;
mod descendants;
mod dist;
mod faults;
mod fuzz;
mod kill;
mod newcomer;
mod packages;
mod prerequisites;
mod sim;
mod steps;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use steps::Steps;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Builds, tests, simulates and measures Evenkeel")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that the project can check about itself; installs what it needs.
    Test,
    /// What a change must pass: format, lints, tidy, and all tests with small budgets.
    Ci,
    /// Simulate the whole server under faults, one seed or many.
    Sim(sim::Args),
    /// Put deliberate defects into the code, one by one, and see that the tests notice.
    Faults,
    /// Feed the parsers and formats with what they do not expect (cargo-fuzz).
    Fuzz(fuzz::Args),
    /// Kill the real server under load, again and again, and account for every job.
    Kill(kill::Args),
    /// Kill, restart, pause, cut off and fill up three real nodes under load; measure the gaps and account for every job.
    Chaos(chaos::Args),
    /// Walk the README's path from a fresh clone, timed apart from compiling.
    Newcomer,
    /// Measure the real server beside its load on this machine.
    Bench(bench::Args),
    /// Build the static release binary with its man pages and completions; say its size and how fast it starts.
    Dist,
    /// Check the rules of the house that no compiler checks.
    Tidy,
}

fn main() -> std::process::ExitCode {
    let mut steps = Steps::default();
    let done = match Cli::parse().command {
        Command::Test => test::run(&mut steps, test::FULL),
        Command::Ci => ci::run(&mut steps),
        Command::Sim(args) => sim::run(&mut steps, &args),
        Command::Faults => faults::run(&mut steps),
        Command::Fuzz(args) => fuzz::run(&mut steps, &args),
        Command::Kill(args) => kill::run(&mut steps, &args),
        Command::Chaos(args) => chaos::run(&mut steps, &args),
        Command::Newcomer => newcomer::run(&mut steps),
        Command::Bench(args) => bench::run(&mut steps, &args),
        Command::Dist => dist::run(&mut steps),
        Command::Tidy => tidy::run(),
    };
    steps.report(&done);
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
