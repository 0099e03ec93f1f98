//! `Receive`: ready jobs are leased in the order of turns.

use super::{Moment, NoSuchQueue, Queues};
use crate::{
    command::{FairBy, Repeatable},
    event::Event,
    fault::{self, Fault},
    limits,
    reply::Grant,
};
use evenkeel_types::{Micros, QueueId};

/// Why nothing was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// There is no such queue.
    #[error(transparent)]
    NoSuchQueue(#[from] NoSuchQueue),
    /// Too many jobs of this queue are with workers. Finish some first.
    #[error("{} jobs of this queue are in flight, as many as can be", limits::QUEUE_IN_FLIGHT_MAX)]
    TooManyInFlight,
    /// More jobs were asked for than one receive may take, or the lease is too long.
    #[error("a receive takes 1 to {} jobs for at most 12 hours", limits::JOBS_PER_COMMAND_MAX)]
    OutOfRange,
}

impl Queues {
    /// Leases up to `jobs_max` jobs, or the same as the first time if this is a repetition. O(log lanes) each. An empty result is
    /// no error. From a FIFO queue a receive takes as many jobs of one group as it may before it goes on to the next.
    pub(crate) fn receive(
        &mut self,
        at: Moment,
        queue: QueueId,
        jobs_max: u8,
        lease: Option<Micros>,
        again: Repeatable<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Vec<Grant>, ReceiveError> {
        let settings = *self.queue(queue).ok_or(NoSuchQueue)?.settings();
        let lease = lease.unwrap_or(settings.lease);
        if !(1..=limits::JOBS_PER_COMMAND_MAX).contains(&usize::from(jobs_max)) || lease > limits::LEASE_MAX {
            return Err(ReceiveError::OutOfRange);
        }
        if let Some(grants) = self.received_by(at, queue, &again, lease) {
            return Ok(grants);
        }
        let room = self.queues.at(queue.slot).room_in_flight();
        if room == 0 {
            return Err(ReceiveError::TooManyInFlight);
        }
        let wanted = usize::try_from(room).unwrap_or(usize::MAX).min(jobs_max.into());
        let mut grants = Vec::new();
        // Looks at lanes that are then not served, bounded: their limit was lowered while they stood in the turns, or
        // they have running leases to pay for first.
        let mut looks = limits::LANES_LOOKED_AT_PER_RECEIVE;
        // Jobs that were dropped or went to the dead letters, bounded too: the rest is met by the next receive.
        let mut passed = 0;
        while grants.len() < wanted {
            let Some(lane) = self.queues.at(queue.slot).turns.next() else { break };
            if !self.may_be_served(self.lanes.at(lane)) {
                if looks == 0 {
                    break;
                }
                looks -= 1;
                self.settle(lane, events);
            } else if settings.fair_by == FairBy::LeaseTime && looks > 0 && self.accrue(lane, at.log_time) {
                looks -= 1;
            } else {
                let granted = grants.len();
                let end = wanted.min(granted.saturating_add(self.room_in_flight(lane)));
                while grants.len() < end && self.lanes.at(lane).ready > 0 && passed < limits::PASSED_PER_RECEIVE {
                    if self.pass_over(at, lane, events) {
                        passed += 1;
                        continue;
                    }
                    grants.push(self.grant(at, lane, lease, grants.len() - granted));
                    if settings.fifo.is_none() {
                        break;
                    }
                }
                self.settle(lane, events);
                if passed >= limits::PASSED_PER_RECEIVE {
                    break;
                }
            }
        }
        self.note_received(at, queue, &again, &grants, at.log_time + lease);
        if lease == Micros(0) {
            self.give_back_at_once(at, &grants, events);
        }
        self.forget(queue.slot, limits::LANES_FORGOTTEN_PER_COMMAND);
        Ok(grants)
    }

    /// Ends leases of no time with the receive that gave them, so that the next one finds the jobs, in their order.
    fn give_back_at_once(&mut self, at: Moment, grants: &[Grant], events: &mut Vec<Event>) {
        for grant in grants.iter().rev() {
            let lane = self.jobs.at(grant.job.slot).lane;
            self.end_lease_now(grant.job.slot, at, events);
            self.settle(lane, events);
        }
    }

    /// How many jobs of a lane may be leased besides those that are.
    pub(super) fn room_in_flight(&self, lane: u32) -> usize {
        let lane = self.lanes.at(lane);
        match self.in_flight_max(lane) {
            limit if limit != 0 && !fault::is(Fault::IgnoreGroupLimit) => limit.saturating_sub(lane.leased) as usize,
            _ => usize::MAX,
        }
    }

    /// Takes the first job of a lane away if it is not to be granted: its time has passed, or it was granted too often.
    fn pass_over(&mut self, at: Moment, lane: u32, events: &mut Vec<Event>) -> bool {
        let record = self.lanes.at(lane);
        let (queue, head) = (record.queue, record.head);
        if self.is_expired(queue, self.jobs.at(head), at.wall_time) {
            self.unlink(head);
            self.drop_expired(head, events);
            return true;
        }
        self.grave_of(queue, head).is_some_and(|target| self.bury(at, head, target, events))
    }

    /// Grants the first job of a lane, behind so many `before` it in the same turn; the lane is to be settled then.
    fn grant(&mut self, at: Moment, lane_slot: u32, lease: Micros, before: usize) -> Grant {
        let lane = self.lanes.at(lane_slot);
        let (slot, queue, weight) = (lane.head, lane.queue, self.weight(lane));
        self.unlink(slot);
        let is_fifo = self.is_fifo(queue);
        {
            let job = self.jobs.edit(slot);
            job.grant(at.log_time, at.wall_time);
            if is_fifo {
                job.set_rank(before + 1);
            }
        }
        let late = if fault::by_chance() { 1_024 } else { 0 };
        let lease = if fault::is(Fault::DoubleGrant) { Micros(1) } else { Micros(lease.0 + late) };
        self.lease(slot, at.log_time, at.log_time + lease);
        {
            let queue = self.queues.edit(queue);
            let fair_by = queue.settings().fair_by;
            if before > 0 {
                queue.turns.serve_more(&mut self.lanes, lane_slot, fair_by, weight);
            } else {
                queue.turns.serve(&mut self.lanes, lane_slot, fair_by, weight);
            }
        }
        self.grant_of(slot)
    }

    /// What is told of a leased job.
    pub(super) fn grant_of(&self, slot: u32) -> Grant {
        let job = self.jobs.at(slot);
        let group = self.lanes.at(job.lane).group.clone();
        Grant {
            job: job.id(slot),
            token: job.token(),
            body: job.body(),
            group,
            source: self.extras.source(slot).cloned(),
            enqueued_at: job.enqueued_at(),
            first_granted_at: job.first_granted_at(),
        }
    }
}
