//! The house starts again, and must find everything that it ever called committed.

use super::{Event, Life, World};
use crate::{
    clock::{MILLISECOND, SECOND},
    house::{self, OpenError},
    invariants::{Broken, fencing},
};

impl World {
    /// Opens the house, or tries again later.
    pub(crate) fn restart(&mut self) -> Result<(), Broken> {
        if self.house.is_some() {
            return Ok(());
        }
        if self.life_number > 0 {
            self.counts.restarts += 1;
            if self.damaged.is_none() && self.fate.chance(self.profile.faults.damage) {
                self.flip_a_bit();
            }
            // Power may go in the middle of a start as well.
            if self.fate.chance(self.profile.faults.disk_dies) {
                self.disk_is_ill = true;
                self.counts.disks_died += 1;
                self.disk.fail_from(self.fate.below(20));
            }
        }
        if let Some(operations) = self.dies_after.take() {
            self.counts.disks_died += 1;
            self.disk.fail_from(operations);
        }
        self.clocks.new_life(&mut self.fate);
        let (opened, found) = match house::open(&self.disk, self.setup) {
            Ok(opened) => opened,
            Err(error) => return self.does_not_open(error),
        };
        for damaged in &found.damaged {
            self.line(format_args!("found damaged: {damaged}"));
            self.counts.damage_detected += 1;
            if let Some(kind) = self.damaged_kind.take() {
                self.counts.files.noticed(kind);
            }
            if self.damaged.is_none() {
                return Err(Broken::new("durable", format!("a checkpoint that nobody damaged: {damaged}")));
            }
        }
        self.counts.torn_writes += u64::from(found.log.torn.is_some());
        let life = self.life_number;
        self.line(format_args!("life {life} begins: {:?}", found.log));
        // Another bit may have flipped than one that matters; then everything has to go on as if nothing were.
        if let Err(broken) = self.witness.committed.check_end(found.log.last) {
            return Err(self.blame_damage(broken));
        }
        fencing::check(self.epoch, found.log.epoch)?;
        self.epoch = found.log.epoch;
        self.house = Some(opened);
        self.life = Life { serving_since: self.clocks.now, free_since: self.clocks.now, ..Life::default() };
        self.life.timing_known = self.full_until == 0;
        // The first step takes over; what the log held before is seen with it.
        let now = self.clocks.read();
        if let Some(house) = &mut self.house {
            let stepped = house.catch_up(now);
            self.life.log_time_before = house.engine.machine().log_time();
            if let Err(fatal) = stepped {
                return match self.damaged.take() {
                    Some(damage) => {
                        self.detected(&format!("{fatal} ({damage})"));
                        Ok(())
                    }
                    None if self.is_ill() => {
                        self.house_dies(false);
                        Ok(())
                    }
                    None => Err(Broken::new("house", format!("it opened and then failed: {fatal}"))),
                };
            }
        }
        self.compare_history()?;
        if self.ended {
            return Ok(());
        }
        // Before any proposal of this life is noted: these entries are of earlier ones.
        self.witness_committed()?;
        self.pump()?;
        if self.fate.chance(200) && self.house.is_some() {
            self.what_if(false)?;
        }
        Ok(())
    }

    /// Every entry that can be read back is the one that was committed.
    fn compare_history(&mut self) -> Result<(), Broken> {
        let Some(house) = &self.house else { return Ok(()) };
        let last = self.witness.applied();
        let result = crate::world::what_if::compare(&house.reader, house.engine.log(), &self.witness.committed, last);
        match result {
            Err(_) if self.is_ill() => Ok(()),
            Err(broken) => match self.damaged.take() {
                // It was read with its checksum, so it was detected rather than served.
                Some(damage) if broken.what.contains("damaged") => {
                    self.detected(&format!("{broken} ({damage})"));
                    Ok(())
                }
                _ => Err(broken),
            },
            Ok(()) => Ok(()),
        }
    }

    fn blame_damage(&self, mut broken: Broken) -> Broken {
        if let Some(damage) = &self.damaged {
            broken.what = format!("{}, and nothing was said of {damage}", broken.what);
        }
        broken
    }

    fn does_not_open(&mut self, error: OpenError) -> Result<(), Broken> {
        match error {
            OpenError::Refused(what) | OpenError::TooNew(what) => match self.damaged.take() {
                Some(damage) => {
                    self.detected(&format!("{what} ({damage})"));
                    Ok(())
                }
                None => Err(Broken::new("durable", format!("it does not open, and nothing was damaged: {what}"))),
            },
            OpenError::Disk(what) if self.is_ill() || self.full_until != 0 => {
                self.line(format_args!("it does not open: {what}"));
                let is_ill = self.is_ill();
                if let Some(boundary) = self.disk.take_death() {
                    self.counts.died.add(boundary);
                }
                if is_ill && self.fate.chance(500) {
                    self.cut_power();
                } else {
                    self.disk.kill();
                }
                self.disk_is_ill = false;
                let at = self.clocks.now + self.fate.span(10 * MILLISECOND, SECOND);
                self.schedule.at(at, Event::Restart);
                Ok(())
            }
            OpenError::Disk(what) => match self.damaged.take() {
                Some(damage) => {
                    self.detected(&format!("{what} ({damage})"));
                    Ok(())
                }
                None => Err(Broken::new("durable", format!("it does not open on a healthy disk: {what}"))),
            },
        }
    }
}
