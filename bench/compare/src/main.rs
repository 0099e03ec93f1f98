//! Evenkeel beside other servers on the same work, in one run on one machine: see `--help`.
//!
//! Each is loaded by one thread with as little client work as its protocol allows, with the same bodies, tenants and
//! connections, and is given the number of connections with which it is fastest. Rounds alternate, and medians count.

mod conversation;
mod evenkeel;
mod fleet;
mod measure;
mod process;
mod report;
mod rival;
mod wire;

use crate::{evenkeel::Evenkeel, measure::Scale, report::Row, rival::Rival};
use anyhow::{Context as _, ensure};
use clap::Parser;
use evenkeel_bench::{machine, stats::median};
use std::path::{Path, PathBuf};

/// Compares Evenkeel with Redis, RabbitMQ and beanstalkd from the distribution's packages, all on this machine.
///
/// A job is the full cycle: sent, received, acknowledged. Bodies have 1 KiB, tenants take turns where there are any.
/// What is not installed is left out and said so: apt-get install redis-server rabbitmq-server beanstalkd
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Evenkeel's program.
    #[arg(long, value_name = "PATH")]
    server: PathBuf,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Numbers of connections to try.
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    connections: Vec<usize>,
    /// Jobs that wait, for memory and the crash; 0 leaves that out.
    #[arg(long, default_value_t = 1_000_000)]
    waiting: u64,
    /// Where the servers keep their data meanwhile.
    #[arg(long, value_name = "DIR", default_value = "target/compare")]
    data_dir: PathBuf,
    /// Writes the table here too, between the lines `<!-- compare -->` and `<!-- /compare -->` if the file has them.
    #[arg(long, value_name = "FILE")]
    table: Vec<PathBuf>,
    /// Draws the throughput here.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const BODY_BYTES: usize = 1_024;
const GROUPS: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ensure!(args.rounds > 0 && !args.connections.is_empty(), "--rounds and --connections: at least one");
    let about = machine::describe();
    println!("{about}");
    std::fs::create_dir_all(&args.data_dir)?;
    let mut rows = vec![Row::new("Evenkeel", env!("CARGO_PKG_VERSION"), "yes", true)];
    let mut rivals = Vec::new();
    for rival in Rival::ALL {
        match rival.find() {
            Some((program, version)) => {
                rows.push(Row::new(rival.name(), &version, rival.durable(), rival.is_fair()));
                rivals.push((rival, program));
            }
            None => println!("{} is not installed, and left out", rival.name()),
        }
    }
    let mut samples = vec![Samples::default(); rows.len()];
    for round in 1..=args.rounds {
        println!("\n== round {round} of {}", args.rounds);
        for &connections in &args.connections {
            let scale = scale(&args, connections);
            let mut ours = Evenkeel::start(&args.server, args.data_dir.clone())?;
            let ours = [ours.cycles(&scale, 1)?, ours.cycles(&scale, 10)?];
            note(&mut samples, 0, connections, ours);
            for (at, (rival, program)) in rivals.iter().enumerate() {
                let theirs = throughput(*rival, program, &args, &scale).with_context(|| rival.name())?;
                println!(
                    "{}, {connections} connections: {:.0} jobs/s, batches {:.0}",
                    rival.name(),
                    theirs[0],
                    theirs[1]
                );
                note(&mut samples, at + 1, connections, theirs);
            }
        }
    }
    for (row, samples) in rows.iter_mut().zip(&samples) {
        row.single = samples.best(0);
        row.batch = samples.best(1);
    }
    println!("\n== a quiet tenant, and {} jobs waiting", args.waiting);
    let most = args.connections.iter().copied().max().unwrap_or(64);
    deep(&args, &scale(&args, most), &rivals, &mut rows)?;

    let table = report::markdown(&about, &rows, args.waiting);
    println!("\n{table}");
    for file in &args.table {
        report::put(file, &table)?;
    }
    if let Some(svg) = &args.svg {
        std::fs::write(svg, report::svg(&rows))?;
    }
    _ = std::fs::remove_dir_all(&args.data_dir);
    Ok(())
}

fn scale(args: &Args, connections: usize) -> Scale {
    Scale { seconds: args.seconds, warmup: 1, connections, body: BODY_BYTES, groups: GROUPS }
}

/// Jobs a second by single calls and by batches of ten, of each round and number of connections.
#[derive(Clone, Debug, Default)]
struct Samples(Vec<(usize, [f64; 2])>);

impl Samples {
    /// The median of its best number of connections.
    fn best(&self, mode: usize) -> f64 {
        let of = |connections: usize| {
            let figures = self.0.iter().filter(|(with, _)| *with == connections);
            median(&figures.filter_map(|(_, figures)| figures.get(mode).copied()).collect::<Vec<_>>())
        };
        self.0.iter().map(|(connections, _)| of(*connections)).fold(0.0, f64::max)
    }
}

fn note(samples: &mut [Samples], at: usize, connections: usize, figures: [f64; 2]) {
    if let Some(samples) = samples.get_mut(at) {
        samples.0.push((connections, figures));
    }
}

fn folder(args: &Args, name: &str) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(&args.data_dir)?.join(name);
    _ = std::fs::remove_dir_all(&folder);
    Ok(folder)
}

fn throughput(rival: Rival, program: &Path, args: &Args, scale: &Scale) -> anyhow::Result<[f64; 2]> {
    let running = rival.start(program, &folder(args, "rival")?, None)?;
    measure::prepare(rival, &running, scale)?;
    Ok([measure::cycles(rival, &running, scale, 1)?, measure::cycles(rival, &running, scale, 10)?])
}

fn deep(args: &Args, scale: &Scale, rivals: &[(Rival, PathBuf)], rows: &mut [Row]) -> anyhow::Result<()> {
    let (ours, theirs) = rows.split_first_mut().context("a row for each")?;
    let mut evenkeel = Evenkeel::start(&args.server, args.data_dir.clone())?;
    ours.quiet = Some(evenkeel.quiet_waits()?);
    if args.waiting > 0 {
        let queue = evenkeel.fill(scale, usize::try_from(args.waiting)?)?;
        std::thread::sleep(std::time::Duration::from_secs(5));
        ours.memory = Some(evenkeel.memory()?);
        ours.restart = Some(evenkeel.first_job_after_crash(&queue)?);
    }
    drop(evenkeel);
    for ((rival, program), row) in rivals.iter().zip(theirs) {
        let folder = folder(args, "rival")?;
        let running = rival.start(program, &folder, None)?;
        measure::prepare(*rival, &running, scale)?;
        row.quiet = Some(measure::quiet_waits(*rival, &running, scale).with_context(|| rival.name())?);
        drop(running);
        if args.waiting > 0 {
            _ = std::fs::remove_dir_all(&folder);
            let mut running = rival.start(program, &folder, None)?;
            measure::prepare(*rival, &running, scale)?;
            measure::fill(*rival, &running, scale, args.waiting, b'n', None).with_context(|| rival.name())?;
            std::thread::sleep(std::time::Duration::from_secs(5));
            row.memory = Some(measure::memory(&running)?);
            let address = running.address;
            running.kill()?;
            drop(running);
            let running = rival.start(program, &folder, Some(address))?;
            row.restart = Some(measure::first_job(*rival, &running, scale).with_context(|| rival.name())?);
        }
        println!("{}: done", rival.name());
    }
    Ok(())
}
