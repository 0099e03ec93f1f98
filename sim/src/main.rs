//! Runs seeds: `cargo run --release -p evenkeel-sim -- --seed 0 --seeds 1000`.
#![expect(clippy::print_stdout, reason = "a command line speaks on standard output")]

use clap::Parser;
use evenkeel_sim::{Failure, present_seed, run, run_cluster, run_dying_after, run_without_dying};
use std::{
    fmt::Display,
    ops::{AddAssign, Range},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// With so many clusters, by far, everything happens that is simulated.
const ENOUGH: u64 = 500;

/// Simulates the whole server under faults, each seed twice, and checks its promises.
#[derive(Debug, Parser)]
#[command(name = "evenkeel-sim", max_term_width = 100)]
struct Args {
    /// The first seed [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds [default: 1 with --verbose or --seed alone, else 1000].
    #[arg(long)]
    seeds: Option<u64>,
    /// How many run at the same time.
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// Run each seed once instead of twice.
    #[arg(long)]
    once: bool,
    /// Print everything that happens.
    #[arg(long)]
    verbose: bool,
    /// Instead of chance: a short day of the first seed, on a disk that dies after 0, 1, ... so many operations
    /// [default: at each].
    #[arg(long, num_args = 0..=1, default_missing_value = "18446744073709551615")]
    boundaries: Option<u64>,
    /// Clusters of three and five nodes instead of a single one.
    #[arg(long, conflicts_with = "boundaries")]
    cluster: bool,
    /// Go on after a failure and report all of them.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let default_hook = std::panic::take_hook();
    let kind = if args.cluster { " --cluster" } else { "" };
    std::panic::set_hook(Box::new(move |info| {
        eprintln!("seed {} panics; show it with{kind} --seed {} --verbose", present_seed(), present_seed());
        default_hook(info);
    }));
    let alone = args.verbose || args.seed.is_some();
    let seeds = args.seeds.unwrap_or(if alone { 1 } else { 1_000 });
    let seed = args.seed.unwrap_or(0);
    let twice = !args.once && !args.verbose;
    let all = seed..seed.saturating_add(seeds);
    if args.cluster {
        return run_all(
            &args,
            all,
            |seed| run_cluster(seed, twice, args.verbose),
            |counts| {
                if seeds < ENOUGH { Vec::new() } else { counts.never() }
            },
        );
    }
    let Some(most) = args.boundaries else {
        return run_all(&args, all, |seed| run(seed, twice, args.verbose), |_| Vec::new());
    };
    let there = match run_without_dying(seed, args.verbose) {
        Ok(counts) => counts.boundaries,
        Err(failure) => {
            tell(&failure, kind);
            return ExitCode::FAILURE;
        }
    };
    println!("The day has {} operations:\n{there}", there.total());
    run_all(&args, 0..most.min(there.total()), |number| run_dying_after(seed, number, args.verbose), |_| Vec::new())
}

/// Runs each of these, several at the same time, and tells what came of it. `never` says what should have happened and did not.
fn run_all<C: Default + AddAssign + Display + Send>(
    args: &Args,
    numbers: Range<u64>,
    run: impl Fn(u64) -> Result<C, Box<Failure>> + Sync,
    never: impl Fn(&C) -> Vec<&'static str>,
) -> ExitCode {
    let started = Instant::now();
    let kind = if args.cluster { " --cluster" } else { "" };
    let next = AtomicU64::new(numbers.start);
    let total = Mutex::new((C::default(), Vec::<Failure>::new()));
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    let result = run(number);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(counts) => total.0 += counts,
                        Err(failure) => {
                            tell(&failure, kind);
                            total.1.push(*failure);
                            if !args.keep_going {
                                next.store(numbers.end, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    let (counts, failures) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{counts}");
    println!("{:.1} s", started.elapsed().as_secs_f64());
    let never = never(&counts);
    if failures.is_empty() && never.is_empty() {
        return ExitCode::SUCCESS;
    }
    if failures.is_empty() {
        println!("The seeds prove less than they should. In none of them there were any:");
        never.iter().for_each(|words| println!("  {words}"));
        return ExitCode::FAILURE;
    }
    println!("{} seeds failed:", failures.len());
    for failure in &failures {
        println!("  seed {}: {}", failure.seed, failure.broken);
    }
    ExitCode::FAILURE
}

fn tell(failure: &Failure, kind: &str) {
    for line in &failure.last {
        println!("{line}");
    }
    println!("seed {} failed: {}", failure.seed, failure.broken);
    println!("show it again with: cargo run --release -p evenkeel-sim --{kind} --seed {} --verbose", failure.seed);
    println!();
}
