//! `evenkeel`: the one binary.
#![expect(clippy::print_stdout, reason = "a command line speaks on standard output")]

mod check;
mod client;
mod cluster;
mod config;
mod credentials;
mod demo;
mod descriptors;
mod dev_cluster;
mod holder;
mod http;
mod identity;
mod inherited;
mod pages;
mod private_file;
mod screen;
mod sealing;
mod seen;
mod serve;
mod stop;
mod stumble;
mod table;
mod text;
mod tools;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Requests allocate on one thread and free on another; see docs/performance.md for what this is worth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A fair, durable dispatch engine for jobs and messages.
///
/// Many tenants' work, each in its fair turn, each job to one worker, and nothing that was acknowledged is lost. It speaks Amazon SQS: any SQS
/// client works once its endpoint leads here.
#[derive(Debug, Parser)]
#[command(
    name = "evenkeel",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "\
Five minutes:
  evenkeel demo                                 see a noisy tenant beside quiet ones
  evenkeel serve --dev                          a server on this machine; prints what to paste
  evenkeel queues create work
  evenkeel send work 'hello' --group tenant-a   the group is the tenant whose turn it waits for
  evenkeel receive work --delete
  evenkeel queues

`evenkeel COMMAND --help` says more, with examples."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: SQS over HTTP, data in one folder.
    Serve(config::ServeArgs),
    #[command(flatten)]
    Tool(tools::Tool),
    Demo(demo::DemoArgs),
    Check(check::CheckArgs),
    Completions(pages::CompletionsArgs),
    Man(pages::ManArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => args.resolve().and_then(serve::serve),
        Command::Tool(tool) => tools::run(tool),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => return check::check(&args),
        Command::Completions(args) => pages::completions(&args, Cli::command()),
        Command::Man(args) => pages::man(&args, Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if tools::is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evenkeel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
