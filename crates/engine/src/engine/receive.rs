//! Receives: what is ready goes to who asks, and who finds nothing waits.
//!
//! A receive that is proposed sets aside what it may take, so that the next one is not proposed for the same
//! jobs; what it does not take is free again, and wakes whoever waits. A queue with as many jobs in flight as can be has
//! nothing for anybody: who waits is woken when a lease ends, and who does not is refused.

use super::{Call, Engine};
use crate::{
    CallId, Errand, Unreadable,
    fault::{self, Fault},
    request::{Answer, Delivery, EngineError, Receive, Received},
    waiters::Waiter,
};
use evenkeel_log::Log;
use evenkeel_machine::{
    Grant,
    command::Command,
    queue::{NoSuchQueue, ReceiveError},
};
use evenkeel_types::{JobId, Micros, Now, QueueId};

impl<L: Log> Engine<L> {
    pub(super) fn receive(&mut self, call: CallId, receive: Receive, now: Now) {
        let queues = self.machine.queues();
        let found = queues.find(receive.queue.key()).and_then(|queue| Some((queue, queues.settings(queue)?)));
        let Some((queue, settings)) = found else {
            self.answers.push((call, Answer::Received(Err(ReceiveError::NoSuchQueue(NoSuchQueue)))));
            return;
        };
        let wait = receive.wait.unwrap_or(settings.receive_wait);
        let until = Micros(now.monotonic.0.saturating_add(wait.0));
        if queues.is_repeated(queue, &receive.again.repeatable(), self.machine.log_time()) {
            // What it gets was set aside the first time.
            return self.propose_receive(Waiter { call, queue, receive, until }, 0);
        }
        self.receive_or_wait(Waiter { call, queue, receive, until }, now);
    }

    /// Proposes a receive if jobs are ready that nobody else was promised; else it waits.
    pub(super) fn receive_or_wait(&mut self, waiter: Waiter, now: Now) {
        let Waiter { call, queue, receive, until } = waiter;
        let set_aside = self.set_aside.get(&queue).copied().unwrap_or(0);
        let free = self.machine.queues().grantable(queue).saturating_sub(set_aside);
        if free == 0 {
            if until > now.monotonic {
                self.waiters.push(Waiter { call, queue, receive, until });
            } else if self.machine.queues().is_full_in_flight(queue) {
                self.answers.push((call, Answer::Received(Err(ReceiveError::TooManyInFlight))));
            } else {
                self.answer_empty(call, queue);
            }
            return;
        }
        let set_aside = free.min(receive.jobs_max.into());
        *self.set_aside.entry(queue).or_default() += set_aside;
        self.propose_receive(Waiter { call, queue, receive, until }, set_aside);
    }

    fn propose_receive(&mut self, waiter: Waiter, set_aside: u64) {
        let Waiter { call, queue, receive, until } = waiter;
        let again = receive.again.repeatable();
        self.open.push(&Command::Receive { queue, jobs_max: receive.jobs_max, lease: receive.lease, again });
        self.open_calls.push(Call::Receive { call, queue, receive, until, set_aside });
    }

    pub(super) fn wake_waiters(&mut self, now: Now) {
        while let Some(queue) = self.woken.pop_first() {
            if fault::is(Fault::ForgetWaiter) {
                continue;
            }
            loop {
                let set_aside = self.set_aside.get(&queue).copied().unwrap_or(0);
                if self.machine.queues().grantable(queue) <= set_aside {
                    break;
                }
                let Some(waiter) = self.waiters.pop(queue) else { break };
                self.receive_or_wait(waiter, now);
            }
        }
    }

    /// Tells those who wait that their queue is gone.
    pub(super) fn end_waits(&mut self, queue: QueueId) {
        while let Some(waiter) = self.waiters.pop(queue) {
            let gone = Answer::Received(Err(ReceiveError::NoSuchQueue(NoSuchQueue)));
            self.answers.push((waiter.call, gone));
        }
    }

    pub(super) fn answer_empty(&mut self, call: CallId, queue: QueueId) {
        self.answers.push((call, Answer::Received(Ok(Received { queue, jobs: Vec::new() }))));
    }

    pub(super) fn deliver(&mut self, call: CallId, queue: QueueId, grants: Vec<Grant>) {
        let mut jobs: Vec<_> = grants
            .into_iter()
            .map(|grant| {
                let body = self.tail.body(grant.body);
                (grant, body)
            })
            .collect();
        if fault::is(Fault::WrongBody)
            && let [(_, first), (_, second), ..] = &mut *jobs
        {
            std::mem::swap(first, second);
        }
        if jobs.iter().any(|(_, body)| body.is_none()) {
            self.reading += 1;
            self.errands.push(Errand::ReadBodies { call, queue, jobs });
            return;
        }
        let jobs = jobs
            .into_iter()
            .map(|(grant, body)| Delivery { grant, body: body.expect("each body is there, as just checked") })
            .collect();
        self.answers.push((call, Answer::Received(Ok(Received { queue, jobs }))));
    }

    /// Answers with the jobs whose bodies were read. What could not be read stays leased, and comes again: when its lease ends, and
    /// to the same call made again at once. But a job may have gone meanwhile (its queue was purged, another worker finished it), and its body with it.
    pub(super) fn bodies_read(
        &mut self,
        call: CallId,
        queue: QueueId,
        jobs: Vec<Delivery>,
        mut unreadable: Vec<(JobId, Unreadable)>,
    ) {
        self.reading -= 1;
        unreadable.retain(|(job, _)| self.machine.queues().is_there(queue, *job));
        let answer = if jobs.is_empty() && !unreadable.is_empty() {
            let is_damaged = unreadable.iter().any(|(_, why)| why.is_damage());
            Answer::Failed(if is_damaged { EngineError::BodyUnreadable } else { EngineError::BodyNotReadNow })
        } else {
            Answer::Received(Ok(Received { queue, jobs }))
        };
        for (job, why) in unreadable {
            let words = format!("the body of job {job}: {why}; it stays with the queue");
            if why.is_damage() {
                self.damage_watch.found(&words);
            }
            self.trouble.push(words);
        }
        self.answers.push((call, answer));
    }

    pub(super) fn unset_aside(&mut self, queue: QueueId, count: u64) {
        if fault::is(Fault::KeepSetAside) {
            return;
        }
        if let Some(set_aside) = self.set_aside.get_mut(&queue) {
            *set_aside -= count;
            if *set_aside == 0 {
                self.set_aside.remove(&queue);
            }
        }
    }
}
