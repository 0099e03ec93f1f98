//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::depth::args::DepthArgs;
use crate::limits::SECONDS_MAX;
use crate::nodes::args::NodesArgs;

/// Loads an SQS endpoint on this machine and says how fast, how late, how fair, and at what cost.
///
/// By itself it starts `evenkeel serve` on a free loopback port with empty data in a temporary folder, loads it over
/// AWS JSON 1.0 with signed requests, and stops it. With --endpoint it loads a server that runs already.
///
/// Reading the figures: latencies count from the time a call was meant to be sent to its whole answer. "server CPU" is
/// user and system time per request, also by thread, and needs a pid. "disk sync" is the yardstick: what 4 KiB and an
/// fdatasync take on the same disk just before and beside the run; no durable server is faster than that.
///
/// Examples:
///
///   evenkeel-bench cycle                            256 connections, single calls, 3 runs of 10 s
///
///   evenkeel-bench cycle --batch 10 --groups 1000   batches over a thousand tenants
///
///   evenkeel-bench latency                          1,000 jobs/s at set times, 3,200 requests/s in all
///
///   evenkeel-bench fairness                         a quiet tenant behind noisy ones
///
///   evenkeel-bench all --out table.md               everything, against what must be reached
///
///   evenkeel-bench depth all                        what ten million waiting jobs cost; needs 32 GiB of disk
///
///   evenkeel-bench nodes all                        three nodes, and one that joins beside a million jobs
///
///   evenkeel-bench --endpoint http://127.0.0.1:9324 --access-key K --secret-key S --pid 1234 cycle
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Clone)]
pub struct Common {
    /// Load this server instead of starting one; loopback addresses only.
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint: Option<String>,
    /// Access key for --endpoint.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value = "test", global = true)]
    pub access_key: String,
    /// Secret key for --endpoint.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", default_value = "test", hide_env_values = true, global = true)]
    pub secret_key: String,
    /// Process of --endpoint whose CPU time is reported.
    #[arg(long, global = true)]
    pub pid: Option<u32>,
    /// The server's program [default: `evenkeel` beside this program].
    #[arg(long, value_name = "PATH", global = true)]
    pub server: Option<PathBuf>,
    /// An argument handed on to the server; may be repeated: `--server-arg=--sync --server-arg=off`.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, global = true)]
    pub server_arg: Vec<String>,
    /// Where the temporary folder with the server's data is made, and the disk probed [default: `target`].
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
}

impl Common {
    /// Where temporary folders are made.
    pub fn data_parent(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| PathBuf::from("target"))
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Closed loop: every connection sends, receives, deletes, and begins again. Shows throughput.
    Cycle(CycleArgs),
    /// Open loop: calls at set times, jobs and idle polls. Shows latency.
    Latency(LatencyArgs),
    /// How many jobs of others are served before a quiet tenant's first and tenth.
    Fairness(FairnessArgs),
    /// Throughput over very many groups against one group, in alternating runs.
    Groups(GroupsArgs),
    /// All of it, as one Markdown table.
    All(AllArgs),
    /// What millions of waiting jobs cost: memory, restarts, stalls, throughput. Figures as a Markdown table.
    Depth(DepthArgs),
    /// Three nodes that hold the same data: throughput, and a node that joins. Figures as a Markdown table.
    Nodes(NodesArgs),
    /// A stand-in for the server, in memory, for trying the tool itself.
    #[command(hide = true)]
    Serve(ServeArgs),
}

#[derive(Args)]
pub struct CycleArgs {
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
    /// Jobs per send, receive and delete.
    #[arg(long, default_value_t = 1, value_parser = parse_batch)]
    pub batch: usize,
    /// Tenants to choose from at random for each job; 0 for jobs without a group.
    #[arg(long, default_value_t = 0)]
    pub groups: usize,
    /// Jobs in the queue before the run, spread over the groups in turn.
    #[arg(long, default_value_t = 0)]
    pub prefill: usize,
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
    /// Runs, of which the median counts; each has a queue of its own.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
}

#[derive(Args)]
pub struct LatencyArgs {
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
    /// Jobs a second: a send, a receive and a delete each.
    #[arg(long, default_value_t = 1_000)]
    pub jobs: u64,
    /// Requests a second; what the jobs leave is made up of receives on empty queues.
    #[arg(long, default_value_t = 3_200)]
    pub rate_total: u64,
    /// Empty queues to poll in turn.
    #[arg(long, default_value_t = 16)]
    pub idle_queues: usize,
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
}

#[derive(Args)]
pub struct FairnessArgs {
    /// Jobs of the one noisy tenant.
    #[arg(long, default_value_t = 100_000)]
    pub backlog: usize,
    /// Tenants with a backlog each.
    #[arg(long, default_value_t = 10_000)]
    pub tenants: usize,
    /// Jobs of each of these.
    #[arg(long, default_value_t = 2)]
    pub jobs_each: usize,
}

#[derive(Args)]
pub struct GroupsArgs {
    /// Groups, with a job each before the run.
    #[arg(long, default_value_t = 1_000_000)]
    pub groups: usize,
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
    /// Jobs per send, receive and delete.
    #[arg(long, default_value_t = 1, value_parser = parse_batch)]
    pub batch: usize,
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
    /// Runs of each kind, alternating.
    #[arg(long, default_value_t = 2)]
    pub runs: usize,
}

#[derive(Args)]
pub struct AllArgs {
    /// Also write the table here.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// Jobs a second of the latency run.
    #[arg(long, default_value_t = 1_000)]
    pub latency_jobs: u64,
    /// Jobs of the one noisy tenant.
    #[arg(long, default_value_t = 100_000)]
    pub backlog: usize,
    /// Tenants with a backlog each.
    #[arg(long, default_value_t = 10_000)]
    pub tenants: usize,
    /// Groups of the groups run.
    #[arg(long, default_value_t = 1_000_000)]
    pub groups: usize,
}

/// As the server takes them, with `--data-dir` from the common ones.
#[derive(Args)]
pub struct ServeArgs {
    #[arg(long)]
    pub listen: SocketAddr,
    #[arg(long, env = "EVENKEEL_ROOT_ACCESS_KEY", default_value = "test")]
    pub root_access_key: String,
    #[arg(long, env = "EVENKEEL_ROOT_SECRET_KEY", default_value = "test", hide_env_values = true)]
    pub root_secret_key: String,
    /// Taken, and without effect.
    #[arg(long)]
    pub checkpoint_every_mib: Option<u32>,
}

fn parse_batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(batch @ 1..=10) => Ok(batch),
        _ => Err("1 to 10".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
