//! One consumer: receives one job, deletes it, and so on, watching for the jobs of one tenant.

use crate::clock::Nanos;
use crate::fleet::{Call, Workload};
use crate::payload;
use crate::sqs::action::Kind;
use crate::sqs::body;
use crate::sqs::scan;
use crate::stats::Stats;
use crate::workload::chain::Handles;

pub struct Drain<'a> {
    pub queue_url: &'a str,
    /// The watched tenant's tag.
    pub tag: u8,
    /// How many of its jobs to see before it is done.
    pub wanted: usize,
    /// For each job of the watched tenant: how many jobs of others were served before it.
    pub others_before: Vec<u64>,
    others: u64,
    handles: Handles,
    is_empty: bool,
}

impl<'a> Drain<'a> {
    pub fn new(queue_url: &'a str, tag: u8, wanted: usize) -> Self {
        let (others_before, handles) = (Vec::new(), Handles::default());
        Self { queue_url, tag, wanted, others_before, others: 0, handles, is_empty: false }
    }
}

impl Workload for Drain<'_> {
    fn next(&mut self, _: usize, now: Nanos, out: &mut Vec<u8>) -> Option<Call> {
        let kind = if self.handles.count() > 0 {
            body::delete(out, self.queue_url, self.handles.first());
            Kind::Delete
        } else {
            body::receive(out, self.queue_url, 1, 1);
            Kind::Receive
        };
        Some(Call { kind, intended: now })
    }

    fn answered(&mut self, _: usize, kind: Kind, answer: &[u8], _: Nanos, stats: &mut Stats) -> Result<(), String> {
        if kind == Kind::Delete {
            stats.deleted += 1;
            self.handles.take(b"");
            return Ok(());
        }
        if self.handles.take(answer) == 0 {
            self.is_empty = true;
            return Ok(());
        }
        let body = scan::string(answer, b"\"Body\"").and_then(payload::read);
        let (_, tag) = body.ok_or_else(|| "a job whose body is not ours".to_owned())?;
        if tag == self.tag {
            self.others_before.push(self.others);
        } else {
            self.others += 1;
        }
        Ok(())
    }

    fn failed(&mut self, _: usize, _: Kind) {
        self.handles.take(b"");
    }

    fn is_done(&self) -> bool {
        self.is_empty || (self.others_before.len() >= self.wanted && self.handles.count() == 0)
    }
}
