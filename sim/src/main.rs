//! Runs seeds: `cargo run --release -p evenkeel-sim -- --seed 0 --seeds 1000`.
#![expect(clippy::print_stdout, reason = "a command line speaks on standard output")]

use clap::Parser;
use evenkeel_sim::{
    Failure, counts::Counts, kinds::PerBoundary, present_seed, run, run_dying_after, run_without_dying,
};
use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

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
    /// Go on after a failure and report all of them.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        eprintln!("seed {} panics; show it with --seed {} --verbose", present_seed(), present_seed());
        default_hook(info);
    }));
    let alone = args.verbose || args.seed.is_some();
    let seeds = args.seeds.unwrap_or(if alone { 1 } else { 1_000 });
    let seed = args.seed.unwrap_or(0);
    let started = Instant::now();
    let first = if args.boundaries.is_some() { 0 } else { seed };
    let next = AtomicU64::new(first);
    let there = match args.boundaries.map(|_| run_without_dying(seed, args.verbose)) {
        Some(Ok(counts)) => counts.boundaries,
        Some(Err(failure)) => {
            tell(&failure);
            return ExitCode::FAILURE;
        }
        None => PerBoundary::default(),
    };
    if args.boundaries.is_some() {
        println!("The day has {} operations:\n{there}", there.total());
    }
    let end = first.saturating_add(args.boundaries.map_or(seeds, |most| most.min(there.total())));
    let total = Mutex::new((Counts::default(), Vec::<Failure>::new()));
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return;
                    }
                    let result = match args.boundaries {
                        Some(_) => run_dying_after(seed, number, args.verbose),
                        None => run(number, !args.once && !args.verbose, args.verbose),
                    };
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(counts) => total.0 += counts,
                        Err(failure) => {
                            tell(&failure);
                            total.1.push(*failure);
                            if !args.keep_going {
                                next.store(end, Ordering::Relaxed);
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
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{} seeds failed:", failures.len());
    for failure in &failures {
        println!("  seed {}: {}", failure.seed, failure.broken);
    }
    ExitCode::FAILURE
}

fn tell(failure: &Failure) {
    for line in &failure.last {
        println!("{line}");
    }
    println!("seed {} failed: {}", failure.seed, failure.broken);
    println!("show it again with: cargo run --release -p evenkeel-sim -- --seed {} --verbose", failure.seed);
    println!();
}
