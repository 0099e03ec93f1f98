//! Looking at everything from outside, for checks off line: every queue, and every job with its queue.

use super::{Counts, Papers, Place, Queues};
use crate::command::GroupSettings;
use evenkeel_types::{AccountId, BodyRef, JobId, QueueId, WallTime};
use std::{ops::Range, sync::Arc};

/// A queue, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its number.
    pub id: QueueId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: Arc<str>,
    /// Its jobs.
    pub counts: Counts,
    /// The bytes of their bodies.
    pub bytes: u64,
}

/// A job, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its number.
    pub id: JobId,
    /// Its queue; `None` if it was purged and is not freed yet.
    pub queue: Option<QueueId>,
    /// Its body.
    pub body: BodyRef,
}

impl Queues {
    /// How many de-duplication ids are remembered.
    pub fn remembered_ids(&self) -> u32 {
        self.recent.sent()
    }

    /// When a queue was made, and when its settings or papers last changed.
    pub fn times(&self, queue: QueueId) -> Option<(WallTime, WallTime)> {
        self.queue(queue).map(|queue| (queue.created_at, queue.modified_at))
    }

    /// What is kept of a queue beside its settings, if there is anything.
    pub fn papers(&self, queue: QueueId) -> Option<Arc<Papers>> {
        self.queue(queue)?.papers().cloned()
    }

    /// A group's weight and limit in a queue, if it has any of its own.
    pub fn group_settings(&self, queue: QueueId, group: &str) -> Option<GroupSettings> {
        self.queue(queue)?;
        self.find_own(queue.slot, group).and_then(|lane| self.lanes.at(lane).own())
    }

    /// All queues, in the order of their slots.
    pub fn all(&self) -> impl Iterator<Item = QueueView> + '_ {
        let queues = (0..self.queues.used()).map(|slot| (slot, self.queues.at(slot)));
        queues.filter(|(_, queue)| queue.is_live()).map(|(slot, queue)| QueueView {
            id: self.id_of(slot),
            account: queue.account,
            name: queue.name.clone(),
            counts: queue.counts,
            bytes: queue.bytes,
        })
    }

    /// The jobs in these slots. O(slots).
    pub fn jobs(&self, slots: Range<u32>) -> impl Iterator<Item = JobView> + '_ {
        let jobs = slots.filter_map(|slot| self.jobs.get(slot).map(|job| (slot, job)));
        jobs.filter(|(_, job)| job.place() != Place::Free).map(|(slot, job)| {
            let lane = self.lanes.get(job.lane).filter(|lane| !self.is_doomed(lane));
            JobView { id: job.id(slot), queue: lane.map(|lane| self.id_of(lane.queue)), body: job.body() }
        })
    }
}
