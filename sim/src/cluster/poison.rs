//! Entries that nobody can apply: all nodes halt before one, and an operator has it passed over.

use super::{Event, World, host::FOLDER};
use crate::clock::MILLISECOND;
use evenkeel_engine::{Halt, Proposal, Request, Skipped, note_skip};
use evenkeel_machine::command::Command;
use std::path::Path;

/// No version will ever have it.
pub(crate) const LEVEL: u32 = u32::MAX;

/// Whether that is why a node has halted.
pub(super) fn is_why(halt: &Halt) -> bool {
    halt.why.contains(&format!("feature level {LEVEL}"))
}

impl World {
    /// Has the leader write one: among what clients ask for at that moment, whose calls are lost with it.
    pub(super) fn poison(&mut self) {
        let Some(leader) = self.leader() else { return };
        self.witness.has_poison = true;
        self.line(format_args!("node {} is given what nobody can apply", self.hosts_id(leader)));
        let poison = Command::RaiseFeatureLevel { level: LEVEL };
        self.tell_engine(leader, Request::Propose(Proposal::new(&poison)));
    }

    /// The operator, who looks now and then, has the entry passed over before which the leader has halted.
    pub(super) fn pass_over(&mut self, at: usize) {
        let halted = self.host(at).house.as_ref().filter(|house| house.engine.is_halted());
        let Some(halt) = halted.and_then(|house| house.engine.halted().get()) else { return };
        if is_why(&halt) && self.fate.chance(100) {
            self.line(format_args!("node {} is told to pass over {}", self.hosts_id(at), halt.entry));
            self.tell_engine(at, Request::Skip(halt.entry));
        }
    }

    /// The log of a node says that an entry is passed over: that is written down, and the node begins again.
    pub(super) fn begins_again(&mut self, at: usize, skipped: Skipped) {
        self.counts.passed_over += 1;
        let noted = note_skip(&self.host(at).disk, Path::new(FOLDER), skipped);
        self.line(format_args!("node {} passes over {}: {noted:?}", self.hosts_id(at), skipped.entry));
        self.house_ends(at);
        self.end_life_of_disk(at, false);
        let soon = self.fate.span(MILLISECOND, 300 * MILLISECOND);
        self.schedule.at(self.now + soon, Event::Restart(at));
    }
}
