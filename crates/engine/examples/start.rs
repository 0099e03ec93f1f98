//! How long a start takes with so many jobs waiting, part by part: `cargo run --release -p evenkeel-engine --example
//! start -- 10000000 FOLDER`. Makes a checkpoint in the folder, then loads it.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, and what goes wrong ends it")]

use evenkeel_checkpoint::{Checkpoints, Options, Part, Source};
use evenkeel_disk::RealDisk;
use evenkeel_machine::{
    Machine, Outcome,
    batch::BatchBuilder,
    command::{Begin, Body, Command, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, WallTime};
use std::{path::Path, time::Instant};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

fn apply(machine: &mut Machine, commands: &[Command<'_>], outcome: &mut Outcome) {
    let mut batch = BatchBuilder::default();
    commands.iter().for_each(|command| batch.push(command));
    let index = LogIndex(machine.applied().0 + 1);
    machine.apply(index, &batch.finish(LogTime(1), WallTime(1)), outcome).unwrap();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let jobs: usize = arguments.next().map_or(1_000_000, |jobs| jobs.parse().unwrap());
    let folder = arguments.next().unwrap_or_else(|| "target/start-example".into());
    let folder = Path::new(&folder);
    let disk = RealDisk;

    let (mut machine, mut outcome) = (Machine::default(), Outcome::default());
    let begin = Begin { feature_level: 1, secret: [1; 32] };
    let create = Command::CreateQueue {
        queue: QUEUE,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    };
    apply(&mut machine, &[Command::Begin(begin), create], &mut outcome);
    let names: Vec<String> = (0..1_000).map(|group| format!("g{group:07}")).collect();
    let started = Instant::now();
    for batch in 0..jobs / 250 {
        let job = |at: usize| NewJob {
            group: names.get((batch * 250 + at) % 1_000).map_or("", String::as_str),
            delay: None,
            dedup: None,
            counted_bytes: 1,
            body: Body::new(b"x"),
        };
        let enqueue = |command: usize| Command::Enqueue {
            queue: QUEUE,
            jobs: (0..10).map(|at| job(command * 10 + at)).collect(),
            call: None,
        };
        apply(&mut machine, &(0..25).map(enqueue).collect::<Vec<_>>(), &mut outcome);
    }
    println!("{jobs} jobs applied in {:?}", started.elapsed());

    let (mut checkpoints, _) =
        Checkpoints::open(disk, &folder.join(evenkeel_engine::CHECKPOINTS), Options::default()).unwrap();
    let started = Instant::now();
    let head = machine.begin_checkpoint(true);
    println!("begun in {:?}", started.elapsed());
    checkpoints.begin(machine.applied(), Source::Whole).unwrap();
    let (mut slices, mut longest) = (0, std::time::Duration::ZERO);
    loop {
        let slice = Instant::now();
        let mut part = Part::default();
        let done =
            machine.drain_checkpoint(evenkeel_engine::limits::CHECKPOINT_SLICE_RECORDS, &mut |section, slot, bytes| {
                part.push(section, slot, bytes);
            });
        longest = longest.max(slice.elapsed());
        slices += 1;
        checkpoints.append(&part).unwrap();
        if done {
            break;
        }
    }
    checkpoints.finish(&head).unwrap();
    println!("written in {:?}, {slices} slices, the longest {longest:?}", started.elapsed());
    let digest = machine.digest();
    drop(machine);

    for _ in 0..3 {
        let started = Instant::now();
        let found = evenkeel_engine::find(disk, folder).unwrap();
        let loaded = started.elapsed();
        assert_eq!(found.start.machine.digest(), digest);
        let started = Instant::now();
        let queues = found.start.machine.queues();
        let bodies = queues.bodies(queues.job_slots()).count();
        println!("loaded in {loaded:?}; {bodies} bodies looked at in {:?}", started.elapsed());
    }
}
