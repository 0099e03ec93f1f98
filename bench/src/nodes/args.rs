//! The command line of `nodes`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

use crate::limits::SECONDS_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Batches of ten through the leader, and through a node that passes them on.
    Throughput,
    /// An empty node joins two that hold --jobs.
    Join,
    All,
}

#[derive(Args)]
pub struct NodesArgs {
    /// What to measure.
    #[arg(required = true, value_enum, value_name = "PART")]
    pub parts: Vec<Part>,
    /// Also write the table here.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Jobs waiting when a node joins.
    #[arg(long, default_value_t = 1_000_000)]
    pub jobs: usize,
    /// Groups that they are spread over in turn, and that throughput's jobs are of.
    #[arg(long, default_value_t = 1_000)]
    pub groups: usize,
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u64).range(0..=SECONDS_MAX))]
    pub warmup: u64,
    /// Runs of each kind, alternating, of which the median counts.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// Jobs a second while a node joins and before: a send, a receive and a delete each, at set times.
    #[arg(long, default_value_t = 300)]
    pub latency_jobs: u64,
}

impl NodesArgs {
    pub fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part) || self.parts.contains(&Part::All)
    }
}
