//! Watching: what was sent is read from the entry that brought it, once it was applied.

use super::{Engine, Stage};
use crate::{
    CallId,
    request::{Answer, EngineError, Looked, Watch},
    watches::{Sent, TooMany, WaitingWatch, Watched},
};
use bytes::Bytes;
use evenkeel_log::Log;
use evenkeel_machine::{Reply, batch::Batch, command::Command, queue::NoSuchQueue};
use evenkeel_types::{BodyRef, LogIndex, Micros, Now, QueueId};

impl<L: Log> Engine<L> {
    pub(super) fn watch(&mut self, call: CallId, watch: &Watch, now: Now) {
        let Some(queue) = self.machine.queues().find(watch.queue.key()) else {
            self.answers.push((call, Answer::Looked(Err(NoSuchQueue))));
            return;
        };
        let asked = self.watches.ask(queue, watch.after, self.machine.applied(), now.monotonic);
        match (asked, watch.after) {
            (Ok(None), Some(after)) => {
                let until = Micros(now.monotonic.0.saturating_add(watch.wait.0));
                if self.watches.wait(WaitingWatch { call, queue, after, until }).is_err() {
                    self.answers.push((call, Answer::Failed(EngineError::Overloaded)));
                }
            }
            (Ok(watched), _) => self.show(call, watched.unwrap_or_default()),
            (Err(TooMany), _) => self.answers.push((call, Answer::Failed(EngineError::Overloaded))),
        }
    }

    /// Shows those who watch what an entry brought, which was just applied.
    pub(super) fn show_sent(&mut self, index: LogIndex, batch: &Bytes, replies: &[Reply], now: Now) {
        // It was applied, so it can be read.
        let Ok(mut read) = Batch::open(batch) else { return };
        let sent_at = read.wall_time;
        for reply in replies {
            let Ok(Some(command)) = read.next_command() else { break };
            let (Command::Enqueue { queue, jobs, .. }, Reply::Enqueued(Ok(results))) = (command, reply) else {
                continue;
            };
            let Some(queue) = self.machine.queues().find(queue).filter(|&queue| self.watches.watches(queue)) else {
                continue;
            };
            for (job, result) in jobs.iter().zip(results) {
                let Some(sent) = result.as_ref().ok().filter(|sent| !sent.again) else { continue };
                let bytes = u32::try_from(job.body.bytes.len()).unwrap_or(u32::MAX);
                self.watches.see(
                    queue,
                    Sent {
                        job: sent.job,
                        body: BodyRef { index, offset: job.body.offset, bytes },
                        // A copy: the ring must not keep whole entries in memory.
                        bytes: Bytes::copy_from_slice(job.body.bytes),
                        group: job.group.into(),
                        sent_at,
                        delay: job.delay,
                    },
                );
            }
        }
        let woken = self.watches.take_woken(now.monotonic);
        woken.into_iter().for_each(|(call, watched)| self.show(call, watched));
    }

    fn show(&mut self, call: CallId, watched: Watched) {
        self.answers.push((call, Answer::Looked(Ok(Looked::Sent(watched)))));
    }

    /// Answers those whose time is over.
    pub(super) fn end_watches(&mut self, now: Now) {
        let ended = self.watches.take_ended(now.monotonic);
        ended.into_iter().for_each(|(call, watched)| self.show(call, watched));
        if !self.watches.is_empty() {
            self.watches.forget(now.monotonic);
        }
    }

    /// Tells those who watch a queue that it is gone.
    pub(super) fn end_watches_of(&mut self, queue: QueueId) {
        let gone = self.watches.take_of(queue).into_iter();
        self.answers.extend(gone.map(|call| (call, Answer::Looked(Err(NoSuchQueue)))));
    }

    /// Tells all who watch that there will be nothing more here.
    pub(super) fn refuse_watches(&mut self) {
        let error = if self.stage == Stage::Following { EngineError::NotLeading } else { EngineError::Stopping };
        let calls = self.watches.take_all().into_iter();
        self.answers.extend(calls.map(|call| (call, Answer::Failed(error))));
    }
}
