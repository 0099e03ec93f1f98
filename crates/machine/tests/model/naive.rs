//! What a queue should do, written as plainly as possible: lists and scans, no structure worth the name.
//!
//! Slow and obviously right, or so one hopes; where it and the machine differ, one of them is wrong.

use evenkeel_machine::{
    command::{DedupScope, FairBy, GroupSettings, Held, QueueSettings},
    queue::MoveStatus,
};
use evenkeel_types::{BodyRef, JobId, LeaseToken};
use std::collections::BTreeMap;

const JOB_COST: u64 = 1 << 16;
const MILLISECOND_COST: u64 = 1 << 10;
const LEASE_MAX: u64 = 43_200_000_000;
const DEDUP_LIFE: u64 = 300_000_000;
/// Dead letters that one receive moves.
const BURIED_MAX: u32 = 64;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum At {
    Delayed { until: u64 },
    Ready,
    Leased { until: u64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) body: BodyRef,
    pub(crate) group: String,
    pub(crate) at: At,
    pub(crate) grants: u32,
    pub(crate) leased_at: u64,
    /// It came as a dead letter.
    pub(crate) is_dead: bool,
    /// Ready jobs of a group are served by this, the smallest first.
    pub(crate) order: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    pub(crate) own: Option<GroupSettings>,
    pub(crate) pass: u64,
    pub(crate) turn: u64,
    pub(crate) in_turns: bool,
    /// What running leases were charged so far, and in advance.
    pub(crate) charged_millis: u64,
    pub(crate) estimate_millis: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    pub(crate) settings: QueueSettings,
    pub(crate) jobs: Vec<Job>,
    pub(crate) lanes: BTreeMap<String, Lane>,
    pub(crate) virtual_time: u64,
    pub(crate) turn: u64,
    pub(crate) acked: u64,
    pub(crate) enqueued: u64,
    pub(crate) purged: u64,
    /// Dead letters, and what was moved back.
    pub(crate) moved_in: u64,
    pub(crate) moved_out: u64,
    /// How often a job is granted before it goes to the dead letters.
    pub(crate) grants_max: Option<u32>,
    /// In a FIFO queue, by what ids count in (a group, or nothing) and the id: when a job came under it, and which.
    ids: BTreeMap<(String, String), (u64, JobId)>,
    first: i64,
    last: i64,
}

impl Queue {
    pub(crate) fn new(settings: QueueSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.settings.fifo.is_some()
    }

    fn id_key(&self, group: &str, id: &str) -> (String, String) {
        let by_group = self.settings.fifo.is_some_and(|fifo| fifo.dedup_scope == DedupScope::Group);
        (if by_group { group.into() } else { String::new() }, id.into())
    }

    /// The job that came under this id within five minutes.
    pub(crate) fn sent_before(&self, now: u64, group: &str, id: &str) -> Option<JobId> {
        let &(at, job) = self.ids.get(&self.id_key(group, id))?;
        (now < at + DEDUP_LIFE).then_some(job)
    }

    pub(crate) fn note_sent(&mut self, now: u64, group: &str, id: &str, job: JobId) {
        self.ids.insert(self.id_key(group, id), (now, job));
    }

    fn count(&self, group: &str, is: impl Fn(&At) -> bool) -> usize {
        self.jobs.iter().filter(|job| job.group == group && is(&job.at)).count()
    }

    fn weight(&self, group: &str) -> u64 {
        match self.lanes.get(group).and_then(|lane| lane.own) {
            Some(own) => own.weight.into(),
            None if group.is_empty() => self.settings.default_weight.into(),
            None => 1,
        }
    }

    fn limit(&self, group: &str) -> usize {
        let own = self.lanes.get(group).and_then(|lane| lane.own).map_or(0, |own| own.in_flight_max);
        let limit = if own == 0 { self.settings.group_in_flight_max } else { own };
        if limit == 0 { usize::MAX } else { limit as usize }
    }

    /// Lanes with something to serve stand in the turns; who comes (back) starts no earlier than now.
    fn settle(&mut self, group: &str) {
        let ready = self.count(group, |at| *at == At::Ready) > 0;
        let leased = self.count(group, |at| matches!(at, At::Leased { .. }));
        let servable = ready && leased < self.limit(group) && !(self.is_fifo() && leased > 0);
        let (virtual_time, turn) = (self.virtual_time, self.turn);
        let lane = self.lanes.entry(group.into()).or_default();
        if servable && !lane.in_turns {
            lane.pass = lane.pass.max(virtual_time);
            lane.turn = turn;
            self.turn += 1;
        }
        lane.in_turns = servable;
    }

