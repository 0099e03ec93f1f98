//! Calls that a client repeats because it heard no answer: they get their first one.
//!
//! 1. A send that was done is not done again, nor what of a batch was refused.
//! 2. A receive gets the same jobs, if it still holds all of them, under fresh tokens; else it is a new one.
//! 3. A change of a queue is not made again, and one that was refused is tried again: nothing came of it. See [`crate::once`].
//! 4. A receive under an *attempt id* (FIFO queues) gets the same jobs too, for a new full lease, unless a lease of theirs was changed or
//!    has ended meanwhile.
//!
//! AWS API Reference, ReceiveMessage, `ReceiveRequestAttemptId`. That SDKs number their calls (`amz-sdk-invocation-id`) is their
//! convention; AWS makes no use of it here.

use super::{
    EnqueueError, Moment, Place, Queues,
    dedup::{item_of, told_before},
};
use crate::{
    command::{CallKey, Repeatable},
    fault::{self, Fault},
    recent::{Key, Kind},
    reply::{Enqueued, Grant},
    slab::NIL,
};
use evenkeel_types::{JobId, LeaseToken, LogTime, Micros, QueueId};

impl Queues {
    /// What the first call was told of its jobs; `None` if this is the first.
    pub(super) fn sent_by(&self, at: Moment, call: Option<CallKey>) -> Option<Vec<Result<Enqueued, EnqueueError>>> {
        let CallKey(key) = call.filter(|_| !fault::is(Fault::ForgetCalls))?;
        let entry = self.recent.find(Kind::Call, key, at.log_time)?;
        let told = |index, item| {
            if item == REFUSED { Err(EnqueueError::RefusedBefore) } else { Ok(told_before(index, item)) }
        };
        let items = entry.items();
        if entry.number != OF_SEVERAL_ENTRIES {
            return Some(items.iter().map(|&item| told(entry.number, item)).collect());
        }
        let pairs = items.as_chunks::<2>().0.iter();
        Some(pairs.map(|&[item, [high, low, ..]]| told(u64::from(high) << 32 | u64::from(low), item)).collect())
    }

    /// Notes what a call was told.
    pub(super) fn note_call(&mut self, at: Moment, call: Option<CallKey>, replies: &[Result<Enqueued, EnqueueError>]) {
        let Some(CallKey(key)) = call else { return };
        let item = |reply: &Result<Enqueued, EnqueueError>| reply.as_ref().map_or(REFUSED, item_of);
        let mut accepted = replies.iter().flatten().peekable();
        if accepted.peek().is_none() {
            return;
        }
        if accepted.all(|enqueued| enqueued.body.index == at.index) {
            let items: Vec<_> = replies.iter().map(item).collect();
            return self.recent.note(Kind::Call, key, at.log_time, at.index.0, &items);
        }
        // Some were sent before, by other calls: each goes with the index of its own entry.
        let items: Vec<_> = replies.iter().flat_map(|reply| [item(reply), index_of(reply)]).collect();
        self.recent.note(Kind::Call, key, at.log_time, OF_SEVERAL_ENTRIES, &items);
    }

    /// The number that goes with what the call was told, if it made its change already.
    pub(crate) fn done_by(&self, now: LogTime, call: CallKey) -> Option<u64> {
        let CallKey(key) = call;
        if fault::is(Fault::ForgetCalls) || fault::is(Fault::ForgetChanges) {
            return None;
        }
        self.recent.find(Kind::Call, key, now).map(|entry| entry.number)
    }

    /// Whether a call made its change already, so that its repetition would be told so.
    pub fn was_done(&self, call: CallKey, now: LogTime) -> bool {
        self.done_by(now, call).is_some()
    }

    /// Notes that a call made its change.
    pub(crate) fn note_done(&mut self, now: LogTime, CallKey(key): CallKey, number: u64) {
        self.recent.note(Kind::Call, key, now, number, &[[0; 4]]);
    }

    /// The number of the queue that the first call deleted.
    pub(super) fn deleted_by(&self, at: Moment, call: Option<CallKey>) -> Option<QueueId> {
        let CallKey(key) = call?;
        let &[slot, generation, ..] = self.recent.find(Kind::Call, key, at.log_time)?.items().first()?;
        Some(QueueId { slot, generation })
    }

    pub(super) fn note_deletion(&mut self, at: Moment, call: Option<CallKey>, queue: QueueId) {
        if let Some(CallKey(key)) = call {
            self.recent.note(Kind::Call, key, at.log_time, at.index.0, &[[queue.slot, queue.generation, 0, 0]]);
        }
    }

