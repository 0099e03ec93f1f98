//! What befalls the hosts: kills, power cuts, sick disks, pauses, clocks that err, flipped bits; and the end of all that.

use super::{Event, World, host::Host, passing::Place};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    kinds::FileKind,
};
use std::path::PathBuf;

impl World {
    /// Once per simulated second, about.
    pub(super) fn roll_the_dice(&mut self) {
        if self.draining {
            return;
        }
        let rates = self.profile.faults;
        if self.fate.chance(rates.partition) {
            self.cut();
        }
        if self.fate.chance(rates.blackout) {
            self.counts.blackouts += 1;
            self.line(format_args!("the power goes everywhere"));
            for at in 0..self.hosts.len() {
                if self.host(at).house.is_some() {
                    self.dies(at, true);
                }
            }
        }
        let running: Vec<usize> = (0..self.hosts.len()).filter(|&at| self.host(at).house.is_some()).collect();
        if !running.is_empty() {
            // The leader is hit more often than chance would.
            let leader = self.leader();
            let victim = |world: &mut Self| match leader {
                Some(leader) if world.fate.chance(400) => leader,
                _ => *world.fate.pick(&running),
            };
            if self.fate.chance(rates.pause) {
                let at = victim(self);
                self.pause(at);
            }
            if self.fate.chance(rates.wall_jump) {
                let at = victim(self);
                self.counts.wall_jumps += 1;
                let host = self.hosts.get_mut(at).expect("hosts stay");
                let by = host.clocks.jump(&mut self.fate);
                self.line(format_args!("the calendar of node {} jumps by {by} ms", self.hosts_id(at)));
            }
            if self.fate.chance(rates.slow_disk) {
                let at = victim(self);
                let until = self.now + self.fate.span(SECOND, 8 * SECOND);
                self.host(at).slow_until = until;
                self.counts.slow_disks += 1;
                self.line(format_args!("the disk of node {} is slow", self.hosts_id(at)));
            }
            if self.fate.chance(rates.disk_full) {
                let at = victim(self);
                self.disk_is_full(at);
            }
            if self.fate.chance(rates.sync_fails) {
                let at = victim(self);
                let count = self.fate.below(4);
                let host = self.host(at);
                host.is_ill = true;
                host.disk.fail_sync(count);
                self.counts.sync_failures += 1;
                self.line(format_args!("a sync of node {} will fail after {count} more", self.hosts_id(at)));
            }
            if self.fate.chance(rates.disk_dies) {
                let at = victim(self);
                let count = self.fate.below(30);
                let host = self.host(at);
                host.is_ill = true;
                host.disk.fail_from(count);
                self.counts.disks_died += 1;
                self.line(format_args!("the disk of node {} will die after {count} more", self.hosts_id(at)));
            }
            if self.fate.chance(rates.kill) {
                let at = victim(self);
                self.dies(at, false);
            }
            if self.fate.chance(rates.power_cut) {
                let at = victim(self);
                self.dies(at, true);
            }
            if self.fate.chance(rates.absence) && self.hosts.iter().all(|host| host.is_gone || host.house.is_some()) {
                let at = victim(self);
                let lasts = self.fate.span(8 * SECOND, 20 * SECOND);
                self.counts.absences += 1;
                self.is_away(at, false, lasts);
            }
        }
        if rates.poison > 0 && self.fate.chance(rates.poison) {
            self.poison();
        }
        let unit = if self.profile.is_stormy { 200 } else { 1_000 };
        let at = self.now + self.fate.between(unit / 2, unit * 3 / 2) * MILLISECOND;
        self.schedule.at(at, Event::Fault);
    }

    fn pause(&mut self, at: usize) {
        let lasts = self.fate.span(50 * MILLISECOND, 15 * SECOND);
        self.counts.pauses += 1;
        self.counts.leader_pauses += u64::from(self.leader() == Some(at));
        // What it would have done waits until then, so it is over soon after all heals.
        let until = (self.now + lasts).min(self.profile.runs_for + SECOND);
        self.host(at).paused_until = until;
        self.line(format_args!("node {} stands still for {} ms", self.hosts_id(at), lasts / MILLISECOND));
    }

    fn disk_is_full(&mut self, at: usize) {
        let room = self.fate.span(1, 64 * 1024);
        let lasts = self.fate.span(SECOND, 8 * SECOND);
        let host = self.host(at);
        if host.is_full {
            return;
        }
        host.is_full = true;
        host.disk.set_capacity(Some(host.bytes() + room));
        self.schedule.at(self.now + lasts, Event::HasRoom(at));
        self.counts.disks_full += 1;
        self.line(format_args!("the disk of node {} has room for {room} more bytes", self.hosts_id(at)));
    }

    pub(super) fn disk_has_room(&mut self, at: usize) {
        let host = self.host(at);
        if host.is_full {
            host.is_full = false;
            host.disk.set_capacity(None);
        }
    }

    /// A process is gone, by a power cut or not, and comes back after a while.
    pub(super) fn dies(&mut self, at: usize, power_cut: bool) {
        let longest = if self.profile.is_stormy { 300 * MILLISECOND } else { 6 * SECOND };
        let lasts = self.fate.span(10 * MILLISECOND, longest);
        self.is_away(at, power_cut, lasts);
    }

