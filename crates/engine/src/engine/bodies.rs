//! Where bodies lie as the log moves on: files retire, empty ones go, poor ones are rewritten.

use super::Engine;
use crate::{
    Errand,
    carrying::{self, Group, Sweep},
    fault::{self, Fault},
    living::{Extent, Kind},
};
use evenkeel_log::Log;
use evenkeel_types::{BodyRef, LogIndex};
use std::collections::VecDeque;

/// How far carrying is.
#[derive(Debug, Default)]
pub(super) enum Carrying {
    /// The log was not replayed yet. There still are jobs that an earlier life knew to be finished when it carried: their bodies are nowhere,
    /// though a file stands for their entries, and a sweep would find them.
    NotYet,
    #[default]
    None,
    /// The jobs are being looked through.
    Sweeping(Sweep),
    /// They were, in the state at this index. Whoever was finished by then is left out, and a power cut must not bring
    /// it back.
    Swept(LogIndex, Vec<Group>),
    /// A group is being written. One at a time, so that checkpoints come in between, however much there is.
    Writing {
        /// Those that come after it.
        left: VecDeque<Group>,
        /// One could not be.
        failed: bool,
    },
}

impl<L: Log> Engine<L> {
    /// Whether the next slice of the sweep can be taken at once.
    pub(super) fn carrying_has_work(&self) -> bool {
        matches!(self.carrying, Carrying::Sweeping(_))
    }

    /// A checkpoint became durable: the log below the oldest one will not be replayed again.
    pub(super) fn retire(&mut self) {
        let floor = self.oldest_checkpoint.next();
        if floor > self.log.first_index() {
            // A log that fails here says so by its own event.
            let _ = self.log.trim(floor);
        }
        self.living.retire(&self.log.retired());
        self.let_go_of_empty();
        self.consider_carrying();
    }

    /// Gives up the files in which nothing lives any more.
    pub(super) fn let_go_of_empty(&mut self) {
        let applied = self.machine.applied();
        let empty = self.living.take_empty();
        self.letting_go.extend(empty.into_iter().map(|extent| (applied, extent)));
        // Not before what emptied them is durable: a power cut would bring their jobs back.
        let synced = self.log.synced();
        while self.letting_go.front().is_some_and(|(index, _)| *index <= synced)
            && let Some((_, extent)) = self.letting_go.pop_front()
        {
            self.let_go(&extent);
        }
        if fault::is(Fault::TrimBodies)
            && let Some(extent) = self.living.extents().first().copied()
        {
            self.let_go(&extent);
        }
    }

    fn let_go(&mut self, extent: &Extent) {
        let Extent { first, last, .. } = *extent;
        match extent.kind {
            Kind::Segment => {
                let _ = self.log.release(first, last);
            }
            Kind::BodyFile => self.errands.push(Errand::RemoveBodies { first, last }),
        }
    }

    fn consider_carrying(&mut self) {
        if !matches!(self.carrying, Carrying::None) {
            return;
        }
        self.living.forget_gone_bytes();
        let mut options = self.options.carry;
        if self.is_full() {
            // What is written must fit beside what it replaces.
            options.group_bytes_max /= 8;
        }
        if let Some(sweep) = carrying::choose(&mut self.living, &options) {
            self.carrying = Carrying::Sweeping(sweep);
        }
    }

    /// Looks through the next slice of jobs, or has written what was found.
    pub(super) fn drive_carrying(&mut self) {
        match &self.carrying {
            // What an earlier life left to be carried does not wait for the next checkpoint.
            Carrying::NotYet if self.machine.applied() >= self.log.last_at_opening() => {
                self.carrying = Carrying::None;
                self.consider_carrying();
            }
            // Deletes write little log; with large bodies the next checkpoint may be long in coming.
            Carrying::None if self.living.gone_bytes() > self.options.carry.slack_bytes => self.consider_carrying(),
            Carrying::Sweeping(_) => self.sweep_slice(),
            Carrying::Swept(index, _) if *index <= self.log.synced() => self.write_groups(),
            Carrying::NotYet | Carrying::None | Carrying::Swept(..) | Carrying::Writing { .. } => {}
        }
    }

    fn sweep_slice(&mut self) {
        let Carrying::Sweeping(sweep) = &mut self.carrying else { return };
        let queues = self.machine.queues();
        let mut slots = queues.job_slots();
        slots.end -= if fault::is(Fault::SweepTooShort) { slots.end / 8 } else { 0 };
        let slice = sweep.slice(slots, self.options.pace.sweep_slice_jobs);
        if !slice.is_empty() {
            for body in queues.bodies(slice) {
                sweep.see(body);
            }
            return;
        }
        let Carrying::Sweeping(sweep) = std::mem::take(&mut self.carrying) else { return };
        self.carrying = Carrying::Swept(self.machine.applied(), sweep.finish());
        self.drive_carrying();
    }

    /// A job was moved to a slot that the sweep may have passed.
    pub(super) fn see_moved(&mut self, body: BodyRef) {
        if let Carrying::Sweeping(sweep) = &mut self.carrying {
            sweep.see(body);
        }
    }

    fn write_groups(&mut self) {
        let Carrying::Swept(_, groups) = std::mem::take(&mut self.carrying) else { return };
        self.carrying = Carrying::Writing { left: groups.into(), failed: false };
        self.write_next_group();
    }

    fn write_next_group(&mut self) {
        let Carrying::Writing { left, failed } = &mut self.carrying else { return };
        if let Some(Group { first, last, bodies }) = left.pop_front() {
            if fault::is(Fault::ReleaseBeforeCarry) {
                let _ = self.log.release(first, last);
            }
            self.errands.push(Errand::Carry { first, last, bodies });
            return;
        }
        let failed = *failed;
        self.carrying = Carrying::None;
        if !failed {
            self.consider_carrying();
        }
    }

    /// The bodies of a group are durable in a file of their own (of so many bytes); the files they were in may go.
    pub(super) fn carried(&mut self, first: LogIndex, last: LogIndex, disk_bytes: u64) {
        self.living.replace(first, last, disk_bytes);
        let _ = self.log.release(first, last);
        self.let_go_of_empty();
        self.write_next_group();
    }

    /// A group could not be written. Its files stay as they are, and are tried again after the next checkpoint; but for
    /// the one with a body that cannot be read, which must not keep the others from it.
    pub(super) fn not_carried(&mut self, first: LogIndex, last: LogIndex, unreadable: Option<LogIndex>) {
        self.living.hold(first, last, false);
        if let Some(index) = unreadable {
            self.living.give_up(index);
        }
        self.let_go_of_empty();
        if let Carrying::Writing { failed, .. } = &mut self.carrying {
            *failed = true;
        }
        self.write_next_group();
    }
}