    /// Whether a receive would get what it or another got before, whatever is ready.
    pub fn is_repeated(&self, queue: QueueId, again: &Repeatable<'_>, now: LogTime) -> bool {
        let call = again.call.map(|CallKey(key)| (Kind::Call, key));
        [call, self.attempt_key(queue.slot, again)]
            .into_iter()
            .flatten()
            .any(|(kind, key)| self.recent.find(kind, key, now).is_some())
    }

    /// The jobs of the first such receive, if it still holds all of them. Each is granted anew, under a fresh token: whoever gives
    /// back what the first answer could not deliver must not take it from who heard the second.
    pub(super) fn received_by(
        &mut self,
        at: Moment,
        queue: QueueId,
        again: &Repeatable<'_>,
        lease: Micros,
    ) -> Option<Vec<Grant>> {
        let call = again.call.and_then(|CallKey(key)| self.still_held(at, queue, Kind::Call, key, false));
        let (slots, until) = match call {
            Some(held) => held,
            None => {
                let (kind, key) = self.attempt_key(queue.slot, again)?;
                let (slots, _) = self.still_held(at, queue, kind, key, true)?;
                let until = at.log_time + lease;
                for &slot in &slots {
                    self.wheel.remove(&mut self.jobs, slot);
                    self.jobs.edit(slot).deadline = until.0;
                    self.wheel.insert(&mut self.jobs, slot);
                }
                (slots, until)
            }
        };
        for &slot in &slots {
            let job = self.jobs.edit(slot);
            job.grants = job.grants.saturating_add(1);
        }
        let grants: Vec<Grant> = slots.into_iter().map(|slot| self.grant_of(slot)).collect();
        self.note_received(at, queue, again, &grants, until);
        Some(grants)
    }

    /// Notes what a receive got, if it got anything.
    pub(super) fn note_received(
        &mut self,
        at: Moment,
        queue: QueueId,
        again: &Repeatable<'_>,
        grants: &[Grant],
        until: LogTime,
    ) {
        let call = again.call.map(|CallKey(key)| (Kind::Call, key));
        let keys = [call, self.attempt_key(queue.slot, again)];
        if grants.is_empty() || keys == [None, None] {
            return;
        }
        let items: Vec<_> =
            grants.iter().map(|grant| [grant.job.slot, grant.job.generation, grant.token.0, 0]).collect();
        for (kind, key) in keys.into_iter().flatten() {
            self.recent.note(kind, key, at.log_time, until.0, &items);
        }
    }

    fn attempt_key(&self, queue: u32, again: &Repeatable<'_>) -> Option<(Kind, Key)> {
        let counts =
            !again.attempt.is_empty() && self.queues.get(queue).is_some_and(|queue| queue.settings().fifo.is_some());
        counts.then(|| (Kind::Attempt, self.hash_of_parts(queue, &[again.attempt])))
    }

    /// The slots of a receive's jobs and until when it leased them, if all of them are leased as it left them: to the same time
    /// too, if `unchanged`.
    fn still_held(
        &self,
        at: Moment,
        queue: QueueId,
        kind: Kind,
        key: Key,
        unchanged: bool,
    ) -> Option<(Vec<u32>, LogTime)> {
        let entry = self.recent.find(kind, key, at.log_time)?;
        let held = |&[slot, generation, token, _]: &[u32; 4]| {
            let slot = self.job_of(queue, JobId { slot, generation })?;
            let job = self.jobs.at(slot);
            let same = job.place() == Place::Leased && job.token() == LeaseToken(token);
            (same && (!unchanged || job.deadline == entry.number)).then_some(slot)
        };
        let slots: Option<Vec<u32>> = entry.items().iter().map(held).collect();
        slots.map(|slots| (slots, LogTime(entry.number)))
    }
}

/// In the place of a job that was refused.
const REFUSED: [u32; 4] = [NIL; 4];
/// The number of a record whose items go in pairs, the second with the index of the entry that has the job. No entry has it.
const OF_SEVERAL_ENTRIES: u64 = 0;

fn index_of(reply: &Result<Enqueued, EnqueueError>) -> [u32; 4] {
    let index = reply.as_ref().map_or(0, |enqueued| enqueued.body.index.0);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    [(index >> 32) as u32, index as u32, 0, 0]
}
