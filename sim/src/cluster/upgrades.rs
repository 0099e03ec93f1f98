//! Upgrades half way: nodes of two versions in the middle of all else, and those that come back with the older one.
//!
//! As in the binary (`cluster/level.rs`): the leader asks all members what they know, and proposes the level that all know. What comes with it here is
//! [`Command::Once`](evenkeel_machine::command::Command::Once). What must hold:
//!
//! 1. **A level is proposed only if every member knew it when it was asked.**
//! 2. **No node applies what needs a level that its version does not know:** it says so, and stays out until it has the newer version.
//! 3. **Nothing of a level is in the log before it** (the witness sees each command refused that is).
//! 4. **Once all nodes are of the newer version and no faults are left, the level is raised.**

use super::{Event, World, net::Parcel};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    invariants::Broken,
};
use evenkeel_engine::{Proposal, Request};
use evenkeel_log_raft::{NodeId, Status};
use evenkeel_machine::{Build, command::Command, limits::FEATURE_LEVEL};
use std::collections::BTreeMap;

/// The older version: of what comes next it knows that it does not know it.
pub(crate) const LAST: Build = Build { feature_level: FEATURE_LEVEL, ..NEXT };
/// The newer one.
pub(crate) const NEXT: Build = Build { feature_level: FEATURE_LEVEL + 1, once_since: FEATURE_LEVEL + 1 };

/// Between two times that a leader asks all.
const ASK_EVERY: Time = SECOND;

/// What a leader was told of the levels that the others know.
#[derive(Debug)]
pub(crate) struct Asking {
    since: Time,
    told: BTreeMap<NodeId, u32>,
    is_over: bool,
}

impl World {
    /// The version that the first nodes have.
    pub(super) fn first_build(&self) -> Build {
        if self.profile.upgrades { LAST } else { Build::PRESENT }
    }

    /// The operator gives nodes another version.
    pub(super) fn upgrade(&mut self, leader: usize) {
        if !self.profile.upgrades || self.queues_made == 0 {
            return;
        }
        let there: Vec<usize> = (0..self.hosts.len()).filter(|&at| !self.host(at).is_gone).collect();
        let all_run = there.iter().all(|&at| self.host(at).house.is_some());
        let (old, new): (Vec<usize>, Vec<usize>) = there.into_iter().partition(|&at| self.host(at).build == LAST);
        let is_in_force = self.witness.machine.feature_level() == NEXT.feature_level;
        // The one that leads last; without faults one after the other, else also while another is down.
        let next = old.iter().copied().max_by_key(|&at| at != leader);
        if let Some(at) = next.filter(|_| all_run || !self.draining)
            && self.fate.chance(if self.draining { 500 } else { 150 })
        {
            self.counts.upgrades += 1;
            return self.gets(at, NEXT);
        }
        if self.draining || new.is_empty() {
            return;
        }
        let at = *self.fate.pick(&new);
        if !is_in_force && self.fate.chance(30) {
            self.counts.downgrades += 1;
            self.gets(at, LAST);
            self.host(at).downgraded_at = self.now;
        } else if is_in_force && all_run && at != leader && self.fate.chance(60) {
            self.gets(at, LAST);
        }
    }

    /// A node goes on in another version.
    fn gets(&mut self, at: usize, build: Build) {
        let words = if build == LAST { "older" } else { "newer" };
        self.line(format_args!("node {} gets the {words} version", self.hosts_id(at)));
        if self.host(at).house.is_some() {
            self.dies(at, false);
        }
        self.host(at).build = build;
    }

    /// The version of a new node, which is not let in if that is too old.
    pub(super) fn build_of_new(&mut self, leader: usize) -> Build {
        if !self.profile.upgrades || !self.fate.chance(500) {
            return if self.profile.upgrades { NEXT } else { Build::PRESENT };
        }
        if self.level_at(leader) > LAST.feature_level {
            self.counts.turned_away += 1;
            return NEXT;
        }
        LAST
    }

    fn level_at(&self, at: usize) -> u32 {
        let house = self.hosts.get(at).and_then(|host| host.house.as_ref());
        house.map_or(0, |house| house.engine.machine().feature_level())
    }