    fn charge(&mut self, group: &str, cost: u64) {
        let cost = (cost / self.weight(group)).max(1);
        let lane = self.lanes.get_mut(group).unwrap();
        lane.pass += cost;
        if lane.in_turns {
            lane.turn = self.turn;
            self.turn += 1;
        }
    }

    pub(crate) fn nobody_waits(&self) -> bool {
        !self.lanes.values().any(|lane| lane.in_turns)
    }

    /// Lanes without jobs or settings are forgotten once the virtual time has passed them; while nobody waits
    /// it catches up with all of them.
    pub(crate) fn forget(&mut self) {
        let jobs = &self.jobs;
        let is_idle = |group: &String, lane: &Lane| lane.own.is_none() && jobs.iter().all(|job| job.group != *group);
        if self.nobody_waits() {
            let idle = self.lanes.iter().filter(|(group, lane)| is_idle(group, lane));
            self.virtual_time = idle.map(|(_, lane)| lane.pass).max().unwrap_or(0).max(self.virtual_time);
        }
        let virtual_time = self.virtual_time;
        self.lanes.retain(|group, lane| !is_idle(group, lane) || lane.pass > virtual_time);
    }

    pub(crate) fn configure_group(&mut self, group: &str, settings: GroupSettings) {
        let usual = settings.weight == 1 && settings.in_flight_max == 0 && !group.is_empty();
        self.lanes.entry(group.into()).or_default().own = (!usual).then_some(settings);
        self.settle(group);
    }

    /// All jobs go; groups keep their settings, and start like ones that were never there.
    pub(crate) fn purge(&mut self) -> u64 {
        let purged = std::mem::take(&mut self.jobs).len() as u64;
        self.purged += purged;
        self.ids.clear();
        self.lanes.retain(|_, lane| lane.own.is_some());
        self.lanes.values_mut().for_each(|lane| *lane = Lane { own: lane.own, ..Lane::default() });
        purged
    }

    /// Why a body of so many bytes does not go in: the limit, and what is in the queue.
    pub(crate) fn is_full(&self, bytes: u32) -> Option<(u64, u64)> {
        let jobs = self.jobs.len() as u64;
        let held: u64 = self.jobs.iter().map(|job| u64::from(job.body.bytes)).sum();
        let QueueSettings { jobs_max, bytes_max, .. } = self.settings;
        if jobs_max != 0 && jobs >= jobs_max {
            return Some((jobs, jobs_max));
        }
        (bytes_max != 0 && held + u64::from(bytes) > bytes_max).then_some((held, bytes_max))
    }

    pub(crate) fn enqueue(&mut self, id: JobId, body: BodyRef, group: &str, until: Option<u64>) {
        let at = until.map_or(At::Ready, |until| At::Delayed { until });
        self.last += 1;
        let job = Job { id, body, group: group.into(), at, grants: 0, leased_at: 0, is_dead: false, order: self.last };
        self.jobs.push(job);
        self.enqueued += 1;
        self.settle(group);
    }

    /// `dead`: where the dead letters go.
    pub(crate) fn receive(
        &mut self,
        now: u64,
        jobs_max: usize,
        until: u64,
        mut dead: Option<&mut Self>,
    ) -> Vec<(JobId, u32)> {
        let mut granted = Vec::new();
        let (mut looks, mut buried) = (24, 0);
        while granted.len() < jobs_max && buried < BURIED_MAX {
            let in_turns = self.lanes.iter().filter(|(_, lane)| lane.in_turns);
            let Some((group, _)) = in_turns.min_by_key(|(_, lane)| (lane.pass, lane.turn)) else { break };
            let group = group.clone();
            if looks > 0 && self.accrue(now, &group) {
                looks -= 1;
                continue;
            }
            // A FIFO queue gives as many of a group as it may in one turn.
            let leased = self.count(&group, |at| matches!(at, At::Leased { .. }));
            let most = if self.is_fifo() { self.limit(&group) - leased } else { 1 };
            let (begin, end) = (granted.len(), most.min(jobs_max - granted.len()) + granted.len());
            while granted.len() < end && buried < BURIED_MAX {
                let Some(at) = self.first_ready(&group) else { break };
                if let Some(dead) = dead.as_deref_mut()
                    && self.bury(at, dead)
                {
                    buried += 1;
                    continue;
                }
                if granted.len() == begin {
                    self.virtual_time = self.virtual_time.max(self.lanes[&group].pass);
                }
                granted.push(self.grant(now, at, until));
            }
            self.settle(&group);
        }
        if until == now {
            for &(job, token) in granted.iter().rev() {
                assert!(self.change_lease(now, Held { job, token: LeaseToken(token) }, now));
            }
        }
        granted
    }

