//! What must hold of a cluster as a whole. What must hold of its log and of its clients is judged by the checks that a single node has as well
//! ([`crate::invariants`], [`crate::oracle`]).
//!
//! 1. **No term has two leaders, and no epoch two owners.**
//! 2. **Nodes with the same entries have the same state** (`check_state` in `stepping.rs`).
//! 3. **Whoever answers a read has all that was committed when it was asked** (`take_answers` there).
//! 4. **Once faults end, requests are answered, again and again, within seconds, all work is done, and all nodes come to the same state.**
//! 5. **A power cut of all nodes at the end changes nothing of that.**

use super::{Event, World};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    invariants::{Broken, conservation, told::broken},
};
use evenkeel_log::LogReader;
use evenkeel_types::LogIndex;
use xxhash_rust::xxh3::xxh3_64;

/// How long after the end of all faults, and at any time from then on, all requests may be without an answer: restarts within a second, an election, clients' pauses.
const ANSWERED_WITHIN: Time = 15 * SECOND;
/// How long all may take: every lease is shorter than half a minute, and log time may lose a minute with each new leader.
const DRAIN_MAX: Time = 300 * SECOND;
/// Between two audits.
const AUDIT_EVERY: Time = SECOND;

impl World {
    /// No term has two leaders, whether they know of each other or not.
    pub(super) fn check_reign(&mut self, at: usize) -> Result<(), Broken> {
        let Some(status) = self.host(at).house.as_ref().map(|house| house.node.status()) else { return Ok(()) };
        if status.leader == Some(status.node) {
            let known = *self.leaders.entry(status.term).or_insert(status.node);
            if known != status.node {
                let what = format!("nodes {known} and {} lead in term {}", status.node, status.term);
                return Err(Broken::new("one_leader", what));
            }
        }
        if let Some(epoch) = status.owns
            && !self.owners.contains_key(&epoch)
        {
            self.counts.reigns += 1;
            self.line(format_args!("node {} leads under epoch {epoch}", status.node));
        }
        if let Some(epoch) = status.owns {
            let known = *self.owners.entry(epoch).or_insert(status.node);
            if known != status.node {
                let what = format!("nodes {known} and {} own the log under epoch {epoch}", status.node);
                return Err(Broken::new("one_leader", what));
            }
        }
        Ok(())
    }

    /// Whether the members are who they should be, and no change is under way.
    pub(super) fn members_are_settled(&self) -> bool {
        let Some(status) = self.leader().and_then(|at| self.hosts.get(at)?.house.as_ref()).map(|h| h.node.status())
        else {
            return false;
        };
        let members = status.members;
        let is_there = |host: &super::host::Host| host.is_gone || members.voters.contains(&host.id);
        let none_gone = self.hosts.iter().all(|host| !(host.is_gone && members.contains(host.id)));
        members.voters.len() == self.profile.nodes
            && members.learners.is_empty()
            && members.voters_before.is_empty()
            && none_gone
            && self.hosts.iter().all(is_there)
            && self.leaving.is_none()
    }

    /// Whatever was acknowledged is committed; judged as soon as the witness has seen all that any node applied.
    pub(super) fn confirm(&mut self) -> Result<(), Broken> {
        if self.witness.applied() < self.applied {
            return Ok(());
        }
        match self.to_confirm.drain(..).find(|number| !self.witness.accepted.contains(number)) {
            Some(number) => broken(format!("job {number} was acknowledged and is not committed")),
            None => Ok(()),
        }
    }

    pub(super) fn audit(&mut self) -> Result<(), Broken> {
        self.confirm()?;
        for at in 0..self.hosts.len() {
            self.audit_node(at)?;
        }
        if self.draining {
            // Workers ask all the time.
            if self.now > self.answered_at.max(self.healed_at) + ANSWERED_WITHIN {
                let seconds = ANSWERED_WITHIN / SECOND;
                let what =
                    format!("nothing was answered for {seconds} s although all was well; {}", self.what_is_left());
                return Err(Broken::new("liveness", what));
            }
            if self.is_done() {
                return self.finish();
            }
            if self.now > self.healed_at + DRAIN_MAX {
                return Err(Broken::new("liveness", self.what_is_left()));
            }
        }
        self.schedule.at(self.now + AUDIT_EVERY, Event::Audit);
        Ok(())
    }

