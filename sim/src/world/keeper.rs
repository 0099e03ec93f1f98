//! The keeper's work, step by step: checkpoints, merges, carried bodies; and the power cuts that hit it there.

use super::{Event, HouseEvent, World};
use crate::{
    clock::{MILLISECOND, SECOND},
    house::{BODIES, House},
    invariants::{Broken, room},
    kinds::Doing,
};
use evenkeel_disk::Disk;
use evenkeel_engine::{CheckpointStep, Done, Errand};
use evenkeel_log_local::Step as WriterStep;
use evenkeel_types::LogIndex;
use std::path::Path;

/// The operations of a step in which something may befall it, so that short steps are hit as well.
const OPERATIONS: u64 = 24;

impl World {
    /// The keeper does its next errand, or what it finds to do of its own accord.
    pub(crate) fn keep(&mut self) -> Result<(), Broken> {
        self.life.keeper_busy = false;
        if self.house.is_none() {
            return Ok(());
        }
        let keeping = self.profile.keeping;
        if self.fate.chance(keeping.dies_within) {
            self.disk_is_ill = true;
            self.counts.disks_died += 1;
            self.disk.fail_from(self.fate.span(1, OPERATIONS) - 1);
        } else if self.fate.chance(keeping.what_if_within) {
            let seed = self.fate.next_u64();
            self.disk.fork_after(self.fate.span(1, OPERATIONS) - 1, seed);
        }
        let errand = self.life.errands.pop_front();
        self.disk.doing(self.doing(errand.as_ref()));
        let is_step = self.take_step(errand);
        self.disk.doing(Doing::Log);
        if let Some(copy) = self.disk.take_fork() {
            self.counts.what_ifs_within += 1;
            self.what_if_on(&copy, false)?;
        }
        if is_step && !self.is_ill() && self.fate.chance(keeping.what_if_behind) {
            self.what_if(false)?;
        }
        if self.disk.has_died() {
            let power_cut = self.fate.chance(700);
            self.house_dies(power_cut);
        }
        Ok(())
    }

    fn take_step(&mut self, errand: Option<Errand>) -> bool {
        let Some(House { keeper, engine, .. }) = &mut self.house else { return false };
        let Some(errand) = errand else {
            let more = keeper.idle().unwrap_or(false);
            if let Some(trouble) = keeper.trouble() {
                engine.errand_done(trouble);
            }
            self.counts.merge_steps += u64::from(more);
            self.life.keeper_curious = more;
            return more;
        };
        let done = keeper.run(errand);
        if let Some(trouble) = keeper.trouble() {
            engine.errand_done(trouble);
        }
        let Some(done) = done else { return true };
        match &done {
            Done::CheckpointPart(_) => {}
            Done::Checkpoint { .. } => {
                self.counts.checkpoints += 1;
                self.life.keeper_curious = true;
            }
            Done::Carried { .. } => self.counts.carried += 1,
            _ => {}
        }
        self.trace.line(self.clocks.now, format_args!("the keeper: {done:?}"));
        engine.errand_done(done);
        true
    }

    fn doing(&self, errand: Option<&Errand>) -> Doing {
        match errand {
            None => Doing::Merge,
            Some(Errand::Checkpoint(_, CheckpointStep::Finish { .. })) => Doing::Finish,
            Some(Errand::Checkpoint(..)) => Doing::Part,
            Some(Errand::Carry { first, last, .. }) if self.has_body_file(*first, *last) => Doing::CarryOver,
            Some(Errand::Carry { .. }) => Doing::Carry,
            Some(Errand::RemoveBodies { .. }) => Doing::RemoveBodies,
            Some(Errand::ReadBodies { .. } | Errand::ReadBody { .. } | Errand::Discard(_)) => Doing::Log,
        }
    }

    fn has_body_file(&self, first: LogIndex, last: LogIndex) -> bool {
        let names = self.disk.list(Path::new(BODIES)).unwrap_or_default();
        let range = |name: &String| {
            let (from, to) = name.strip_suffix(".bodies")?.split_once('-')?;
            Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
        };
        names.iter().filter_map(range).any(|(from, to)| from >= first.0 && to <= last.0)
    }

    pub(super) fn schedule_keeper(&mut self) {
        if self.life.keeper_busy || self.life.errands.is_empty() && !self.life.keeper_curious {
            return;
        }
        self.life.keeper_busy = true;
        let takes =
            if self.fate.chance(100) { self.fate.span(MILLISECOND, SECOND) } else { self.fate.span(10, 20_000) };
        self.schedule.at(self.clocks.now + takes, Event::House(self.life_number, HouseEvent::Keep));
    }

    /// Now and then: what is on the disk is what should be, and no more.
    pub(crate) fn audit_files(&mut self) -> Result<(), Broken> {
        let Some(house) = &self.house else { return Ok(()) };
        if self.is_ill() || self.damaged.is_some() || house.engine.machine().applied() != self.witness.applied() {
            return Ok(());
        }
        house.engine.audit_bodies().map_err(|what| Broken::new("living", what))?;
        if self.fate.chance(250) {
            self.counts.bodies_audited += self.witness.book.jobs() as u64;
            self.check_bodies(house)?;
        }
        let is_quiet = house.engine.is_quiet() && house.engine.is_serving() && self.full_until == 0;
        if !is_quiet || self.life.keeper_busy || !self.life.errands.is_empty() {
            return Ok(());
        }
        // The log's background is told at once when a file may go; here it comes when it comes.
        if self.life.writer_busy || self.life.proposed_count > self.life.committed_count {
            return Ok(());
        }
        if let Some(house) = &mut self.house {
            while matches!(house.writer.step(), WriterStep::Done(_) | WriterStep::Filled) {}
        }
        let Some(house) = &self.house else { return Ok(()) };
        self.counts.rooms_judged += 1;
        room::check(&self.disk, house, self.setup.segment_bytes)
    }

    /// Memory is bounded while the disk stands still.
    pub(super) fn check_memory(&self) -> Result<(), Broken> {
        let Some(house) = &self.house else { return Ok(()) };
        // Those of one that failed stand before the beginning of the next, perhaps at the same index, and are dropped when their turn comes.
        let is_beginning = |errand: &Errand| matches!(errand, Errand::Checkpoint(_, CheckpointStep::Begin { .. }));
        let is_part = |errand: &&Errand| matches!(errand, Errand::Checkpoint(_, CheckpointStep::Part(_)));
        let newest = self.life.errands.iter().rposition(is_beginning).unwrap_or(0);
        let parts = self.life.errands.iter().skip(newest).filter(is_part);
        room::check_memory(house, self.profile.keeping.pace.unsynced_bytes_max, parts.count())
    }
}
