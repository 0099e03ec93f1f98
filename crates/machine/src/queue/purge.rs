//! `PurgeQueue` and `DeleteQueue`: everything in a queue goes at once, however much there is.
//!
//! Nothing is walked through here. All lanes of the queue go over to the list of the *doomed* in one piece, and the
//! queue begins a new epoch in which none of them is found. What they hold is freed behind, in bounded steps: see
//! [`super::reap`].

use super::{Moment, NoSuchQueue, Queues, state::Counts};
use crate::{
    command::{CallKey, QueueKey},
    event::Event,
    recent::Kind,
    slab::{Ends, NIL},
};
use evenkeel_types::QueueId;

impl Queues {
    /// Removes all jobs of a queue, those with workers included; settings stay, those of groups too. Returns how many
    /// jobs there were. O(log queues), however many jobs and lanes there are.
    ///
    /// A group that comes back starts like one that was never there: what it was charged goes with its jobs.
    pub(crate) fn purge(&mut self, key: QueueKey<'_>) -> Result<u64, NoSuchQueue> {
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        Ok(self.doom(queue.slot))
    }

    /// Removes a queue with all that is in it. Its name is free at once, or after a minute if it is kept. Returns the number that is
    /// now no queue's. A call that is repeated gets its first answer. O(log queues).
    pub(crate) fn delete(
        &mut self,
        at: Moment,
        key: QueueKey<'_>,
        call: Option<CallKey>,
        keep_name: bool,
        events: &mut Vec<Event>,
    ) -> Result<QueueId, NoSuchQueue> {
        // Before all else: another queue may have the name by now, and nobody asked for that one to go.
        if let Some(deleted) = self.deleted_by(at, call) {
            return Ok(deleted);
        }
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        self.note_deletion(at, call, queue);
        if keep_name {
            let name = self.name_key(key);
            self.recent.note(Kind::Deleted, name, at.log_time, 0, &[]);
        }
        self.doom(queue.slot);
        self.forget_moves(key);
        self.unindex_source(queue.slot);
        if self.noted_at(queue.slot).is_some() {
            events.push(Event::NotesChanged(queue.slot));
        }
        self.by_name.remove(&(key.account, key.name.into()));
        self.queue_names.remove(&mut self.queues, queue.slot);
        self.queues.free(queue.slot);
        Ok(queue)
    }

    fn doom(&mut self, slot: u32) -> u64 {
        self.end_walk(slot);
        let (lanes, counts, bytes) = {
            let queue = self.queues.edit(slot);
            let counts = queue.counts;
            queue.counts = Counts { ready: 0, delayed: 0, leased: 0, ..counts };
            queue.counts.purged += counts.present();
            queue.epoch += 1;
            queue.grantable = 0;
            self.graveyard.extend(queue.turns.begin_anew());
            (std::mem::take(&mut queue.lanes), counts, std::mem::take(&mut queue.bytes))
        };
        self.forgettable.remove(&slot);
        if lanes.head != NIL {
            match self.doomed.lanes.tail {
                NIL => self.doomed.lanes.head = lanes.head,
                tail => self.lanes.edit(tail).queue_next = lanes.head,
            }
            self.doomed.lanes.tail = lanes.tail;
        }
        self.doomed.ready += counts.ready;
        self.doomed.hanging += counts.delayed + counts.leased;
        self.doomed.bytes += bytes;
        counts.present()
    }
}

/// What was purged and is not freed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doomed {
    /// Lanes that the reaper has not met yet, linked forwards.
    pub(super) lanes: Ends,
    /// Jobs in the lists of such lanes.
    pub(super) ready: u64,
    /// Jobs that hang in the wheel.
    pub(super) hanging: u64,
    /// The bytes of all their bodies.
    pub(super) bytes: u64,
    /// The slot that the sweep of the jobs looks at next, [`NIL`] while there is none.
    pub(super) sweep: u32,
}

impl Doomed {
    /// All of it, for the digest and for a checkpoint.
    pub(super) fn words(&self) -> [u64; 5] {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        [pair(self.lanes.head, self.lanes.tail), self.sweep.into(), self.ready, self.hanging, self.bytes]
    }
}

impl Default for Doomed {
    fn default() -> Self {
        Self { lanes: Ends::default(), ready: 0, hanging: 0, bytes: 0, sweep: NIL }
    }
}
