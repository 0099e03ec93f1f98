//! How long a check takes with so many jobs waiting, and how much memory: `cargo run --release -p evenkeel-check --example
//! measure -- 10000000 FOLDER`. Makes a data folder with bodies of 200 bytes and two checkpoints, then checks it.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, and what goes wrong ends it")]

use evenkeel_checkpoint::{Checkpoints, Part, Source};
use evenkeel_disk::{Disk, DiskFile, OpenMode, RealDisk};
use evenkeel_log::{Log, LogEvent};
use evenkeel_log_local::{LocalLog, LogId, Options};
use evenkeel_machine::{
    Machine, Outcome,
    batch::BatchBuilder,
    command::{Begin, Body, Command, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, LogTime, WallTime};
use std::{path::Path, time::Instant};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

fn main() {
    let mut arguments = std::env::args().skip(1);
    let jobs: usize = arguments.next().map_or(1_000_000, |jobs| jobs.parse().unwrap());
    let folder = arguments.next().unwrap_or_else(|| "target/check-example".into());
    make(Path::new(&folder), jobs);
    let started = Instant::now();
    let mut last = None;
    let report = evenkeel_check::check(RealDisk, Path::new(&folder), &mut |step, _, _| {
        if last.replace(step) != Some(step) {
            println!("{step:?} begins after {:?}", started.elapsed());
        }
    });
    let report = report.unwrap();
    println!("{:?}: {} bodies in {:?}", report.verdict, report.bodies.checked, started.elapsed());
    println!("{} findings (sidecars are written behind, so some are missing)", report.findings.len());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

fn make(folder: &Path, jobs: usize) {
    let disk = RealDisk;
    disk.create_dir_all(folder).unwrap();
    let id = disk.open(&folder.join(evenkeel_check::LOG_ID), OpenMode::CreateNew).unwrap();
    id.write_all_at("07".repeat(16).as_bytes(), 0).unwrap();
    let options = Options::new(LogId([7; 16]));
    let (mut log, mut writer, _) =
        LocalLog::open(disk, &folder.join(evenkeel_check::LOG), options, Machine::default().applied()).unwrap();
    let dir = folder.join(evenkeel_engine::CHECKPOINTS);
    let (mut checkpoints, _) = Checkpoints::open(disk, &dir, evenkeel_checkpoint::Options::default()).unwrap();
    let (mut machine, mut outcome) = (Machine::default(), Outcome::default());
    let mut propose = |machine: &mut Machine, commands: &[Command<'_>]| {
        while let Some(event) = log.poll() {
            if let LogEvent::Committed { entry, .. } = event {
                machine.skip(entry.index).unwrap();
            }
        }
        let mut batch = BatchBuilder::default();
        commands.iter().for_each(|command| batch.push(command));
        log.propose(batch.finish(LogTime(1), WallTime(1)).into()).unwrap();
        loop {
            _ = writer.step();
            if let Some(LogEvent::Committed { entry, .. }) = log.poll() {
                return machine.apply(entry.index, &entry.batch, &mut outcome).unwrap();
            }
        }
    };
    let begin = Begin { feature_level: 1, secret: [1; 32] };
    let create = Command::CreateQueue {
        queue: QUEUE,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    };
    propose(&mut machine, &[Command::Begin(begin), create]);
    let names: Vec<String> = (0..1_000).map(|group| format!("g{group:07}")).collect();
    let body = [7; 200];
    let batches = jobs / 2_500;
    for batch in 0..batches {
        let job = |at: usize| NewJob {
            group: names.get((batch + at) % 1_000).map_or("", String::as_str),
            delay: None,
            dedup: None,
            counted_bytes: 200,
            body: Body::new(&body),
        };
        let enqueue = |_| Command::Enqueue { queue: QUEUE, jobs: (0..10).map(job).collect(), call: None };
        propose(&mut machine, &(0..250).map(enqueue).collect::<Vec<_>>());
        if batch == batches / 2 || batch == batches * 9 / 10 {
            let whole = batch == batches / 2;
            let head = machine.begin_checkpoint(whole);
            checkpoints.begin(machine.applied(), if whole { Source::Whole } else { Source::Delta }).unwrap();
            loop {
                let mut part = Part::default();
                let ended =
                    machine.drain_checkpoint(10_000, &mut |section, slot, bytes| part.push(section, slot, bytes));
                checkpoints.append(&part).unwrap();
                if ended {
                    break;
                }
            }
            checkpoints.finish(&head).unwrap();
        }
    }
    println!("{jobs} jobs made");
}