    fn first_ready(&self, group: &str) -> Option<usize> {
        let is_ready = |&at: &usize| self.jobs[at].group == group && self.jobs[at].at == At::Ready;
        (0..self.jobs.len()).filter(is_ready).min_by_key(|&at| self.jobs[at].order)
    }

    /// Moves a job that was granted often enough behind the dead letters, if they take it.
    fn bury(&mut self, at: usize, dead: &mut Self) -> bool {
        let job = &self.jobs[at];
        if self.grants_max.is_none_or(|max| job.grants < max) || dead.is_full(job.body.bytes).is_some() {
            return false;
        }
        let job = self.jobs.remove(at);
        let group = job.group.clone();
        dead.last += 1;
        dead.jobs.push(Job { order: dead.last, is_dead: true, ..job });
        self.moved_out += 1;
        dead.moved_in += 1;
        self.settle(&group);
        dead.settle(&group);
        true
    }

    /// Moves what is ready to where it came from, or whatever it is if that was `named`: in the order of turns, each job sent anew behind
    /// what is there. Why that ended, and how many were moved.
    pub(crate) fn move_ready(
        &mut self,
        to: &mut Self,
        named: bool,
        new_id: impl Fn(BodyRef) -> JobId,
    ) -> (MoveStatus, u64) {
        let before = self.moved_out;
        let ended = loop {
            let in_turns = self.lanes.iter().filter(|(_, lane)| lane.in_turns);
            let Some((group, _)) = in_turns.min_by_key(|(_, lane)| (lane.pass, lane.turn)) else {
                break MoveStatus::Completed;
            };
            let at = self.first_ready(group).unwrap();
            let Job { is_dead, body, .. } = self.jobs[at];
            if !named && !is_dead {
                break MoveStatus::NoOrigin;
            }
            if to.is_full(body.bytes).is_some() {
                break MoveStatus::DestinationFull;
            }
            let job = self.jobs.remove(at);
            to.enqueue(new_id(body), body, &job.group, None);
            to.enqueued -= 1;
            to.moved_in += 1;
            self.moved_out += 1;
            self.settle(&job.group);
        };
        (ended, self.moved_out - before)
    }

    /// Grants a ready job, and charges its group.
    fn grant(&mut self, now: u64, at: usize, until: u64) -> (JobId, u32) {
        let job = &mut self.jobs[at];
        job.at = At::Leased { until };
        job.grants += 1;
        job.leased_at = now;
        let (granted, group) = ((job.id, job.grants), job.group.clone());
        let group = group.as_str();
        let cost = match self.settings.fair_by {
            FairBy::Count => JOB_COST,
            FairBy::LeaseTime => self.advance(group) * MILLISECOND_COST,
        };
        self.charge(group, cost);
        granted
    }

    fn held_millis(&self, now: u64, group: &str) -> (u64, u64) {
        let running = self.jobs.iter().filter(|job| job.group == group && matches!(job.at, At::Leased { .. }));
        let held: Vec<u64> = running.map(|job| now / 1_000 - job.leased_at / 1_000).collect();
        (held.iter().sum(), held.len() as u64)
    }

    /// What a new lease is charged in advance.
    fn advance(&mut self, group: &str) -> u64 {
        let lane = self.lanes.get_mut(group).unwrap();
        lane.charged_millis += lane.estimate_millis;
        lane.estimate_millis.max(1)
    }

    /// Pays back what was charged beyond what running leases are expected to take. The job that ended counts no more.
    fn refund(&mut self, now: u64, group: &str) {
        if self.settings.fair_by == FairBy::Count {
            return;
        }
        let (held, leases) = self.held_millis(now, group);
        let weight = self.weight(group);
        let lane = self.lanes.get_mut(group).unwrap();
        let excess = lane.charged_millis.saturating_sub(held + lane.estimate_millis * leases);
        if excess == 0 {
            return;
        }
        lane.charged_millis -= excess;
        lane.pass -= (excess * MILLISECOND_COST / weight).min(lane.pass);
        if lane.in_turns {
            lane.turn = self.turn;
            self.turn += 1;
        }
    }

