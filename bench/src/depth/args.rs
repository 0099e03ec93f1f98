//! The command line of `depth`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

use crate::limits::{BODY_BYTES, SECONDS_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Memory with --jobs waiting.
    Memory,
    /// Time from a new process to the first job after kill -9: --jobs with a warm page cache, --jobs-deep with a cold one.
    Restart,
    /// The longest time that the server's engine was busy, over a fill of --jobs-deep and their purge.
    Gaps,
    /// Throughput with --jobs-deep waiting against an empty server.
    Backlog,
    /// Throughput over --queues against one queue.
    Queues,
    /// Throughput while checkpoints run all the time against none.
    Checkpoint,
    All,
}

#[derive(Args)]
pub struct DepthArgs {
    /// What to measure; several share their servers where they can.
    #[arg(required = true, value_enum, value_name = "PART")]
    pub parts: Vec<Part>,
    /// Also write the table here.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Jobs waiting: memory, warm restart, checkpoint.
    #[arg(long, default_value_t = 1_000_000, value_parser = parse_jobs)]
    pub jobs: usize,
    /// Jobs waiting: cold restart, gaps, backlog.
    #[arg(long, default_value_t = 10_000_000, value_parser = parse_jobs)]
    pub jobs_deep: usize,
    /// Groups that they are spread over in turn.
    #[arg(long, default_value_t = 1_000)]
    pub groups: usize,
    /// Bytes of a job's body.
    #[arg(long, default_value_t = BODY_BYTES, value_parser = parse_body)]
    pub body: usize,
    /// Queues of the queues part.
    #[arg(long, default_value_t = 100_000)]
    pub queues: usize,
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    /// Also how long a server is left alone between runs.
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
    /// Runs of each kind, alternating, of which the median counts.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// Restarts with a warm page cache, of which the median counts.
    #[arg(long, default_value_t = 5)]
    pub restarts: usize,
    /// Restarts with a cold page cache, of which the median counts; needs root. 0 for none.
    #[arg(long, default_value_t = 5)]
    pub restarts_cold: usize,
    /// Seconds after a fill before memory is read.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub settle: u64,
    /// Seconds of light load around and after the purge.
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub purge_seconds: u64,
}

impl DepthArgs {
    pub fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part) || self.parts.contains(&Part::All)
    }
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1_000_000_000) => Ok(jobs),
        _ => Err("1 to 1000000000".to_owned()),
    }
}

fn parse_body(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ 18..=65_536) => Ok(bytes),
        _ => Err("18 to 65536".to_owned()),
    }
}
