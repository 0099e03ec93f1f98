//! `evenkeel`: the one binary.
#![expect(clippy::print_stdout, reason = "a command line speaks on standard output")]

mod check;
mod config;
mod credentials;
mod descriptors;
mod http;
mod identity;
mod serve;

use clap::{Parser, Subcommand};

/// Requests allocate on one thread and free on another; see docs/performance.md for what this is worth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A fair, durable dispatch engine for jobs and messages.
///
/// Start a server with `evenkeel serve`, then point any Amazon SQS client at it: set its endpoint to
/// http://127.0.0.1:9324 and its access key to the one that the first start prints.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: SQS over HTTP, data in one folder.
    Serve(config::ServeArgs),
    Check(check::CheckArgs),
}

fn main() -> std::process::ExitCode {
    let args = match Cli::parse().command {
        Command::Serve(args) => args,
        Command::Check(args) => return check::check(&args),
    };
    match args.resolve().and_then(serve::serve) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evenkeel: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
