//! What befalls the house: kills, power cuts, sick disks, calendars that jump; and the end of all that.

use super::{Event, World};
use crate::clock::{MILLISECOND, SECOND};

impl World {
    /// Once per simulated second.
    pub(crate) fn roll_the_dice(&mut self) {
        if self.draining {
            return;
        }
        let rates = self.profile.faults;
        if self.fate.chance(rates.wall_jump) {
            let by = self.clocks.jump(&mut self.fate);
            self.counts.wall_jumps += 1;
            self.line(format_args!("the calendar jumps by {by} ms"));
        }
        if self.fate.chance(rates.slow_disk) {
            self.slow_until = self.clocks.now + self.fate.span(SECOND, 10 * SECOND);
            self.counts.slow_disks += 1;
            self.line(format_args!("the disk is slow"));
        }
        if self.fate.chance(rates.disk_full) && self.full_until == 0 {
            self.disk_is_full();
        }
        if self.house.is_some() {
            if self.fate.chance(rates.sync_fails) {
                self.disk_is_ill = true;
                self.counts.sync_failures += 1;
                let count = self.fate.below(4);
                self.disk.fail_sync(count);
                self.line(format_args!("a sync will fail after {count} more"));
            }
            if self.fate.chance(rates.disk_dies) {
                self.disk_is_ill = true;
                self.counts.disks_died += 1;
                let count = self.fate.below(30);
                self.disk.fail_from(count);
                self.line(format_args!("the disk will die after {count} more operations"));
            }
            if self.fate.chance(rates.kill) {
                self.counts.kills += 1;
                self.house_dies(false);
            } else if self.fate.chance(rates.power_cut) {
                self.house_dies(true);
            }
        }
        // Not on the second, which would be a moment like no other.
        let at = self.clocks.now + self.fate.between(500, 1_500) * MILLISECOND;
        self.schedule.at(at, Event::Fault);
    }

    /// The process is gone, by a power cut or not.
    pub(crate) fn house_dies(&mut self, mut power_cut: bool) {
        self.house = None;
        let is_ill = self.is_ill();
        if let Some(boundary) = self.disk.take_death() {
            self.counts.died.add(boundary);
        }
        // What kills a process may take the machine along.
        power_cut |= is_ill && self.fate.chance(300);
        if power_cut {
            self.cut_power();
        } else {
            self.line(format_args!("the process is killed"));
            self.disk.kill();
        }
        self.disk_is_ill = false;
        self.life_number += 1;
        let life = self.life_number;
        self.schedule.retain(|event| !matches!(event, Event::House(of, _) if *of != life));
        self.calls.clear();
        let broken: Vec<u64> = self.txs.values().filter(|tx| tx.call.is_some()).map(|tx| tx.op).collect();
        self.txs.retain(|_, tx| tx.call.is_none());
        for op in broken {
            let at = self.soon();
            self.schedule.at(at, Event::Broke(op, true));
        }
        let at = self.clocks.now + self.fate.span(10 * MILLISECOND, 5 * SECOND);
        self.schedule.at(at, Event::Restart);
    }

    pub(crate) fn cut_power(&mut self) {
        self.counts.power_cuts += 1;
        if self.fate.chance(200) {
            self.line(format_args!("the power goes, all that is pending is lost"));
            self.disk.crash_losing_all();
        } else {
            self.line(format_args!("the power goes"));
            self.disk.crash();
        }
    }

    fn disk_is_full(&mut self) {
        let used = self.bytes_on_disk();
        let room = self.fate.span(1, 64 * 1024);
        self.disk.set_capacity(Some(used + room));
        self.full_until = self.clocks.now + self.fate.span(SECOND, 10 * SECOND);
        self.schedule.at(self.full_until, Event::DiskHasRoom);
        self.counts.disks_full += 1;
        self.life.timing_known = false;
        self.line(format_args!("the disk has room for {room} more bytes"));
    }

    pub(crate) fn disk_has_room(&mut self) {
        if self.full_until != 0 {
            self.full_until = 0;
            self.disk.set_capacity(None);
            self.life.timing_known = false;
            self.line(format_args!("the disk has room again"));
        }
    }

    /// From now on nothing goes wrong, and what is left is worked off.
    pub(crate) fn heal(&mut self) {
        self.line(format_args!("everything heals"));
        self.disk_has_room();
        self.slow_until = 0;
        self.profile.keeping.dies_within = 0;
        self.profile.faults = crate::profile::FaultRates::default();
        self.healed_at = self.clocks.now;
        self.draining = true;
        if self.is_ill() {
            // The house may not have noticed yet; whoever repairs a disk starts it again.
            self.house_dies(true);
        }
        if self.queues_made == self.profile.queues.len() {
            return;
        }
        // So much went wrong that the queues were never made; nothing can have been sent.
        self.queues_made = self.profile.queues.len();
        self.create_next_queue();
    }
}
