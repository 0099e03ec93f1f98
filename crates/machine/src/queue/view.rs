//! What a person sees who looks at a running house: queues in the order of their names, the groups of one, a single job.
//!
//! Every look is bounded, whatever there is: a page of queues costs its rows and [`limits::LANES_LOOKED_AT_PER_VIEW`], a page of groups its
//! steps, a job one look at its slot. Nothing here is kept for it.
//!
//! **The age of the oldest.** A lane's first job is its oldest, save where a delay held one back. So the oldest job that waits for
//! its turn is the oldest of the lanes' first ones, and as many lanes as may be looked at are: the first in the turns, and the first in
//! the queue's list (those that were made first; there are also the groups that stand at a limit). With up to
//! [`AGE_LANES`] groups that is the oldest there is; with more it is the oldest of twice as many.

use super::{Counts, Queues, Standing, job::Place, lane::Lane};
use crate::{command::GroupSettings, command::QueueKey, limits, slab::NIL};
use evenkeel_types::{AccountId, BodyRef, JobId, LogIndex, LogTime, QueueId, WallTime};
use std::{ops::Bound, sync::Arc};

/// Lanes of each of the two orders that are looked at for a queue's oldest job.
pub const AGE_LANES: usize = 16;

/// A queue in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    /// Its number.
    pub id: QueueId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: Arc<str>,
    /// Its jobs.
    pub counts: Counts,
    /// The bytes of their bodies.
    pub bytes: u64,
    /// When the oldest job that waits for its turn was sent, of those looked at; `None` if none waits.
    pub oldest: Option<WallTime>,
    /// How many groups take turns.
    pub groups_in_turns: u64,
}

/// A group of a queue in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its name; empty for the jobs without one.
    pub group: Arc<str>,
    /// Jobs waiting for their turn.
    pub ready: u32,
    /// Jobs waiting for their delay to end.
    pub delayed: u32,
    /// Jobs with workers.
    pub leased: u32,
    /// When the first of the ready ones was sent.
    pub oldest: Option<WallTime>,
    /// Whether it takes turns; else nothing is ready, or it stands at its limit.
    pub in_turns: bool,
    /// Its own weight and limit, if it has any.
    pub own: Option<GroupSettings>,
}

/// A page of a queue's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPage {
    /// The groups, in the order in which they came.
    pub rows: Vec<GroupRow>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<u32>,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobPlace {
    /// Waiting for its delay to end.
    Delayed {
        /// When it does.
        until: WallTime,
    },
    /// Waiting for its turn.
    Ready,
    /// With a worker.
    Leased {
        /// Since when.
        since: WallTime,
        /// Until when, unless the worker asks for more.
        until: WallTime,
    },
}

/// A job, all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDetail {
    /// Its number.
    pub id: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// The name of its queue.
    pub queue: Arc<str>,
    /// Its group.
    pub group: Arc<str>,
    /// Where it is.
    pub place: JobPlace,
    /// How often it was granted.
    pub grants: u32,
    /// When it was sent.
    pub enqueued_at: WallTime,
    /// When it was first granted.
    pub first_granted_at: Option<WallTime>,
    /// When its retention period is over.
    pub expires_at: WallTime,
    /// From which queue it came as a dead letter.
    pub source: Option<Arc<str>>,
    /// Its body.
    pub body: BodyRef,
}

impl Queues {
    /// Queues in the order of account and name, behind one, at most so many; of one account only, if it is given. Fewer than asked for may
    /// come although there are more: the last row says where to go on.
    pub fn rows(&self, account: Option<AccountId>, behind: Option<QueueKey<'_>>, rows_max: usize) -> Vec<QueueRow> {
        let first = account.map_or(Bound::Unbounded, |account| Bound::Included((account, Arc::default())));
        let behind = behind.map(|key| (key.account, Arc::from(key.name)));
        let from = match behind {
            Some(key) if account.is_none_or(|account| key.0 >= account) => Bound::Excluded(key),
            _ => first,
        };
        let mut looks = limits::LANES_LOOKED_AT_PER_VIEW;
        let mut rows = Vec::new();
        for ((owner, _), &slot) in self.by_name.range((from, Bound::Unbounded)) {
            if account.is_some_and(|account| *owner != account) || rows.len() >= rows_max || looks == 0 {
                break;
            }
            rows.push(self.queue_row(slot, &mut looks));
        }
        rows
    }

    /// One queue, as in a list. `None` if there is no such queue.
    pub fn row(&self, queue: QueueId) -> Option<QueueRow> {
        self.queue(queue)?;
        Some(self.queue_row(queue.slot, &mut limits::LANES_LOOKED_AT_PER_VIEW.clone()))
    }

