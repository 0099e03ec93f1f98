//! An entry that cannot be applied: the engine stands before it, answers nothing, and reads on only to see whether the log says that it is passed over.
//!
//! The log agrees on entries whether or not anybody can apply them, so a node that has halted votes, keeps what others write, and may even own the log. What it
//! sees behind the entry it does not apply: once [`Command::Skip`] of that entry comes, the engine ends ([`Fatal::Skip`]), that is written down, and
//! the next life comes here with the entry passed over.

use super::{Call, Engine, Proposed, Stage};
use crate::{
    CallId, Fatal,
    clock::LogClock,
    halt::{Halt, Halted},
    request::{Answer, Demand, EngineError},
    skips::Skipped,
};
use bytes::Bytes;
use evenkeel_log::{Entry, Log, Ticket};
use evenkeel_machine::{
    ApplyError, Reply,
    batch::{BatchBuilder, Contents, skipped_by},
    command::Command,
};
use evenkeel_types::{LogIndex, Now};
use std::sync::Arc;

impl<L: Log> Engine<L> {
    /// Whether it stands before an entry that cannot be applied.
    pub fn is_halted(&self) -> bool {
        self.halt.is_some()
    }

    /// Whether an entry cannot be applied, readable while the engine is there.
    pub fn halted(&self) -> Arc<Halted> {
        Arc::clone(&self.halted)
    }

    /// That entry cannot be applied: halts before it. Before the log's first command there is no state that could be kept.
    pub(super) fn cannot_apply(
        &mut self,
        entry: LogIndex,
        batch: &Bytes,
        why: String,
        error: Option<ApplyError>,
    ) -> Result<(), Fatal> {
        match error {
            Some(error) if self.machine.begin().is_none() => Err(error.into()),
            _ => {
                self.halt(entry, batch, why);
                Ok(())
            }
        }
    }

    /// Stands before that entry from now on. All that is under way is answered.
    pub(super) fn halt(&mut self, entry: LogIndex, batch: &Bytes, why: String) {
        let contents = Contents::of(batch);
        self.trouble.push(format!(
            "ALARM: halted before entry {entry}, which cannot be applied: {why}. It has {contents}. Nothing is accepted or handed out until this is resolved, \
             and nothing that was acknowledged is lost. A version without the defect goes on by itself; `evenkeel cluster recover --skip {entry}` passes \
             the entry over on all nodes. docs/operations.md, \"An entry cannot be applied\""
        ));
        let halt = Halt { entry, why, contents };
        self.halted.set(halt.clone());
        self.halt = Some(halt);
        if self.stage != Stage::Stopping {
            self.stage = Stage::Following;
        }
        // What was proposed is in the log or may still get there; what it did not do, a later life does.
        for proposed in std::mem::take(&mut self.proposed) {
            self.proposed_bytes -= proposed.bytes;
            self.let_in.remove(proposed.demand);
            self.refuse(proposed.calls, EngineError::Lost);
            self.refuse_looks(proposed.looks, EngineError::Halted(entry));
        }
        self.refuse_all(EngineError::Halted(entry));
    }

    /// An entry behind the one that cannot be applied.
    pub(super) fn look_behind(
        &mut self,
        halted_at: LogIndex,
        entry: &Entry,
        ticket: Option<Ticket>,
    ) -> Result<(), Fatal> {
        if skipped_by(&entry.batch) != Some(halted_at) {
            return Ok(());
        }
        if let Some(Proposed { calls, .. }) = ticket.and_then(|ticket| self.proposed_as(ticket)) {
            let clients = calls.into_iter().filter_map(|call| match call {
                Call::Client(call) => Some(call),
                Call::Receive { .. } | Call::House => None,
            });
            self.answers.extend(clients.map(|call| (call, Answer::Reply(Reply::Done))));
        }
        Err(Fatal::Skip(Skipped { entry: halted_at, by: entry.index }))
    }

    /// Has all nodes pass over the entry before which this one has halted.
    pub(super) fn propose_skip(&mut self, call: CallId, entry: LogIndex, now: Now) {
        let refusal = match &self.halt {
            _ if self.stage == Stage::Stopping => Some(EngineError::Stopping),
            Some(halt) if halt.entry == entry => None,
            _ => Some(EngineError::NotHalted),
        };
        // Not by the log's own word: an owner before may have written the same, and only once that is seen here is it known that nobody has. One
        // entry is passed over by one other, so that a state behind that is good.
        let refusal = refusal.or_else(|| (!self.owns).then_some(EngineError::NotLeading));
        if let Some(error) = refusal {
            self.answers.push((call, Answer::Failed(error)));
            return;
        }
        if let Some(under_way) = self.proposed.back_mut() {
            under_way.calls.push(Call::Client(call));
            return;
        }
        let mut batch = BatchBuilder::default();
        batch.push(&Command::Skip { entry });
        let clock = LogClock::take_over(self.machine.log_time(), self.machine.wall_time(), now);
        let batch = Bytes::from(batch.finish(clock.log_time(now), now.wall));
        let bytes = batch.len();
        match self.log.propose(batch) {
            Ok(ticket) => {
                self.proposed_bytes += bytes;
                let (demand, calls, looks) = (Demand::default(), vec![Call::Client(call)], Vec::new());
                self.proposed.push_back(Proposed { ticket, bytes, demand, calls, looks });
            }
            // Said again, it may work.
            Err(_) => self.answers.push((call, Answer::Failed(EngineError::NotLeading))),
        }
    }

    /// Whether the entry that says so comes too late for this state, which has taken the other in. Then it begins again without.
    pub(super) fn heed_skip(&mut self, index: LogIndex, batch: &[u8]) -> Result<(), Fatal> {
        let Some(entry) = skipped_by(batch).filter(|entry| *entry < index) else { return Ok(()) };
        if !self.skips.is_without(self.began_at, entry) {
            return Err(Fatal::Skip(Skipped { entry, by: index }));
        }
        // From there on nobody who gets this state has to know of it.
        self.checkpointing.is_urgent = true;
        Ok(())
    }
}
