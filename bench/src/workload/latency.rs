//! The open loop: calls at set times, whatever the server does, and latencies from the times they were set for.
//!
//! ```text
//! --jobs a second:  send (at its time) -> receive one (as soon as the send is answered) -> delete (as soon as that is)
//! the rest of --rate-total: receives, at set times too, on queues that stay empty
//! ```
//! All three calls of a chain go over one connection. *Send to receive* is read off the job that arrives: from the time
//! its send was set for to the whole answer that brought it. The receive may wait a second, so that it comes back
//! empty only if a job is missing.

use std::time::Duration;

use crate::cli::LatencyArgs;
use crate::clock::Nanos;
use crate::fleet::{Call, Fleet, Workload};
use crate::measure::{Window, measure};
use crate::payload::{self, Payloads};
use crate::report;
use crate::session::Session;
use crate::sqs::action::Kind;
use crate::sqs::body::{self, Job};
use crate::sqs::scan;
use crate::stats::Stats;
use crate::workload::chain::{Handles, check_sent};

/// # Errors
/// If the rates make no sense, or the run cannot go on.
pub fn run(session: &mut Session, args: &LatencyArgs) -> anyhow::Result<Window> {
    anyhow::ensure!(args.jobs > 0, "--jobs must be positive");
    anyhow::ensure!(args.rate_total >= 3 * args.jobs, "--rate-total must be at least three times --jobs");
    let queue_url = session.queue("latency")?;
    let idle_urls = (0..args.idle_queues.max(1)).map(|_| session.queue("idle")).collect::<anyhow::Result<_>>()?;
    let mut fleet = Fleet::open(&session.target, args.connections)?;
    let now = fleet.clock.now();
    let mut work = Open {
        queue_url,
        idle_urls,
        sends: Schedule::new(now, args.jobs),
        polls: Schedule::new(now, args.rate_total - 3 * args.jobs),
        payloads: Payloads::usual(3),
        connections: std::iter::repeat_with(|| (Step::Free, Handles::default())).take(args.connections).collect(),
        poll_at: 0,
    };
    let (warmup, seconds) = (Duration::from_secs(args.warmup), Duration::from_secs(args.seconds));
    // Probing the disk takes its time before the run begins; the schedule begins after it.
    work.sends.restart_at_first_call = true;
    work.polls.restart_at_first_call = true;
    let window = measure(session, &mut fleet, &mut work, warmup, seconds)?;
    println!("{}", report::window(&window));
    Ok(window)
}

/// Evenly spaced times.
struct Schedule {
    due: Nanos,
    every: Option<Nanos>,
    restart_at_first_call: bool,
}

impl Schedule {
    fn new(now: Nanos, per_second: u64) -> Self {
        Self { due: now, every: 1_000_000_000u64.checked_div(per_second), restart_at_first_call: false }
    }

    fn next(&self) -> Nanos {
        if self.every.is_some() { self.due } else { Nanos::MAX }
    }

    /// The time that is due, if one is; moves on to the next.
    fn take(&mut self, now: Nanos) -> Option<Nanos> {
        let every = self.every?;
        if std::mem::take(&mut self.restart_at_first_call) {
            self.due = now;
        }
        let due = self.due;
        (due <= now).then(|| {
            self.due += every;
            due
        })
    }
}

#[derive(Clone, Copy)]
enum Step {
    Free,
    Receive,
    Delete,
}

struct Open {
    queue_url: String,
    idle_urls: Vec<String>,
    sends: Schedule,
    polls: Schedule,
    payloads: Payloads,
    connections: Vec<(Step, Handles)>,
    poll_at: usize,
}

impl Workload for Open {
    fn next(&mut self, at: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Call> {
        let (step, handles) = self.connections.get(at)?;
        match step {
            Step::Receive => {
                body::receive(out, &self.queue_url, 1, 1);
                return Some(Call { kind: Kind::Receive, intended: now });
            }
            Step::Delete => {
                body::delete(out, &self.queue_url, handles.first());
                return Some(Call { kind: Kind::Delete, intended: now });
            }
            Step::Free => {}
        }
        if let Some(intended) = self.sends.take(now) {
            let job = Job { group: None, intended, tag: b'j' };
            body::send(out, &self.queue_url, &mut self.payloads, &job);
            return Some(Call { kind: Kind::Send, intended });
        }
        let intended = self.polls.take(now)?;
        self.poll_at = (self.poll_at + 1) % self.idle_urls.len();
        body::receive(out, self.idle_urls.get(self.poll_at)?, 1, 0);
        Some(Call { kind: Kind::IdlePoll, intended })
    }

    fn answered(&mut self, at: usize, kind: Kind, answer: &[u8], now: Nanos, stats: &mut Stats) -> Result<(), String> {
        let Some((step, handles)) = self.connections.get_mut(at) else { return Ok(()) };
        *step = Step::Free;
        match kind {
            Kind::Send => {
                *step = Step::Receive;
                check_sent(answer, 1)
            }
            Kind::Receive => {
                if handles.take(answer) == 0 {
                    stats.empty += 1;
                    return Ok(());
                }
                *step = Step::Delete;
                let sent = scan::string(answer, b"\"Body\"").and_then(payload::read);
                let (intended, _) = sent.ok_or_else(|| "a job whose body is not ours".to_owned())?;
                stats.send_to_receive.record(now.saturating_sub(intended));
                Ok(())
            }
            Kind::Delete => {
                stats.deleted += 1;
                Ok(())
            }
            _ if scan::count(answer, b"\"ReceiptHandle\"") > 0 => Err("an idle queue had a job".to_owned()),
            _ => Ok(()),
        }
    }

    fn failed(&mut self, at: usize, _: Kind) {
        if let Some((step, _)) = self.connections.get_mut(at) {
            *step = Step::Free;
        }
    }

    fn wake(&self) -> Option<Nanos> {
        Some(self.sends.next().min(self.polls.next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_gives_each_time_once_and_keeps_its_times_when_late() {
        let mut schedule = Schedule::new(1_000, 1_000);
        assert_eq!(schedule.take(999), None);
        let late = 1_000 + 2_500_000;
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(late)).collect();
        assert_eq!(taken, [1_000, 1_001_000, 2_001_000]);
        assert_eq!(schedule.next(), 3_001_000);
        assert_eq!(Schedule::new(0, 0).take(1), None);
    }
}
