//! The closed loop: each connection sends, receives as many, deletes what it received, and begins again.
//!
//! Shows throughput: all connections have a request under way all the time. Its latencies are those of a server kept
//! full and say little else.

use std::time::Duration;

use crate::cli::CycleArgs;
use crate::clock::Nanos;
use crate::fleet::{Call, Fleet, Workload};
use crate::measure::{Window, measure};
use crate::payload::Payloads;
use crate::report;
use crate::rng::Rng;
use crate::session::Session;
use crate::sqs::action::Kind;
use crate::sqs::body::{self, Job};
use crate::stats::{Stats, median};
use crate::workload::chain::{Handles, check_deleted, check_sent};
use crate::workload::fill::{Groups, fill, put_group};

/// Runs, one after the other on one server, each on a queue of its own.
///
/// # Errors
/// If a run cannot go on.
pub fn run(session: &mut Session, args: &CycleArgs) -> anyhow::Result<Vec<Window>> {
    let mut windows = Vec::new();
    for at in 0..args.runs {
        let queue_url = session.queue("cycle")?;
        if args.prefill > 0 {
            let groups = if args.groups > 0 { Groups::InTurn(args.groups) } else { Groups::None };
            fill(&session.target, &queue_url, &groups, args.prefill, b'j', args.connections)?;
        }
        let mut fleet = Fleet::open(&session.target, args.connections)?;
        let seed = u64::try_from(at)?;
        let mut work = Cycle::new(&queue_url, args.connections, args.batch, args.groups, seed);
        let (warmup, seconds) = (Duration::from_secs(args.warmup), Duration::from_secs(args.seconds));
        let window = measure(session, &mut fleet, &mut work, warmup, seconds)?;
        println!("run {} of {}:\n{}", at + 1, args.runs, report::window(&window));
        windows.push(window);
    }
    println!("median {:.0} jobs/s of {} runs", median_jobs(&windows), windows.len());
    Ok(windows)
}

pub fn median_jobs(windows: &[Window]) -> f64 {
    median(&windows.iter().map(Window::jobs_per_second).collect::<Vec<_>>())
}

/// The workload; also run by `groups` and `depth`.
pub struct Cycle {
    /// Each cycle goes to one of them, chosen at random.
    queue_urls: Vec<String>,
    batch: usize,
    /// The names to choose from, all of eight bytes; none for no group.
    group_count: usize,
    rng: Rng,
    payloads: Payloads,
    names: Vec<u8>,
    connections: Vec<Connection>,
}

struct Connection {
    step: Step,
    handles: Handles,
    /// Which of the queues.
    queue: usize,
}

#[derive(Clone, Copy)]
enum Step {
    Send,
    Receive,
    Delete,
}

const NAME_BYTES: usize = 8;

impl Cycle {
    pub fn new(queue_url: &str, connections: usize, batch: usize, group_count: usize, seed: u64) -> Self {
        Self {
            queue_urls: vec![queue_url.to_owned()],
            batch,
            group_count: group_count.min(10_000_000),
            rng: Rng::new(seed ^ 0x6772_6f75_7073),
            payloads: Payloads::usual(seed),
            names: Vec::new(),
            connections: (0..connections)
                .map(|_| Connection { step: Step::Send, handles: Handles::default(), queue: 0 })
                .collect(),
        }
    }

    /// Over these queues instead, at least one of them.
    pub fn over(self, queue_urls: Vec<String>) -> Self {
        Self { queue_urls, ..self }
    }

    /// With these bodies instead.
    pub fn with(self, payloads: Payloads) -> Self {
        Self { payloads, ..self }
    }

    fn send(&mut self, at: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Kind> {
        let queue = if self.queue_urls.len() > 1 { self.rng.below(self.queue_urls.len()) } else { 0 };
        self.connections.get_mut(at)?.queue = queue;
        let queue_url = self.queue_urls.get(queue)?;
        self.names.clear();
        for _ in 0..self.batch {
            put_group(&mut self.names, self.rng.below(self.group_count));
        }
        let has_groups = self.group_count > 0;
        let job = |at: usize| Job {
            group: self.names.get(at * NAME_BYTES..(at + 1) * NAME_BYTES).filter(|_| has_groups),
            intended: now,
            tag: b'j',
        };
        if self.batch == 1 {
            body::send(out, queue_url, &mut self.payloads, &job(0));
            Some(Kind::Send)
        } else {
            body::send_batch(out, queue_url, &mut self.payloads, self.batch, job);
            Some(Kind::SendBatch)
        }
    }
}

impl Workload for Cycle {
    fn next(&mut self, at: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Call> {
        let Connection { step, handles, queue } = self.connections.get(at)?;
        let queue_url = self.queue_urls.get(*queue)?;
        let kind = match step {
            Step::Send => self.send(at, now, out)?,
            Step::Receive => {
                body::receive(out, queue_url, self.batch, 0);
                Kind::Receive
            }
            Step::Delete => {
                if self.batch == 1 {
                    body::delete(out, queue_url, handles.first());
                    Kind::Delete
                } else {
                    body::delete_batch(out, queue_url, handles.iter());
                    Kind::DeleteBatch
                }
            }
        };
        Some(Call { kind, intended: now })
    }

    fn answered(&mut self, at: usize, _: Kind, answer: &[u8], _: Nanos, stats: &mut Stats) -> Result<(), String> {
        let batch = self.batch;
        let Some(Connection { step, handles, .. }) = self.connections.get_mut(at) else { return Ok(()) };
        match *step {
            Step::Send => {
                *step = Step::Receive;
                check_sent(answer, batch)
            }
            Step::Receive => {
                if handles.take(answer) == 0 {
                    stats.empty += 1;
                    *step = Step::Send;
                } else {
                    *step = Step::Delete;
                }
                Ok(())
            }
            Step::Delete => {
                *step = Step::Send;
                if batch > 1 {
                    check_deleted(answer, handles.count())?;
                }
                stats.deleted += u64::try_from(handles.count()).unwrap_or(0);
                Ok(())
            }
        }
    }

    fn failed(&mut self, at: usize, _: Kind) {
        if let Some(connection) = self.connections.get_mut(at) {
            connection.step = Step::Send;
        }
    }
}
