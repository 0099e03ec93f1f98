//! Dead letters: a job that was granted too often goes to another queue instead of being granted once more.
//!
//! It keeps its slot and by that its id, its body where it lies, and its number of grants; in a standard queue also when it was
//! sent, so that its retention goes on, while a FIFO queue counts it anew. If the other queue is gone, is full by its own
//! limits, or can hold no more groups, the job is granted on: nothing is lost for want of a place.
//!
//! AWS Developer Guide, "Using dead-letter queues in Amazon SQS".

use super::{Moment, Queues};
use crate::{
    command::QueueKey,
    event::Event,
    fault::{self, Fault},
};

impl Queues {
    /// Whether a ready job is to go to its queue's dead letters, and to which queue.
    pub(super) fn grave_of(&self, queue: u32, job: u32) -> Option<u32> {
        let record = self.queues.at(queue);
        let (target, grants_max) = record.papers()?.redrive.as_ref()?;
        let job = self.jobs.at(job);
        if job.grants < u32::from(*grants_max) || fault::is(Fault::NeverDead) {
            return None;
        }
        let target = self.find(QueueKey { account: record.account, name: target })?.slot;
        let same_kind = self.is_fifo(target) == self.is_fifo(queue);
        let has_room = self.check_caps(target, job.body().bytes).is_ok();
        (same_kind && has_room && target != queue).then_some(target)
    }

    /// Moves a ready job to the queue of dead letters. False if that has no lane for it; then nothing changed.
    pub(super) fn bury(&mut self, at: Moment, slot: u32, target: u32, events: &mut Vec<Event>) -> bool {
        let source_lane = self.jobs.at(slot).lane;
        let lane = self.lanes.at(source_lane);
        let (source, group) = (lane.queue, lane.group.clone());
        let source_name = self.queues.at(source).name.clone();
        let Some(target_lane) = self.lane_of(target, &group) else { return false };
        if !self.extras.set_source(slot, source_name) {
            self.settle(target_lane, events);
            return false;
        }
        self.unlink(slot);
        let bytes = u64::from(self.jobs.at(slot).body().bytes);
        {
            let queue = self.queues.edit(source);
            queue.counts.moved_out += 1;
            queue.bytes -= bytes;
        }
        {
            let queue = self.queues.edit(target);
            queue.counts.moved_in += u64::from(!fault::is(Fault::LoseDead));
            queue.bytes += bytes;
        }
        let resets = self.is_fifo(target);
        {
            let job = self.jobs.edit(slot);
            job.change_lane(target_lane);
            if resets {
                job.send_anew(at.wall_time);
            }
        }
        let sent = self.jobs.at(slot).enqueued_at();
        self.note_sent_at(target, sent);
        self.push_last(slot);
        self.settle(source_lane, events);
        self.settle(target_lane, events);
        true
    }
}
