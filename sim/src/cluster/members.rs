//! What a node does beside its log (as `cluster/watch.rs` of the binary), and what its operator does: nodes join, leave, are replaced; leaders hand over.

use super::{Event, World, host::Host};
use crate::clock::{MILLISECOND, SECOND};
use evenkeel_log_raft::{Change, NodeId, Status};

/// How far behind a learner may be that is given a vote, in entries.
const NEARLY: u64 = 16;
/// Hosts at most, those that are gone included: then none is removed any more.
const HOSTS_MAX: usize = 12;

impl World {
    /// Looks how the log of a node stands: offers and fetches states, and gives learners a vote once they have caught up.
    pub(super) fn watch(&mut self, at: usize) {
        let Some(status) = self.host(at).house.as_ref().map(|house| house.node.status()) else { return };
        if status.owns.is_some() {
            self.promote(at, &status);
            self.ask_for_levels(at, &status);
            self.pass_over(at);
        }
        self.offer(at, &status);
        self.fetch_wanted(at);
        self.wake_log(at);
        self.wake_engine_soon(at);
    }

    fn promote(&mut self, at: usize, status: &Status) {
        let has_caught_up = |peer: &&evenkeel_log_raft::Peer| {
            status.members.learners.contains(&peer.node)
                && peer.is_there
                && !peer.needs_snapshot
                && peer.matched.0 > 0
                && peer.matched.0 + NEARLY >= status.last.0
        };
        let Some(peer) = status.peers.iter().find(has_caught_up) else { return };
        if self.change(at, Change::Promote(peer.node)) {
            self.counts.promotions += 1;
        }
    }

    fn change(&mut self, at: usize, change: Change) -> bool {
        let Some(house) = &mut self.host(at).house else { return false };
        let is_begun = house.node.change_members(change).is_ok();
        if is_begun {
            self.line(format_args!("node {} begins {change:?}", self.hosts_id(at)));
        }
        self.wake_log(at);
        is_begun
    }

    /// The operator looks after the cluster.
    pub(super) fn operate(&mut self) {
        let longest = if self.profile.is_stormy { 300 } else { 1_500 };
        let soon = self.fate.between(50, longest) * MILLISECOND;
        self.schedule.at(self.now + soon, Event::Operator);
        let Some(leader) = self.leader().filter(|&at| self.now >= self.host(at).paused_until) else { return };
        let Some(status) = self.host(leader).house.as_ref().map(|house| house.node.status()) else { return };
        let members = &status.members;
        if !members.voters_before.is_empty() {
            return;
        }
        self.upgrade(leader);
        if self.host(leader).house.is_none() {
            return;
        }
        self.retire(&status);
        if let Some(whom) = self.leaving {
            return self.remove(leader, &status, whom);
        }
        // A node that is gone makes way before another comes.
        let gone = self.hosts.iter().find(|host| host.is_gone && members.contains(host.id)).map(|host| host.id);
        if let Some(gone) = gone {
            if self.change(leader, Change::Remove(gone)) {
                self.counts.removals += 1;
            }
            return;
        }
        if members.voters.len() + members.learners.len() < self.profile.nodes {
            return self.let_in(leader, &status);
        }
        if self.draining {
            return;
        }
        let others: Vec<NodeId> = members.voters.iter().copied().filter(|voter| *voter != status.node).collect();
        if others.is_empty() {
            return;
        }
        if self.fate.chance(self.profile.faults.hand_over) {
            let to = *self.fate.pick(&others);
            self.hand_over(leader, to);
        }
        let is_whole = self.hosts.iter().all(|host| host.is_gone || host.house.is_some() && host.damaged.is_none());
        let may = is_whole && self.has_room_for_hosts();
        if may && members.learners.is_empty() && others.len() > 1 && self.fate.chance(self.profile.faults.churn) {
            let whom = *self.fate.pick(&others);
            self.leaving = Some(whom);
            self.remove(leader, &status, whom);
        }
    }

    /// Has a member removed. One that leads hands over first.
    fn remove(&mut self, leader: usize, status: &Status, whom: NodeId) {
        if whom == status.node {
            let other = status.members.voters.iter().copied().find(|voter| *voter != whom);
            other.into_iter().for_each(|other| self.hand_over(leader, other));
        } else if self.change(leader, Change::Remove(whom)) {
            self.counts.removals += 1;
        }
    }

    pub(super) fn has_room_for_hosts(&self) -> bool {
        self.hosts.len() < HOSTS_MAX
    }

    /// Asks a leader to hand over.
    pub(super) fn hand_over(&mut self, leader: usize, to: NodeId) {
        let Some(house) = &mut self.host(leader).house else { return };
        if house.node.hand_over(to).is_ok() {
            self.counts.hand_overs += 1;
            self.line(format_args!("node {} is asked to hand over to node {to}", self.hosts_id(leader)));
        }
        self.send_messages(leader);
        self.wake_log(leader);
    }

    /// A node that was removed is switched off, and its disk is wiped.
    fn retire(&mut self, status: &Status) {
        let Some(at) = self.leaving.filter(|id| !status.members.contains(*id)).and_then(|id| self.host_of(id)) else {
            return;
        };
        self.leaving = None;
        self.line(format_args!("node {} has left", self.hosts_id(at)));
        self.house_ends(at);
        self.host(at).is_gone = true;
    }

    /// A new node joins: first as a learner, under a number that no other had.
    fn let_in(&mut self, leader: usize, status: &Status) {
        // One that was let in and never heard of is let in again.
        let waits = self.hosts.iter().position(|host| !host.is_gone && !status.members.contains(host.id));
        let at = waits.unwrap_or_else(|| {
            // As in the binary: that of an entry to come. One whose change came to nothing has its number already.
            let known = self.hosts.iter().map(|host| host.id.0).max().unwrap_or(0);
            let id = NodeId(status.last.0.max(known) + 1);
            let mut host = Host::new(id, self.setup.seed, self.build_of_new(leader));
            self.give_clock(&mut host);
            self.hosts.push(host);
            self.hosts.len() - 1
        });
        let id = self.hosts_id(at);
        if self.change(leader, Change::AddLearner(id)) {
            self.counts.learners += 1;
            let soon = self.fate.span(MILLISECOND, SECOND);
            self.schedule.at(self.now + soon, Event::Restart(at));
        }
    }
}
