//! When a checkpoint is made, and its way from the machine to the disk, a slice a step.

use super::Engine;
use crate::{CheckpointStep, Errand, limits};
use evenkeel_checkpoint::Part;
use evenkeel_log::Log;
use evenkeel_types::{LogIndex, Micros, Now};

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
    pub(super) index: LogIndex,
    /// Log applied since the last one began, in bytes.
    pub(super) log_bytes: u64,
    pub(super) every_bytes: u64,
    /// Parts on their way to the disk.
    parts: usize,
    /// The next one has to hold everything: there is none before it, or something that it would rest on is damaged.
    pub(super) whole: bool,
    /// The next one is due at once, or as soon as there is something new.
    pub(super) is_urgent: bool,
    /// An entry is to be written, so that there is.
    pub(super) wants_entry: bool,
    /// The one under way holds everything.
    is_whole: bool,
    /// When the last one began, or was to begin, on the monotonic clock.
    began: Micros,
}

impl Checkpointing {
    pub(super) fn new(every_bytes: u64, whole: bool) -> Self {
        let (index, began) = (LogIndex::ZERO, Micros(0));
        Self {
            stage: Stage::None,
            index,
            log_bytes: 0,
            every_bytes,
            parts: 0,
            whole,
            is_urgent: false,
            wants_entry: false,
            is_whole: false,
            began,
        }
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
}

impl<L: Log> Engine<L> {
    /// Begins a checkpoint of the present state, unless one is under way or the newest has it: no two are of one state.
    pub fn begin_checkpoint(&mut self, now: Now) {
        let applied = self.machine.applied();
        // A state between an entry that is passed over and the one that says so could not be told from one that has taken it in.
        if self.checkpointing.is_under_way() || applied <= self.newest_checkpoint || self.skips.spoil(applied) {
            return;
        }
        let whole = std::mem::take(&mut self.checkpointing.whole);
        let head = self.machine.begin_checkpoint(whole);
        let index = self.machine.applied();
        self.errands.push(Errand::Checkpoint(index, CheckpointStep::Begin { whole }));
        let Checkpointing { every_bytes, .. } = self.checkpointing;
        self.checkpointing = Checkpointing {
            index,
            stage: Stage::Draining { head },
            is_whole: whole,
            began: now.monotonic,
            ..Checkpointing::new(every_bytes, false)
        };
    }

    /// The checkpoint at that index could not be written. What it took counts as changed again; what the log still has
    /// is enough for a start. The next one is due after as much log again, or soon if the disk is full.
    pub(super) fn checkpoint_failed(&mut self, index: LogIndex) {
        if index != self.checkpointing.index || !self.checkpointing.is_under_way() {
            return;
        }
        self.totals.checkpoints_failed += 1;
        self.errands.push(Errand::Discard(self.machine.abandon_checkpoint()));
        self.checkpointing.stage = Stage::None;
        self.checkpointing.whole |= self.checkpointing.is_whole;
    }

    /// Whether enough log was applied, or enough records changed, since the last one began.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let Checkpointing { log_bytes, every_bytes, .. } = self.checkpointing;
        // A full disk takes less log than that, and every checkpoint makes room.
        log_bytes >= every_bytes
            || self.machine.changed_records() >= self.options.checkpoint_records_max
            || log_bytes >= every_bytes.min(self.options.reserve_bytes / 64) && self.is_full()
    }

    /// When a full disk calls for the next checkpoint, if it does: what was deleted makes room only once the older of
    /// two checkpoints knows of it.
    pub(super) fn checkpoint_for_room(&self) -> Option<Micros> {
        let nothing_new = self.checkpointing.log_bytes == 0 && self.oldest_checkpoint == self.checkpointing.index;
        let pointless = nothing_new && !self.lacks_room;
        if self.checkpointing.is_under_way() || pointless || !self.is_full() {
            return None;
        }
        Some(Micros(self.checkpointing.began.0.saturating_add(limits::CHECKPOINT_WHEN_FULL_EVERY.0)))
    }

    /// Takes the next slice of the checkpoint under way, and ends it when it may.
    pub(super) fn drive_checkpoint(&mut self, now: Now) {
        let is_for_room = self.checkpoint_for_room().is_some_and(|at| at <= now.monotonic);
        if is_for_room && self.machine.applied() <= self.newest_checkpoint {
            // On a full disk all may be refused that would bring something new.
            let Checkpointing { is_urgent, wants_entry, began, .. } = &mut self.checkpointing;
            (*is_urgent, *wants_entry, *began) = (true, true, now.monotonic);
        }
        if is_for_room || self.checkpointing.is_urgent {
            self.begin_checkpoint(now);
        }
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