    /// A node that leads looks whether all know a newer level.
    pub(super) fn ask_for_levels(&mut self, at: usize, status: &Status) {
        let (present, now) = (self.level_at(at), self.now);
        let host = self.host(at);
        let known = host.build.feature_level;
        if present == 0 || present >= known || host.life.asking.as_ref().is_some_and(|a| a.since + ASK_EVERY > now) {
            return;
        }
        host.life.asking = Some(Asking { since: now, told: BTreeMap::from([(host.id, known)]), is_over: false });
        for peer in status.peers.iter().filter(|peer| peer.is_there) {
            if let Some(to) = self.host_of(peer.node) {
                self.send(at, to, Parcel::LevelAsked(now));
            }
        }
    }

    pub(super) fn level_asked(&mut self, at: usize, by: usize, since: Time) {
        let level = self.host(at).build.feature_level;
        self.send(at, by, Parcel::LevelTold(since, level));
    }

    /// A node said what it knows: perhaps it was the last.
    pub(super) fn level_told(&mut self, at: usize, by: usize, since: Time, level: u32) -> Result<(), Broken> {
        let (by, present) = (self.hosts_id(by), self.level_at(at));
        let host = self.host(at);
        let Some(status) = host.house.as_ref().map(|house| house.node.status()) else { return Ok(()) };
        let Some(asking) = host.life.asking.as_mut().filter(|a| a.since == since && !a.is_over) else { return Ok(()) };
        asking.told.insert(by, level);
        let told = |node| asking.told.get(&node).copied();
        let level = status.members.level(told).filter(|level| *level > present && status.owns.is_some());
        let Some(level) = level else { return Ok(()) };
        asking.is_over = true;
        self.check_all_know(&status, level, since)?;
        self.line(format_args!("node {} would raise the level to {level}", status.node));
        self.tell_engine(at, Request::Propose(Proposal::new(&Command::RaiseFeatureLevel { level })));
        Ok(())
    }

    fn check_all_know(&self, status: &Status, level: u32, since: Time) -> Result<(), Broken> {
        let members = self.hosts.iter().filter(|host| status.members.contains(host.id));
        for host in members {
            // It may be another version since it was asked.
            if host.is_gone || host.build.feature_level < level && host.downgraded_at < since {
                let what =
                    format!("node {} proposes level {level}, and node {} does not know it", status.node, host.id);
                return Err(Broken::new("level", what));
            }
        }
        Ok(())
    }

    /// A node halts before an entry that its version does not know. It votes and keeps what others write, until it has the newer one.
    pub(super) fn halts_as_too_old(&mut self, at: usize, what: &str) {
        if !self.host(at).life.is_too_old {
            self.line(format_args!("node {} halts: {what}", self.hosts_id(at)));
            self.counts.kept_out += 1;
            self.host(at).life.is_too_old = true;
            let later = self.fate.span(10 * MILLISECOND, 4 * SECOND);
            self.schedule.at(self.now + later, Event::NewVersion(at));
        }
    }

    /// Somebody has looked why a node does not serve.
    pub(super) fn new_version(&mut self, at: usize) {
        if self.host(at).build == LAST && !self.host(at).is_gone {
            self.gets(at, NEXT);
        }
    }

    /// A node does not start from a checkpoint, as its version is too old. It stays out until it has the newer one.
    pub(super) fn is_too_old(&mut self, at: usize, what: &str) -> Result<(), Broken> {
        let id = self.hosts_id(at);
        if self.host(at).build != LAST {
            return Err(Broken::new("level", format!("node {id} is of the newer version, and stays out: {what}")));
        }
        self.line(format_args!("node {id} stays out: {what}"));
        self.counts.kept_out += 1;
        self.house_ends(at);
        self.end_life_of_disk(at, false);
        self.host(at).build = NEXT;
        let later = self.fate.span(10 * MILLISECOND, 4 * SECOND);
        self.schedule.at(self.now + later, Event::Restart(at));
        Ok(())
    }

    /// Whether all nodes have the newer version, and the level is raised; if there are two versions at all.
    pub(super) fn is_upgraded(&self) -> bool {
        !self.profile.upgrades
            || self.witness.machine.feature_level() == NEXT.feature_level
                && self.hosts.iter().all(|host| host.is_gone || host.build == NEXT)
    }
}
