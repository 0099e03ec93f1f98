//! Making very many queues: one call each, over many connections.

use crate::clock::{Nanos, nanos};
use crate::fleet::{Call, Fleet, Workload};
use crate::limits::PHASE_MAX;
use crate::sqs::action::Kind;
use crate::sqs::body;
use crate::sqs::control;
use crate::stats::Stats;
use crate::target::Target;

/// Makes `count` queues, named `prefix` and a number, and returns their URLs.
///
/// # Errors
/// If a single call fails.
pub fn create(target: &Target, prefix: &str, count: usize, connections: usize) -> anyhow::Result<Vec<String>> {
    let mut fleet = Fleet::open(target, connections.min(count).max(1))?;
    let mut work = Create { prefix, count, asked: 0, queue_urls: Vec::with_capacity(count), has_failed: false };
    let mut stats = Stats::new();
    let until = fleet.clock.now() + nanos(PHASE_MAX);
    fleet.run(&mut work, &mut stats, until)?;
    anyhow::ensure!(stats.errors == 0, "making queues: {} errors: {:?}", stats.errors, stats.errors_shown);
    anyhow::ensure!(work.queue_urls.len() == count, "making queues took too long");
    Ok(work.queue_urls)
}

struct Create<'a> {
    prefix: &'a str,
    count: usize,
    asked: usize,
    queue_urls: Vec<String>,
    has_failed: bool,
}

impl Workload for Create<'_> {
    fn next(&mut self, _: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Call> {
        if self.asked == self.count {
            return None;
        }
        body::create_queue(out, &format!("{}{}", self.prefix, self.asked));
        self.asked += 1;
        Some(Call { kind: Kind::CreateQueue, intended: now })
    }

    fn answered(&mut self, _: usize, _: Kind, answer: &[u8], _: Nanos, _: &mut Stats) -> Result<(), String> {
        let queue_url = control::queue_url(answer);
        self.has_failed |= queue_url.is_err();
        self.queue_urls.push(queue_url.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn failed(&mut self, _: usize, _: Kind) {
        self.has_failed = true;
    }

    fn is_done(&self) -> bool {
        self.queue_urls.len() == self.count || self.has_failed
    }
}