    fn audit_node(&mut self, at: usize) -> Result<(), Broken> {
        let reads_bodies = self.fate.chance(40);
        let probe = self.fate.next_u64();
        let host = self.hosts.get(at).expect("hosts stay");
        let Some(house) = &host.house else { return Ok(()) };
        if host.may_fail() {
            return Ok(());
        }
        let machine = house.engine.machine();
        conservation::audit(machine, &self.witness.book)?;
        house.engine.audit_bodies().map_err(|what| Broken::new("living", format!("node {}: {what}", host.id)))?;
        // Any entry that it can read back is the one that was committed.
        let last = machine.applied().min(self.witness.applied()).0;
        if last > 0 {
            let index = LogIndex(1 + probe % last);
            if let Ok(entry) = house.reader.read(index) {
                self.witness.committed.check(&entry)?;
            }
        }
        if !reads_bodies || machine.applied() != self.witness.applied() {
            return Ok(());
        }
        let mut unreadable = None;
        for (id, job) in self.witness.book.queues.values().flat_map(|queue| &queue.jobs) {
            self.counts.bodies_audited += 1;
            match house.keeper.bodies().read(job.body) {
                Ok(bytes) if xxh3_64(&bytes) == job.body_hash => {}
                Ok(_) => return Err(Broken::new("bodies", format!("the body of job {id} is another"))),
                Err(error) => unreadable = Some(format!("the body of job {id} on node {}: {error}", host.id)),
            }
        }
        match unreadable {
            Some(what) if host.damaged.is_some() => self.is_lost(at, &what),
            Some(what) => return Err(Broken::new("bodies", what)),
            None => {}
        }
        Ok(())
    }

    /// Jobs that somebody has to finish.
    fn jobs_left(&self) -> usize {
        let queues = self.witness.book.queues.values();
        queues.filter(|queue| queue.name != super::probers::QUEUE).map(|queue| queue.jobs.len()).sum()
    }

    fn is_done(&self) -> bool {
        let is_even = |host: &super::host::Host| {
            host.is_gone || host.house.as_ref().is_some_and(|h| h.engine.machine().applied() == self.witness.applied())
        };
        let is_quiet = self.ops.values().all(|op| matches!(op.client, super::clients::Client::Worker(_)));
        let made_all = self.queues_made > 0 || self.profile.queues.is_empty();
        made_all
            && self.jobs_left() == 0
            && is_quiet
            && self.is_upgraded()
            && self.members_are_settled()
            && self.hosts.iter().all(is_even)
    }

    fn what_is_left(&self) -> String {
        let first = self.witness.book.queues.values().find_map(|queue| queue.jobs.iter().next());
        let nodes: Vec<String> = self
            .hosts
            .iter()
            .filter(|host| !host.is_gone)
            .map(|host| {
                let house = host.house.as_ref();
                let applied = house.map(|house| house.engine.machine().applied());
                format!("node {} at {applied:?}: {:?}", host.id, house.map(|house| house.node.status()))
            })
            .collect();
        format!(
            "{} jobs are left ({first:?}), {} requests, entry {}: {}",
            self.jobs_left(),
            self.ops.len(),
            self.witness.applied(),
            nodes.join(", ")
        )
    }

    /// All is done: the last judgement, and one more power cut of all nodes.
    fn finish(&mut self) -> Result<(), Broken> {
        if self.is_cut_at_end {
            let door = self.hosts.iter().find_map(|host| host.house.as_ref()?.door.as_ref());
            let ids = door.map(evenkeel_sqs::Door::ids);
            let place = |id: &str| ids?.message_place(id).map(|place| (place.index, place.offset));
            self.oracle.check_end(place, &self.witness.book.purged)?;
            self.judge_probes()?;
            self.is_over = true;
            return Ok(());
        }
        self.is_cut_at_end = true;
        self.counts.blackouts += 1;
        self.line(format_args!("the power goes everywhere, once more"));
        for at in 0..self.hosts.len() {
            if self.host(at).house.is_some() {
                self.house_ends(at);
                self.end_life_of_disk(at, true);
                let soon = self.fate.span(MILLISECOND, SECOND);
                self.schedule.at(self.now + soon, Event::Restart(at));
            }
        }
        self.healed_at = self.now + SECOND;
        self.schedule.at(self.now + AUDIT_EVERY, Event::Audit);
        Ok(())
    }
}
