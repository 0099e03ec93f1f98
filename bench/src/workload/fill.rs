//! Filling a queue: batches of ten over many connections, until as many jobs as wanted are accepted.

use std::io::Write as _;

use crate::clock::{Nanos, nanos};
use crate::fleet::{Call, Fleet, Workload};
use crate::limits::PHASE_MAX;
use crate::payload::Payloads;
use crate::sqs::action::Kind;
use crate::sqs::body::{self, Job};
use crate::stats::Stats;
use crate::target::Target;
use crate::workload::chain::check_sent;

/// Who the jobs are for.
#[derive(Clone, Debug)]
pub enum Groups {
    /// Nobody.
    None,
    /// All for one.
    One(String),
    /// `g0000000`, `g0000001`, ... and from the beginning again after so many.
    InTurn(usize),
}

/// Puts `count` jobs into a queue.
///
/// # Errors
/// If that fails, or a single call fails: a backlog that is not whole is no basis for a figure.
pub fn fill(
    target: &Target,
    queue_url: &str,
    groups: &Groups,
    count: usize,
    tag: u8,
    connections: usize,
) -> anyhow::Result<()> {
    fill_with(Payloads::usual(7), target, queue_url, groups, count, tag, connections)
}

/// As [`fill`], with bodies of any size.
///
/// # Errors
/// As [`fill`].
pub fn fill_with(
    payloads: Payloads,
    target: &Target,
    queue_url: &str,
    groups: &Groups,
    count: usize,
    tag: u8,
    connections: usize,
) -> anyhow::Result<()> {
    let connections = connections.min(count.div_ceil(10)).max(1);
    let mut fleet = Fleet::open(target, connections)?;
    let mut work = Fill {
        queue_url,
        groups,
        count,
        sent: 0,
        accepted: 0,
        tag,
        payloads,
        group: Vec::new(),
        under_way: vec![0; connections],
        has_failed: false,
    };
    let mut stats = Stats::new();
    let until = fleet.clock.now() + nanos(PHASE_MAX);
    fleet.run(&mut work, &mut stats, until)?;
    anyhow::ensure!(stats.errors == 0, "filling the queue: {} errors: {:?}", stats.errors, stats.errors_shown);
    anyhow::ensure!(work.accepted == count, "filling the queue took too long");
    Ok(())
}

struct Fill<'a> {
    queue_url: &'a str,
    groups: &'a Groups,
    count: usize,
    sent: usize,
    accepted: usize,
    tag: u8,
    payloads: Payloads,
    /// The names of a batch's groups, one after the other.
    group: Vec<u8>,
    under_way: Vec<usize>,
    has_failed: bool,
}

impl Workload for Fill<'_> {
    fn next(&mut self, at: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Call> {
        let count = (self.count - self.sent).min(10);
        if count == 0 {
            return None;
        }
        self.group.clear();
        let mut names = Vec::with_capacity(count);
        for job in 0..count {
            let start = self.group.len();
            match self.groups {
                Groups::None => {}
                Groups::One(name) => self.group.extend_from_slice(name.as_bytes()),
                Groups::InTurn(of) => put_group(&mut self.group, (self.sent + job) % (*of).max(1)),
            }
            names.push(start..self.group.len());
        }
        let group = |at: usize| {
            let name = names.get(at).and_then(|range| self.group.get(range.clone()));
            name.filter(|name| !name.is_empty())
        };
        let job = |at| Job { group: group(at), intended: now, tag: self.tag };
        body::send_batch(out, self.queue_url, &mut self.payloads, count, job);
        self.sent += count;
        if let Some(slot) = self.under_way.get_mut(at) {
            *slot = count;
        }
        Some(Call { kind: Kind::SendBatch, intended: now })
    }

    fn answered(&mut self, at: usize, _: Kind, answer: &[u8], _: Nanos, _: &mut Stats) -> Result<(), String> {
        let count = self.under_way.get(at).copied().unwrap_or(0);
        let checked = check_sent(answer, count);
        match checked {
            Ok(()) => self.accepted += count,
            Err(_) => self.has_failed = true,
        }
        checked
    }

    fn failed(&mut self, _: usize, _: Kind) {
        // Counted as an error by the fleet, which makes the whole filling one.
        self.has_failed = true;
    }

    fn is_done(&self) -> bool {
        self.accepted == self.count || self.has_failed
    }
}

/// Appends the name of group `at`.
pub fn put_group(out: &mut Vec<u8>, at: usize) {
    _ = write!(out, "g{at:07}");
}