    fn queue_row(&self, slot: u32, looks: &mut usize) -> QueueRow {
        let queue = self.queues.at(slot);
        QueueRow {
            id: self.id_of(slot),
            account: queue.account,
            name: Arc::clone(&queue.name),
            counts: queue.counts,
            bytes: queue.bytes,
            oldest: self.oldest_ready(slot, looks),
            groups_in_turns: queue.turns.counts().0 as u64,
        }
    }

    /// See the head of this file. Takes what it looked at from `looks`.
    fn oldest_ready(&self, slot: u32, looks: &mut usize) -> Option<WallTime> {
        let queue = self.queues.at(slot);
        if queue.counts.ready == 0 {
            return None;
        }
        let next = |lane: &u32| Some(self.lanes.at(*lane).queue_next).filter(|&next| next != NIL);
        let made = std::iter::successors(Some(queue.lanes.head).filter(|&head| head != NIL), next);
        let lanes = queue.turns.first(AGE_LANES).chain(made.take(AGE_LANES));
        let sent = lanes.inspect(|_| *looks = looks.saturating_sub(1)).filter_map(|lane| self.first_sent(lane));
        sent.min()
    }

    /// When the first ready job of a lane was sent.
    fn first_sent(&self, lane: u32) -> Option<WallTime> {
        let head = self.lanes.at(lane).head;
        (head != NIL).then(|| self.jobs.at(head).enqueued_at())
    }

    /// Groups of a queue that have jobs or settings of their own, in the order in which they came, from where a page before said. If that is
    /// no more, from the beginning. O(rows), with those passed over.
    pub fn groups(&self, queue: QueueId, from: Option<u32>, rows_max: usize) -> Option<GroupPage> {
        let record = self.queue(queue)?;
        let is_its = |lane: &Lane| {
            lane.queue == queue.slot
                && lane.epoch == record.epoch
                && !matches!(lane.standing, Standing::Free | Standing::Doomed)
        };
        let from = from.filter(|&lane| self.lanes.get(lane).is_some_and(is_its));
        let mut slot = from.unwrap_or(record.lanes.head);
        let mut rows = Vec::new();
        let mut steps = rows_max.saturating_mul(4);
        while slot != NIL && rows.len() < rows_max && steps > 0 {
            let lane = self.lanes.at(slot);
            if !lane.is_empty() || lane.own().is_some() {
                rows.push(self.group_row(slot));
            }
            slot = lane.queue_next;
            steps -= 1;
        }
        Some(GroupPage { rows, next: (slot != NIL).then_some(slot) })
    }

    /// A group of a queue by its name, if it has jobs or settings of its own. `None` also if there is no such queue.
    pub fn group(&self, queue: QueueId, group: &str) -> Option<GroupRow> {
        self.queue(queue)?;
        self.find_lane(queue.slot, group).map(|slot| self.group_row(slot))
    }

    fn group_row(&self, slot: u32) -> GroupRow {
        let lane = self.lanes.at(slot);
        GroupRow {
            group: Arc::clone(&lane.group),
            ready: lane.ready,
            delayed: lane.delayed,
            leased: lane.leased,
            oldest: self.first_sent(slot),
            in_turns: lane.standing == Standing::InTurns,
            own: lane.own(),
        }
    }

    /// The job in a slot, if it is the one whose body came in there. `now` and `wall` are the last batch's.
    pub(crate) fn job_at(
        &self,
        slot: u32,
        index: LogIndex,
        offset: u32,
        now: LogTime,
        wall: WallTime,
    ) -> Option<JobDetail> {
        let job = self.jobs.get(slot).filter(|job| job.place() != Place::Free)?;
        let (body, lane) = (job.body(), self.lanes.get(job.lane)?);
        if body.index != index || body.offset != offset || self.is_doomed(lane) {
            return None;
        }
        let queue = self.queues.at(lane.queue);
        // Log time as the calendar has it, now that both are known for one moment.
        let on_calendar = |at: u64| WallTime((wall.0 + at / 1_000).saturating_sub(now.0 / 1_000));
        let until = on_calendar(job.deadline);
        let place = match job.place() {
            Place::Delayed => JobPlace::Delayed { until },
            Place::Leased => JobPlace::Leased { since: on_calendar(job.leased_at), until },
            Place::Ready | Place::Free => JobPlace::Ready,
        };
        let retention = u64::from(queue.settings().retention_secs) * 1_000;
        Some(JobDetail {
            id: job.id(slot),
            account: queue.account,
            queue: Arc::clone(&queue.name),
            group: Arc::clone(&lane.group),
            place,
            grants: job.grants,
            enqueued_at: job.enqueued_at(),
            first_granted_at: (job.grants > 0).then(|| job.first_granted_at()),
            expires_at: WallTime(job.enqueued_at().0.saturating_add(retention)),
            source: self.extras.source(slot).cloned(),
            body,
        })
    }
}