    fn is_away(&mut self, at: usize, mut power_cut: bool, lasts: Time) {
        self.house_ends(at);
        power_cut |= self.host(at).is_ill && self.fate.chance(300);
        self.end_life_of_disk(at, power_cut);
        self.schedule.at(self.now + lasts, Event::Restart(at));
    }

    /// The process of a node ends, and with it all that it had under way.
    pub(super) fn house_ends(&mut self, at: usize) {
        let host = self.host(at);
        host.house = None;
        host.life = super::host::Life::default();
        host.fetch = None;
        host.offering = super::state::Offering::default();
        host.paused_until = 0;
        let broken: Vec<(u64, u64, Place)> =
            self.txs.iter().filter(|(_, tx)| tx.at == at).map(|(number, tx)| (*number, tx.op, tx.place)).collect();
        for (number, op, place) in broken {
            if matches!(place, Place::UnderWay) {
                continue;
            }
            if let Place::There(forward) = place {
                self.forwards.remove(&forward);
            }
            self.txs.remove(&number);
            let soon = self.soon();
            self.schedule.at(soon, Event::Broke(op, true));
        }
        self.lose_forwards_to(at);
    }

    /// The machine loses power, or goes on without the process.
    pub(super) fn end_life_of_disk(&mut self, at: usize, power_cut: bool) {
        let loses_all = self.fate.chance(200);
        let id = self.hosts_id(at);
        let host = self.host(at);
        match (power_cut, loses_all) {
            (true, true) => host.disk.crash_losing_all(),
            (true, false) => host.disk.crash(),
            (false, _) => host.disk.kill(),
        }
        host.is_ill = false;
        if power_cut {
            self.counts.power_cuts += 1;
            self.line(format_args!("node {id} loses power"));
        } else {
            self.counts.kills += 1;
            self.line(format_args!("node {id} is killed"));
        }
    }

    /// A bit of what a node has may flip while it is down: of one node at a time, while the others can do without it.
    pub(super) fn flip_a_bit(&mut self, at: usize) {
        let is_whole = self.hosts.iter().all(|host| host.is_gone || host.damaged.is_none());
        let others = self.hosts.iter().filter(|host| !host.is_gone).count();
        let is_settled = self.members_are_settled();
        let may = self.host(at).life_number > 0
            && is_whole
            && is_settled
            && others >= 3
            && !self.draining
            && self.has_room_for_hosts();
        if !may || !self.fate.chance(self.profile.faults.damage) {
            return;
        }
        let host = self.hosts.get_mut(at).expect("hosts stay");
        let is_of_use = |path: &PathBuf| FileKind::of(path) != FileKind::Other || path.ends_with("votes");
        let files: Vec<PathBuf> = host.files().into_iter().filter(is_of_use).collect();
        if files.is_empty() {
            return;
        }
        let path = self.fate.pick(&files).clone();
        let contents = host.disk.contents(&path).unwrap_or_default();
        let used = contents.iter().rposition(|&byte| byte != 0).map_or(0, |at| at as u64 + 1);
        if used == 0 {
            return;
        }
        let offset = self.fate.below(used);
        let bit = u8::try_from(self.fate.below(8)).unwrap_or(0);
        if host.disk.flip_bit(&path, offset, bit).is_ok() {
            let what = format!("bit {bit} of byte {offset} of {} of node {}", path.display(), host.id);
            host.damaged = Some(what.clone());
            self.counts.flipped_bits += 1;
            self.line(format_args!("{what} flips"));
        }
    }

    /// A node says that it is damaged: its disk is wiped, and another comes in its place.
    pub(super) fn is_lost(&mut self, at: usize, what: &str) {
        self.line(format_args!("node {} is lost: {what}", self.hosts_id(at)));
        self.counts.nodes_lost += 1;
        self.house_ends(at);
        let host = self.host(at);
        host.is_gone = true;
        host.damaged = None;
    }

    /// A host is bought with its clock.
    pub(super) fn give_clock(&mut self, host: &mut Host) {
        if self.profile.clocks_err {
            host.clocks.runs_fast(self.fate.below(2_000));
            if self.fate.chance(300) && self.profile.faults.wall_jump > 0 {
                host.clocks.jump(&mut self.fate);
            }
        }
    }

    /// From now on nothing goes wrong, and what is left is worked off.
    pub(super) fn heal(&mut self) {
        self.line(format_args!("everything heals"));
        self.profile.faults = super::profile::FaultRates::default();
        self.profile.lazy_engines = 0;
        (self.healed_at, self.draining) = (self.now, true);
        self.cuts.clear();
        for at in 0..self.hosts.len() {
            self.disk_has_room(at);
            let host = self.host(at);
            (host.paused_until, host.slow_until) = (0, 0);
            if host.is_gone {
                continue;
            }
            if host.is_ill && host.house.is_some() {
                // It may not have noticed yet; whoever repairs a disk starts it again.
                self.dies(at, true);
            } else if host.house.is_none() && host.papers.has_started {
                self.schedule.at(self.now + SECOND, Event::Restart(at));
            }
        }
    }
}