    /// Charges what running leases were held beyond what was charged for them.
    fn accrue(&mut self, now: u64, group: &str) -> bool {
        if self.settings.fair_by == FairBy::Count {
            return false;
        }
        let (held, _) = self.held_millis(now, group);
        let charged = &mut self.lanes.get_mut(group).unwrap().charged_millis;
        let owed = held.saturating_sub(*charged);
        *charged += owed;
        if owed > 0 {
            self.charge(group, owed * MILLISECOND_COST);
        }
        owed > 0
    }

    /// Must come while the job still counts as leased.
    fn end_lease(&mut self, now: u64, group: &str, leased_at: u64) {
        if self.settings.fair_by == FairBy::LeaseTime {
            self.accrue(now, group);
            let held = now / 1_000 - leased_at / 1_000;
            let lane = self.lanes.get_mut(group).unwrap();
            lane.charged_millis -= held;
            lane.estimate_millis = if lane.estimate_millis == 0 { held } else { (3 * lane.estimate_millis + held) / 4 };
        }
    }

    fn held(&self, held: Held) -> Option<usize> {
        let at = self.jobs.iter().position(|job| job.id == held.job)?;
        let job = &self.jobs[at];
        // In a FIFO queue a lease that has ended is lost.
        let lasts = matches!(job.at, At::Leased { .. }) || !self.is_fifo();
        (job.grants > 0 && LeaseToken(job.grants) == held.token && lasts).then_some(at)
    }

    pub(crate) fn ack(&mut self, now: u64, held: Held) -> bool {
        let Some(at) = self.held(held) else { return false };
        let job = self.jobs[at].clone();
        if matches!(job.at, At::Leased { .. }) {
            self.end_lease(now, &job.group, job.leased_at);
        }
        self.jobs.remove(at);
        if matches!(job.at, At::Leased { .. }) {
            self.refund(now, &job.group);
        }
        self.acked += 1;
        self.settle(&job.group);
        true
    }

    pub(crate) fn change_lease(&mut self, now: u64, held: Held, until: u64) -> bool {
        let Some(at) = self.held(held) else { return false };
        let job = self.jobs[at].clone();
        if until - now > LEASE_MAX || until > job.leased_at + LEASE_MAX {
            return false;
        }
        match job.at {
            At::Leased { .. } if until == now => {
                self.end_lease(now, &job.group, job.leased_at);
                self.put_back(at);
                self.refund(now, &job.group);
            }
            At::Leased { .. } => self.jobs[at].at = At::Leased { until },
            At::Ready if until > now => {
                self.jobs[at].at = At::Leased { until };
                if self.settings.fair_by == FairBy::LeaseTime {
                    let before = now / 1_000 - job.leased_at / 1_000;
                    self.lanes.get_mut(&job.group).unwrap().charged_millis += before;
                }
            }
            At::Ready => {}
            At::Delayed { .. } => unreachable!(),
        }
        self.settle(&job.group);
        true
    }

    /// Puts a job back: before all others, in a FIFO queue in its old place.
    fn put_back(&mut self, at: usize) {
        if !self.is_fifo() {
            self.first -= 1;
            self.jobs[at].order = self.first;
        }
        self.jobs[at].at = At::Ready;
    }

    /// Ends what is due, in the order of time and, at the same time, of leasing.
    pub(crate) fn fire(&mut self, now: u64, due: impl Fn(u64) -> bool, granted_order: impl Fn(JobId) -> usize) {
        loop {
            let next = (0..self.jobs.len())
                .filter_map(|at| match self.jobs[at].at {
                    At::Delayed { until } | At::Leased { until } if due(until) => {
                        Some((until, granted_order(self.jobs[at].id), at))
                    }
                    _ => None,
                })
                .min();
            let Some((_, _, at)) = next else { break };
            let job = self.jobs[at].clone();
            if matches!(job.at, At::Delayed { .. }) {
                self.last += 1;
                self.jobs[at].order = self.last;
                self.jobs[at].at = At::Ready;
            } else {
                self.end_lease(now, &job.group, job.leased_at);
                self.put_back(at);
                self.refund(now, &job.group);
            }
            self.settle(&job.group);
        }
    }
}
