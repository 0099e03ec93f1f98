//! What applying costs: nanoseconds per job for the full cycle (enqueue, receive, ack), by number of groups.
//!
//! `cargo bench -p evenkeel-machine`. Batches of 100 commands, one job each, bodies of 1 KiB; a backlog of one job per
//! group stays waiting throughout, so that the groups really exist. The yardstick: at 100,000 jobs/s on one core, a
//! whole cycle may cost 10,000 ns, and everything else in the house wants its part of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench"
)]

use evenkeel_machine::{
    Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{Begin, Body, Command, Held, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, QueueId, WallTime};
use std::time::{Duration, Instant};

const QUEUE: &str = "bench";
const BATCH: usize = 100;

struct Bench {
    machine: Machine,
    outcome: Outcome,
    applying: Duration,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { machine: Machine::default(), outcome: Outcome::default(), applying: Duration::ZERO };
        bench.run(&[Command::Begin(Begin { feature_level: 1, secret: [3; 32] })]);
        bench.run(&[Command::CreateQueue {
            queue: key(),
            settings: QueueSettings::default(),
            papers: Default::default(),
            tags: vec![],
        }]);
        bench
    }

    fn run(&mut self, commands: &[Command<'_>]) -> Vec<Reply> {
        let mut batch = BatchBuilder::default();
        commands.iter().for_each(|command| batch.push(command));
        let index = LogIndex(self.machine.applied().0 + 1);
        let bytes = batch.finish(LogTime(index.0 * 1_000), WallTime(index.0));
        let started = Instant::now();
        self.machine.apply(index, &bytes, &mut self.outcome).unwrap();
        self.applying += started.elapsed();
        std::mem::take(&mut self.outcome.replies)
    }
}

fn key() -> QueueKey<'static> {
    QueueKey { account: AccountId::default(), name: QUEUE }
}

fn main() {
    let body = vec![7u8; 1_024];
    println!("{:>10} {:>12} {:>12} {:>12}", "groups", "enqueue ns", "receive ns", "ack ns");
    for groups in [1usize, 1_000, 100_000, 1_000_000] {
        let names: Vec<String> = (0..groups).map(|group| format!("g{group:07}")).collect();
        let mut bench = Bench::new();
        let mut seed = 1u64;
        let mut any_group = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            &names[(seed >> 33) as usize % groups]
        };
        let job = |group: &'_ str| -> Vec<u8> {
            let mut encoded = Vec::new();
            let jobs = vec![NewJob { group, delay: None, dedup: None, counted_bytes: 1_024, body: Body::new(&body) }];
            Command::Enqueue { queue: key(), jobs, call: None }.encode(&mut encoded);
            encoded
        };
        for chunk in names.chunks(BATCH) {
            let mut batch = BatchBuilder::default();
            chunk.iter().for_each(|group| batch.push_encoded(&job(group)));
            let index = LogIndex(bench.machine.applied().0 + 1);
            let bytes = batch.finish(LogTime(index.0 * 1_000), WallTime(index.0));
            bench.machine.apply(index, &bytes, &mut bench.outcome).unwrap();
        }
        let rounds = 2_000;
        let mut times = [Duration::ZERO; 3];
        for _ in 0..rounds {
            let mut step = |bench: &mut Bench, at: usize, commands: &[Command<'_>]| {
                bench.applying = Duration::ZERO;
                let replies = bench.run(commands);
                times[at] += bench.applying;
                replies
            };
            let groups: Vec<&String> = (0..BATCH).map(|_| any_group()).collect();
            let enqueue: Vec<_> = groups
                .iter()
                .map(|group| Command::Enqueue {
                    queue: key(),
                    jobs: vec![NewJob {
                        group,
                        delay: None,
                        dedup: None,
                        counted_bytes: 1_024,
                        body: Body::new(&body),
                    }],
                    call: None,
                })
                .collect();
            step(&mut bench, 0, &enqueue);
            let receive = vec![
                Command::Receive {
                    queue: QueueId { slot: 0, generation: 0 },
                    jobs_max: 1,
                    lease: None,
                    again: Default::default()
                };
                BATCH
            ];
            let replies = step(&mut bench, 1, &receive);
            let acks: Vec<_> = replies
                .into_iter()
                .map(|reply| {
                    let Reply::Received(Ok(grants)) = reply else { unreachable!() };
                    let jobs = grants.iter().map(|grant| Held { job: grant.job, token: grant.token }).collect();
                    Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs }
                })
                .collect();
            step(&mut bench, 2, &acks);
        }
        let per_job = |time: Duration| time.as_nanos() / (rounds * BATCH) as u128;
        println!("{groups:>10} {:>12} {:>12} {:>12}", per_job(times[0]), per_job(times[1]), per_job(times[2]));
    }
}
