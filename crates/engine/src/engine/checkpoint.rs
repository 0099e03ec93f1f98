//! When a checkpoint is made, and its way from the machine to the disk, a slice a step.

use super::Engine;
use crate::{CheckpointStep, Errand, limits};
use evenkeel_checkpoint::Part;
use evenkeel_log::Log;
use evenkeel_types::LogIndex;

/// How far the checkpoint under way is.
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// There is none.
    #[default]
    None,
    /// The machine still has records to hand out.
    Draining {
        /// What goes to its end.
        head: Vec<u8>,
    },
    /// All was handed out; it may be finished once the log is durable up to its index.
    Drained {
        /// What goes to its end.
        head: Vec<u8>,
    },
    /// It is being made durable.
    Finishing,
}

/// The checkpoint under way, and when the next one is due.
#[derive(Debug)]
pub(super) struct Checkpointing {
    pub(super) stage: Stage,
    /// The index of the one under way, or of the last.
    index: LogIndex,
    /// Log applied since the last one began, in bytes.
    pub(super) log_bytes: u64,
    pub(super) every_bytes: u64,
    /// Parts on their way to the disk.
    parts: usize,
    /// The next one has to hold everything: the records that an earlier one took were lost, or there is none.
    whole: bool,
}

impl Checkpointing {
    pub(super) fn new(every_bytes: u64, whole: bool) -> Self {
        Self { stage: Stage::None, index: LogIndex::ZERO, log_bytes: 0, every_bytes, parts: 0, whole }
    }

    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self.stage, Stage::None)
    }

    /// Whether the next slice can be taken at once.
    pub(super) fn has_work(&self) -> bool {
        matches!(self.stage, Stage::Draining { .. }) && self.parts < limits::CHECKPOINT_PARTS_MAX
    }

    /// A part of the checkpoint at that index is written.
    pub(super) fn part_written(&mut self, index: LogIndex) {
        if index == self.index {
            self.parts = self.parts.saturating_sub(1);
        }
    }

    /// It is durable.
    pub(super) fn finished(&mut self) {
        self.stage = Stage::None;
    }

    /// It was lost, and with it the records that it took. What the log still has is enough; the next one is due after
    /// as much log again.
    pub(super) fn failed(&mut self, index: LogIndex) {
        if index == self.index {
            self.stage = Stage::None;
            self.whole = true;
        }
    }
}

impl<L: Log> Engine<L> {
    /// Begins a checkpoint of the present state, unless one is under way.
    pub fn begin_checkpoint(&mut self) {
        if self.checkpointing.is_under_way() {
            return;
        }
        let whole = std::mem::take(&mut self.checkpointing.whole);
        let head = self.machine.begin_checkpoint(whole);
        let index = self.machine.applied();
        self.errands.push(Errand::Checkpoint(index, CheckpointStep::Begin { whole }));
        let Checkpointing { every_bytes, .. } = self.checkpointing;
        self.checkpointing =
            Checkpointing { index, stage: Stage::Draining { head }, ..Checkpointing::new(every_bytes, false) };
    }

    /// Whether enough log was applied since the last one. On a full disk little is enough: it makes room.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let every = self.checkpointing.every_bytes;
        let log_bytes = self.checkpointing.log_bytes;
        log_bytes >= every || log_bytes >= every.min(limits::CHECKPOINT_WHEN_FULL_BYTES) && self.is_full()
    }

    /// Takes the next slice of the checkpoint under way, and ends it when it may.
    pub(super) fn drive_checkpoint(&mut self) {
        if self.checkpointing.has_work() {
            self.drain_slice();
        }
        let may_finish = self.checkpointing.index <= self.log.synced();
        if may_finish && let Stage::Drained { head } = &mut self.checkpointing.stage {
            let head = std::mem::take(head);
            self.checkpointing.stage = Stage::Finishing;
            self.errands.push(Errand::Checkpoint(self.checkpointing.index, CheckpointStep::Finish { head }));
        }
    }

    fn drain_slice(&mut self) {
        let mut part = Part::default();
        let records_max = self.options.pace.checkpoint_slice_records;
        let done = self.machine.drain_checkpoint(records_max, &mut |section, slot, bytes| {
            part.push(section, slot, bytes);
        });
        if !part.is_empty() {
            self.checkpointing.parts += 1;
            self.errands.push(Errand::Checkpoint(self.checkpointing.index, CheckpointStep::Part(part)));
        }
        if done && let Stage::Draining { head } = &mut self.checkpointing.stage {
            self.checkpointing.stage = Stage::Drained { head: std::mem::take(head) };
        }
    }
}
