//! What is let in: not more than the disk can be made to take, nor than the settings allow, and nothing of a feature level that is not in force.

use super::Engine;
use crate::{
    Proposal,
    fault::{self, Fault},
    request::{Demand, EngineError},
};
use evenkeel_log::Log;
use evenkeel_machine::command::without_once;

impl Demand {
    pub(super) fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.bytes += other.bytes;
        self.ids += other.ids;
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.jobs -= other.jobs;
        self.bytes -= other.bytes;
        self.ids -= other.ids;
    }
}

impl<L: Log> Engine<L> {
    /// A command as it may be proposed now: without what came with a feature level that is not in force yet. The level never falls, so that
    /// it holds wherever in the log this comes to stand.
    pub(super) fn in_force<'a>(&self, command: &'a [u8]) -> &'a [u8] {
        let is_in_force = self.machine.build().once_since <= self.machine.feature_level();
        if is_in_force || fault::is(Fault::ProposeEarly) { command } else { without_once(command) }
    }

    /// Whether the disk is known to be full, or has room only because something made way.
    pub(super) fn is_full(&self) -> bool {
        self.lacks_room || self.log.room_bytes() != u64::MAX
    }

    /// Whether a command may go on to the log; notes what it demands if so.
    pub(super) fn admit(&mut self, proposal: &Proposal) -> Result<(), EngineError> {
        let unsynced = self.unsynced_bytes();
        if unsynced + proposal.bytes().len() > self.options.pace.unsynced_bytes_max {
            return Err(EngineError::Overloaded);
        }
        let demand = proposal.demand();
        if demand.jobs == 0 {
            return Ok(());
        }
        // Receives and deletes may use up what is left: they make room.
        if self.lacks_room || self.log.room_bytes() < self.options.reserve_bytes.saturating_add(unsynced as u64) {
            return Err(EngineError::DiskFull);
        }
        let present = self.machine.queues().totals();
        let jobs = present.jobs + self.let_in.jobs + demand.jobs;
        let bytes = present.bytes + self.let_in.bytes + demand.bytes;
        if jobs > self.options.jobs_max || bytes > self.options.bytes_max {
            return Err(EngineError::Full);
        }
        let ids = u64::from(self.machine.queues().remembered_ids()) + self.let_in.ids + demand.ids;
        if demand.ids > 0 && ids > self.options.dedup_ids_max {
            return Err(EngineError::TooManyIds);
        }
        self.let_in.add(demand);
        self.open_demand.add(demand);
        Ok(())
    }
}
