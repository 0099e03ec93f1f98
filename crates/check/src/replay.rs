//! Replays the log from the oldest usable checkpoint and compares with each newer one on the way.

use crate::report::CheckpointReport;
use evenkeel_engine::Skips;
use evenkeel_log::Entry;
use evenkeel_machine::{Machine, Outcome};
use evenkeel_types::{Epoch, LogIndex};

/// A checkpoint that can be loaded, and the digest of its state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) index: LogIndex,
    pub(crate) digest: u64,
}

/// Follows the log with one state.
pub(crate) struct Replay<'a> {
    pub(crate) machine: Machine,
    /// Checkpoints above the state, the next one last.
    ahead: Vec<Known>,
    /// Loads the state of a checkpoint.
    load: &'a dyn Fn(LogIndex) -> Result<Machine, String>,
    /// Entries that are passed over.
    skips: &'a Skips,
    outcome: Outcome,
    pub(crate) epoch: Epoch,
    pub(crate) compared: Vec<CheckpointReport>,
    /// What does not agree, and what cannot be followed although a newer checkpoint makes up for it.
    pub(crate) trouble: Vec<String>,
    /// Why the state stands still, with no newer checkpoint to go on from.
    pub(crate) stuck: Option<String>,
}

impl<'a> Replay<'a> {
    /// Begins with this state; `known` are the checkpoints from there on, in order.
    pub(crate) fn new(
        machine: Machine,
        known: &[Known],
        skips: &'a Skips,
        load: &'a dyn Fn(LogIndex) -> Result<Machine, String>,
    ) -> Self {
        let start = machine.applied();
        let ahead: Vec<_> = known.iter().rev().copied().filter(|known| known.index > start).collect();
        let mut compared = Vec::new();
        if known.iter().any(|known| known.index == start) {
            compared.push(CheckpointReport { index: start.0, usable: true, agrees: None });
        }
        Self {
            machine,
            ahead,
            load,
            skips,
            outcome: Outcome::default(),
            epoch: Epoch::default(),
            compared,
            trouble: Vec::new(),
            stuck: None,
        }
    }

    /// Takes the next entry that can be read.
    pub(crate) fn entry(&mut self, entry: &Entry) {
        self.epoch = self.epoch.max(entry.epoch);
        while self.stuck.is_none() && entry.index > self.machine.applied().next() {
            if !self.jump() {
                let next = self.machine.applied().next();
                self.stuck = Some(format!("entry {next} cannot be read, and the state cannot go on without it"));
            }
        }
        if self.stuck.is_some() || entry.index != self.machine.applied().next() {
            return;
        }
        let applied = if entry.batch.is_empty() || self.skips.has(entry.index) {
            self.machine.skip(entry.index)
        } else {
            self.machine.apply(entry.index, &entry.batch, &mut self.outcome)
        };
        if let Err(error) = applied {
            let error = error.to_string();
            if self.jump() {
                self.trouble.push(error);
            } else {
                self.stuck = Some(error);
            }
            return;
        }
        if self.ahead.last().is_some_and(|known| known.index == entry.index) {
            self.compare();
        }
    }

    /// There are no more entries: goes on to the newest checkpoint if it lies above.
    pub(crate) fn end(&mut self) {
        while self.stuck.is_none() && self.jump() {}
    }

    /// Compares the state with a checkpoint at its index, and goes on with that if they differ.
    fn compare(&mut self) {
        let Some(known) = self.ahead.last().copied() else { return };
        let agrees = self.machine.digest() == known.digest;
        if !agrees {
            self.trouble.push(format!(
                "replaying the log up to entry {} gives another state (digest {:016x}) than the checkpoint there \
                 ({:016x})",
                known.index,
                self.machine.digest(),
                known.digest
            ));
            _ = self.jump();
        } else {
            self.ahead.pop();
        }
        self.note(known.index, Some(agrees));
    }

    fn note(&mut self, index: LogIndex, agrees: Option<bool>) {
        self.compared.retain(|compared| compared.index != index.0);
        self.compared.push(CheckpointReport { index: index.0, usable: true, agrees });
    }

    /// Loads the next checkpoint. False if there is none.
    fn jump(&mut self) -> bool {
        let Some(known) = self.ahead.pop() else { return false };
        // One state at a time is enough.
        self.machine = Machine::default();
        match (self.load)(known.index) {
            Ok(machine) => {
                self.machine = machine;
                self.note(known.index, None);
            }
            Err(error) => self.stuck = Some(error),
        }
        true
    }
}
