//! What the log tells: entries to apply, calls to answer, ownership gained and lost, failure.

use super::{Call, Engine, Proposed, Stage};
use crate::{
    Fatal,
    clock::LogClock,
    halt, limits,
    marks::Marks,
    request::{Again, Answer, EngineError},
    waiters::Waiter,
};
use evenkeel_log::{Entry, Log, LogEvent, RefusedReason, Role, Ticket};
use evenkeel_machine::{
    ApplyError, Event, Reply,
    batch::BatchBuilder,
    command::{Begin, Command},
    queue::ReceiveError,
};
use evenkeel_types::{Micros, Now};
use std::sync::atomic::Ordering;

impl<L: Log> Engine<L> {
    pub(super) fn on_log_event(&mut self, event: LogEvent, now: Now) -> Result<(), Fatal> {
        match event {
            LogEvent::Committed { entry, ticket } => self.apply(entry, ticket, now)?,
            LogEvent::Refused { ticket, reason } => {
                let error = match reason {
                    RefusedReason::Deposed => EngineError::NotLeading,
                    RefusedReason::Full => {
                        self.no_timer_before = Micros(now.monotonic.0.saturating_add(limits::FULL_DISK_PAUSE.0));
                        EngineError::DiskFull
                    }
                };
                if let Some(Proposed { calls, looks, .. }) = self.proposed_as(ticket) {
                    self.refuse(calls, error);
                    self.refuse_looks(looks, error);
                }
            }
            LogEvent::Truncated { .. } => {}
            LogEvent::SnapshotInstalled { at } => return Err(Fatal::Snapshot(at)),
            LogEvent::RoleChanged(role) => self.on_role(role, now)?,
            LogEvent::Failed(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn on_role(&mut self, role: Role, now: Now) -> Result<(), Fatal> {
        self.owns = matches!(role, Role::Owner(_));
        match role {
            Role::Owner(_) if self.halt.is_some() => {}
            Role::Owner(_) => {
                if let Some((count, first)) = self.living.missing() {
                    return Err(Fatal::BodiesMissing { count, first });
                }
                self.clock = LogClock::take_over(self.machine.log_time(), self.machine.wall_time(), now);
                if self.stage == Stage::Stopping {
                    return Ok(());
                }
                let known = self.machine.build().feature_level;
                if self.machine.begin().is_some() {
                    self.stage = Stage::Serving;
                    if self.options.is_alone && self.machine.feature_level() < known {
                        self.open.push(&Command::RaiseFeatureLevel { level: known });
                        self.open_calls.push(Call::House);
                    }
                    return Ok(());
                }
                self.stage = Stage::Beginning;
                let begin = Begin { feature_level: known, secret: self.secret };
                self.open.push(&Command::Begin(begin));
                self.open_calls.push(Call::House);
            }
            Role::Follower | Role::Failed => {
                self.stage = Stage::Following;
                self.refuse_all(EngineError::NotLeading);
            }
        }
        Ok(())
    }

    /// Refuses what is not proposed yet, and all who wait.
    pub(super) fn refuse_all(&mut self, error: EngineError) {
        let calls = std::mem::take(&mut self.open_calls);
        self.open = BatchBuilder::default();
        self.let_in.remove(std::mem::take(&mut self.open_demand));
        self.refuse(calls, error);
        let looks = std::mem::take(&mut self.open_looks);
        self.refuse_looks(looks, error);
        while let Some(waiter) = self.waiters.pop_any() {
            self.answers.push((waiter.call, Answer::Failed(error)));
        }
        self.refuse_watches();
    }

    pub(super) fn proposed_as(&mut self, ticket: Ticket) -> Option<Proposed> {
        let at = self.proposed.iter().position(|proposed| proposed.ticket == ticket)?;
        let proposed = self.proposed.remove(at)?;
        self.proposed_bytes -= proposed.bytes;
        self.let_in.remove(proposed.demand);
        Some(proposed)
    }

    pub(super) fn apply(&mut self, entry: Entry, ticket: Option<Ticket>, now: Now) -> Result<(), Fatal> {
        if let Some(halt) = &self.halt {
            return self.look_behind(halt.entry, &entry, ticket);
        }
        let Entry { index, batch, .. } = entry;
        if batch.is_empty() || self.skips.has(index) {
            self.machine.skip(index)?;
            self.leave_mark();
            self.tail.push(index, batch);
            return Ok(());
        }
        self.heed_skip(index, &batch)?;
        // Before the log's first command there is nothing to stand with.
        let stumble = self.stumble.as_ref().filter(|stumble| stumble.entry == index && self.machine.begin().is_some());
        if let Some(stumble) = stumble {
            let why = format!("the program panicked at it {} times: {}", stumble.times, stumble.why);
            return self.cannot_apply(index, &batch, why, None);
        }
        let mut outcome = std::mem::take(&mut self.outcome);
        let applied = halt::while_applying(index, || match halt::poison(&batch) {
            Some(why) => Ok(Some(why)),
            None => self.machine.apply(index, &batch, &mut outcome).map(|()| None),
        });
        match applied {
            Ok(None) => {}
            Ok(Some(why)) => return self.cannot_apply(index, &batch, why.into(), None),
            // No defect of the entry.
            Err(error @ ApplyError::OutOfOrder { .. }) => return Err(error.into()),
            Err(error) => return self.cannot_apply(index, &batch, error.to_string(), Some(error)),
        }
        self.meters.feature_level.store(self.machine.feature_level(), Ordering::Relaxed);
        self.leave_mark();
        self.checkpointing.log_bytes += batch.len() as u64;
        if !self.watches.is_empty() {
            self.show_sent(index, &batch, &outcome.replies, now);
        }
        self.tail.push(index, batch);
        for event in outcome.events.drain(..) {
            match event {
                Event::Ready(queue) => {
                    self.woken.insert(queue);
                }
                Event::KeyChanged(slot) => self.key_watch.changed(self.machine.keys(), slot),
                Event::NotesChanged(slot) => self.note_watch.changed(self.machine.queues(), slot),
                Event::BodyKept(body) => self.living.keep(body),
                Event::BodyMoved(body) => self.see_moved(body),
                Event::BodyReleased(body) => self.living.release(body),
            }
        }
        if self.stage == Stage::Beginning && self.machine.begin().is_some() {
            self.stage = Stage::Serving;
        }
        if let Some(Proposed { calls, looks, .. }) = ticket.and_then(|ticket| self.proposed_as(ticket)) {
            assert_eq!(calls.len(), outcome.replies.len(), "each command has one reply");
            for (call, reply) in calls.into_iter().zip(outcome.replies.drain(..)) {
                if let Reply::QueueDeleted(Ok(queue)) = reply {
                    self.end_waits(queue);
                    self.received.remove(&queue);
                    self.end_watches_of(queue);
                }
                self.answer(call, reply, now);
            }
            self.take_looks(looks);
        }
        self.outcome = outcome;
        if self.checkpoint_is_due() {
            self.begin_checkpoint(now);
        }
        Ok(())
    }

    fn leave_mark(&self) {
        if Marks::is_due(self.machine.applied()) {
            self.marks.keep(self.mark());
        }
    }

    pub(super) fn answer(&mut self, call: Call, reply: Reply, now: Now) {
        match (call, reply) {
            (Call::Client(call), reply) => self.answers.push((call, Answer::Reply(reply))),
            (Call::Receive { call, queue, receive, until, set_aside }, Reply::Received(result)) => {
                self.unset_aside(queue, set_aside);
                let granted = result.as_ref().map_or(0, |grants| grants.len() as u64);
                if granted < set_aside || receive.again != Again::default() {
                    // What was set aside for it and not taken may be another's. A repetition that waited takes nothing of it.
                    self.woken.insert(queue);
                }
                let waits_on = match &result {
                    Ok(grants) => grants.is_empty(),
                    Err(error) => *error == ReceiveError::TooManyInFlight,
                };
                match result {
                    _ if waits_on && self.stage == Stage::Serving && until > now.monotonic => {
                        // Others were quicker, or what was ready met a limit.
                        self.receive_or_wait(Waiter { call, queue, receive, until }, now);
                    }
                    Ok(grants) => {
                        if !grants.is_empty() {
                            self.totals.received += grants.len() as u64;
                            *self.received.entry(queue).or_default() += grants.len() as u64;
                        }
                        self.deliver(call, queue, grants);
                    }
                    Err(error) => self.answers.push((call, Answer::Received(Err(error)))),
                }
            }
            (Call::Receive { .. }, _) => unreachable!("a receive is answered by what it received"),
            (Call::House, _) => {}
        }
    }

    pub(super) fn fail(&mut self, fatal: Fatal) {
        self.stage = Stage::Failed;
        self.fatal = Some(fatal);
        for proposed in std::mem::take(&mut self.proposed) {
            self.refuse(proposed.calls, EngineError::Lost);
            self.refuse_looks(proposed.looks, EngineError::Stopping);
        }
        self.refuse_all(EngineError::Stopping);
    }
}
