//! What a purge of very much costs: the command itself, the batches that free behind it, and a send in between.
//!
//! `cargo bench -p evenkeel-machine --bench purge -- [jobs] [groups]`. The yardstick: a batch is applied between two
//! syncs of the log, so whatever takes more than a millisecond or two is felt.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench"
)]

use evenkeel_machine::{
    Machine, Outcome,
    batch::BatchBuilder,
    command::{Begin, Body, Command, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, LogTime, WallTime};
use std::time::{Duration, Instant};

fn key() -> QueueKey<'static> {
    QueueKey { account: AccountId::default(), name: "bench" }
}

fn run(machine: &mut Machine, outcome: &mut Outcome, commands: &[Command<'_>]) -> Duration {
    let mut batch = BatchBuilder::default();
    commands.iter().for_each(|command| batch.push(command));
    let bytes = batch.finish(LogTime(1), WallTime(1));
    let started = Instant::now();
    machine.apply(machine.applied().next(), &bytes, outcome).unwrap();
    started.elapsed()
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let (jobs, groups) = (numbers.next().unwrap_or(2_000_000), numbers.next().unwrap_or(500_000));
    let (mut machine, mut outcome) = (Machine::default(), Outcome::default());
    let begin = Command::Begin(Begin { feature_level: 1, secret: [3; 32] });
    run(
        &mut machine,
        &mut outcome,
        &[
            begin,
            Command::CreateQueue {
                queue: key(),
                settings: QueueSettings::default(),
                papers: Default::default(),
                tags: vec![],
            },
        ],
    );
    for round in (0..jobs).step_by(1_000) {
        let names: Vec<String> = (round..round + 1_000).map(|n| format!("group-{}", n % groups)).collect();
        let job = |group| NewJob { group, delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
        let commands: Vec<_> = names
            .chunks(10)
            .map(|ten| Command::Enqueue { queue: key(), jobs: ten.iter().map(|name| job(name)).collect(), call: None })
            .collect();
        run(&mut machine, &mut outcome, &commands);
    }
    println!("{:?} queues, lanes, jobs", machine.queues().sizes());
    let purge = run(&mut machine, &mut outcome, &[Command::PurgeQueue { queue: key() }]);
    println!("{purge:>12.1?} the purge itself");
    let mut batches = Vec::new();
    while machine.next_due() == Some(LogTime(0)) {
        batches.push(run(&mut machine, &mut outcome, &[]));
    }
    batches.sort();
    let (sum, count) = (batches.iter().sum::<Duration>(), batches.len());
    let (half, all) = (batches[count / 2], batches[count - 1]);
    println!("{sum:>12.1?} in {count} batches to free it: half within {half:.1?}, all within {all:.1?}");
    println!("{:?} queues, lanes, jobs", machine.queues().sizes());
}
