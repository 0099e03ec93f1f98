//! What calls were told, so that their repetitions can be told from others.

use super::{Book, Place};
use evenkeel_machine::{
    Enqueued, Grant, Reply,
    command::{CallKey, Held, Repeatable},
    limits::{ATTEMPT_LIFE, CALL_LIFE},
    queue::EnqueueError,
};
use evenkeel_types::{BodyRef, JobId, LeaseToken, LogTime, QueueId};

/// What a send was told, and when.
#[derive(Clone, Debug)]
pub(super) struct CallNote {
    at: LogTime,
    jobs: Vec<Option<(JobId, BodyRef)>>,
}

/// By what a receive is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReceiveKey {
    Call(CallKey),
    Attempt(QueueId, String),
}

/// What a receive got, and when.
#[derive(Clone, Debug)]
pub(super) struct ReceiveNote {
    at: LogTime,
    held: Vec<Held>,
    until: LogTime,
}

impl Book {
    /// What the first call of a repeated send was told of each job, in the time in which that counts.
    #[must_use]
    pub fn sent_by(&self, call: CallKey) -> Option<&[Option<(JobId, BodyRef)>]> {
        self.sent.get(&call).filter(|note| self.log_time < note.at + CALL_LIFE).map(|note| &*note.jobs)
    }

    pub(super) fn note_sent(&mut self, call: CallKey, results: &[Result<Enqueued, EnqueueError>]) {
        if self.sent_by(call).is_some() || results.iter().all(Result::is_err) {
            return;
        }
        let told = |result: &Result<Enqueued, _>| result.as_ref().ok().map(|enqueued| (enqueued.job, enqueued.body));
        self.noted_at = Some(self.log_time);
        self.sent.insert(call, CallNote { at: self.log_time, jobs: results.iter().map(told).collect() });
    }

    /// What a call was told of the change that it made, in the time in which that counts.
    #[must_use]
    pub fn told_by(&self, call: CallKey) -> Option<&Reply> {
        self.told.get(&call).filter(|(at, _)| self.log_time < *at + CALL_LIFE).map(|(_, reply)| reply)
    }

    /// A change that was refused was none.
    pub(super) fn note_told(&mut self, call: CallKey, reply: &Reply) {
        let is_made = match reply {
            Reply::QueueCreated(reply) => reply.is_ok(),
            Reply::Configured(reply) => reply.is_ok(),
            Reply::NoteReplaced(reply) => reply.is_ok(),
            Reply::Tagged(reply) => matches!(reply, Ok(Ok(()))),
            Reply::MoveStarted(reply) | Reply::MoveCancelled(reply) => reply.is_ok(),
            Reply::Purged(reply) => reply.is_ok(),
            _ => false,
        };
        if is_made && self.told_by(call).is_none() {
            self.noted_at = Some(self.log_time);
            self.told.insert(call, (self.log_time, reply.clone()));
        }
    }

    /// The jobs that a repeated receive is to get: what it got, if it holds all of that still. And whether for a new full lease; else
    /// until when it holds them.
    #[must_use]
    pub fn held_again(&self, queue: QueueId, again: &Repeatable<'_>) -> Option<(Vec<JobId>, Option<LogTime>)> {
        let [call, attempt] = self.keys(queue, again);
        let by_call = call.and_then(|key| self.still_held(queue, &key));
        if let Some(note) = by_call {
            return Some((jobs_of(note), Some(note.until)));
        }
        let note = self.still_held(queue, &attempt?)?;
        let is_unchanged =
            |held: &Held| self.job(queue, held.job).is_some_and(|job| job.place == Place::Leased(note.until));
        note.held.iter().all(is_unchanged).then(|| (jobs_of(note), None))
    }

    /// Notes what a receive got until then, if it got anything.
    pub fn note_received(&mut self, queue: QueueId, again: &Repeatable<'_>, grants: &[Grant], until: LogTime) {
        if grants.is_empty() {
            return;
        }
        let held: Vec<Held> = grants.iter().map(|grant| Held { job: grant.job, token: grant.token }).collect();
        for key in self.keys(queue, again).into_iter().flatten() {
            self.noted_at = Some(self.log_time);
            self.received.insert(key, ReceiveNote { at: self.log_time, held: held.clone(), until });
        }
    }

    fn keys(&self, queue: QueueId, again: &Repeatable<'_>) -> [Option<ReceiveKey>; 2] {
        let is_fifo = self.queues.get(&queue).is_some_and(|queue| queue.settings.fifo.is_some());
        let attempt = (is_fifo && !again.attempt.is_empty()).then(|| again.attempt.to_owned());
        [again.call.map(ReceiveKey::Call), attempt.map(|attempt| ReceiveKey::Attempt(queue, attempt))]
    }

    fn still_held(&self, queue: QueueId, key: &ReceiveKey) -> Option<&ReceiveNote> {
        let life = if matches!(key, ReceiveKey::Call(_)) { CALL_LIFE } else { ATTEMPT_LIFE };
        let note = self.received.get(key).filter(|note| self.log_time < note.at + life)?;
        let is_held = |held: &Held| {
            let job = self.job(queue, held.job);
            job.is_some_and(|job| LeaseToken(job.grants) == held.token && matches!(job.place, Place::Leased(_)))
        };
        note.held.iter().all(is_held).then_some(note)
    }
}

fn jobs_of(note: &ReceiveNote) -> Vec<JobId> {
    note.held.iter().map(|held| held.job).collect()
}
