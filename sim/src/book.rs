//! The book: what the committed log says happened to each job, kept without the machine's help.
//!
//! It is a plain model of the rules in `evenkeel_machine::queue`: no lists, no wheel, no digests, only maps.
//! The invariants compare each [`Fact`] with it before it is entered.

pub mod hidden;
pub mod repeats;

use evenkeel_machine::{
    Enqueued, Grant, Reply,
    command::{CallKey, GroupSettings, Held, QueueSettings},
    limits::{RETENTION_SECS_DEFAULT, TIMERS_PER_BATCH},
    queue::{AckError, ChangeLeaseError, EnqueueError},
};
use evenkeel_types::{BodyRef, JobId, LogIndex, LogTime, Micros, QueueId, WallTime};
use repeats::{CallNote, ReceiveKey, ReceiveNote};
use std::collections::{BTreeMap, BTreeSet};

/// The grain of timers, in bits of microseconds: they end at the first tick at or after their time.
pub const TICK_BITS: u32 = 10;

/// One thing that the log says happened.
#[derive(Debug)]
pub enum Fact<'a> {
    /// A batch begins.
    Batch {
        index: LogIndex,
        log_time: LogTime,
        wall_time: WallTime,
        commands: usize,
        timing: Option<Timing>,
        /// A move task runs, or jobs are there that do not last: it may have been proposed for these.
        is_busy: bool,
    },
    /// A job's delay or lease ended by time.
    Due { queue: QueueId, job: JobId, deadline: LogTime },
    /// All that was due in this batch has ended.
    TimersOver,
    /// A queue was made or has new settings.
    Settings { queue: QueueId, settings: QueueSettings },
    /// A queue has this name, and its dead letters go there after so many grants.
    Papers { queue: QueueId, name: &'a str, letters: Option<(&'a str, u16)> },
    /// A group has settings of its own.
    Group { queue: QueueId, group: &'a str, settings: GroupSettings },
    /// A job was accepted.
    Enqueued {
        queue: QueueId,
        group: &'a str,
        job: JobId,
        body: BodyRef,
        hash: u64,
        until: Option<LogTime>,
        dedup: Dedup<'a>,
    },
    /// A job was answered as sent before, not by the same call but under the same de-duplication id.
    SentBefore { queue: QueueId, dedup: Dedup<'a>, enqueued: &'a Enqueued },
    /// What a call was told of the jobs that it sent.
    Sent { call: CallKey, results: &'a [Result<Enqueued, EnqueueError>] },
    /// What a call was told of a change that is made once.
    Called { call: CallKey, reply: &'a Reply },
    /// A job was leased.
    Granted { queue: QueueId, grant: &'a Grant, until: LogTime },
    /// A repeated receive is to get these jobs, and got those.
    Repeated { queue: QueueId, held: &'a [JobId], grants: &'a [Grant] },
    /// A job was granted again to who held it, until another time if that is told.
    Regranted { queue: QueueId, grant: &'a Grant, until: Option<LogTime> },
    /// A job that was granted too often went to the dead letters.
    Buried { from: QueueId, job: JobId, to: QueueId },
    /// A dead letter was sent anew.
    Moved { from: QueueId, job: JobId, to: QueueId, new: JobId },
    /// So was another, to a queue that was purged or deleted at once.
    MovedAndPurged { from: QueueId, job: JobId, to: QueueId },
    /// A job was dropped because its time had passed.
    Expired { queue: QueueId, job: JobId },
    /// A receive is over.
    Received { queue: QueueId, asked: u8, granted: usize },
    /// A job was to be finished.
    Acked { queue: QueueId, held: Held, result: Result<(), AckError> },
    /// A lease was to be changed.
    Changed { queue: QueueId, held: Held, lease: Micros, result: Result<(), ChangeLeaseError> },
    /// All jobs of a queue were removed: so many, if that was told.
    Purged { queue: QueueId, told: Option<u64> },
    /// A queue was removed; it was purged before.
    Deleted { queue: QueueId },
    /// A job of so many bytes was refused because of what the queue holds.
    Full { queue: QueueId, bytes: u64, error: EnqueueError },
    /// A command on a queue is over.
    Done { queue: QueueId },
}

/// A de-duplication id: within what it counts (a group, or empty for the queue), and the id.
pub type Dedup<'a> = Option<(&'a str, &'a str)>;

/// When a batch was proposed, in log time, as the world saw it.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The life in which it was proposed.
    pub life: u64,
    /// What a constant clock of that life makes of it: log time less true time.
    pub offset: i128,
    /// Since when the engine could have proposed it.
    pub free_since: LogTime,
    /// Log time when the life began to serve.
    pub serving_since: LogTime,
    /// Log time of the last batch before that.
    pub before_life: LogTime,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not ready before this time.
    Delayed(LogTime),
    /// Waiting for its turn.
    Ready,
    /// With a worker until this time.
    Leased(LogTime),
}

/// The order in which the jobs of a lane became ready: batch, then timers before commands, then tick or command.
pub type ReadyKey = (LogIndex, bool, u64);

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its group; empty for none.
    pub group: String,
    /// Where it is.
    pub place: Place,
    /// Grants so far.
    pub grants: u32,
    /// When the last one was.
    pub leased_at: LogTime,
    /// Its body.
    pub body: BodyRef,
    /// A hash of the body.
    pub body_hash: u64,
    /// When it became ready, if it was never granted.
    pub fresh: Option<ReadyKey>,
    /// When it was sent, by the calendar.
    pub sent: WallTime,
    /// When it came into the order of its group.
    pub entered: Entered,
}

/// A moment in the log, as exactly as it is known: an entry, and from where to where within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    index: LogIndex,
    from: u64,
    to: u64,
}

impl Entered {
    /// Whether it was certainly before another.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.index < other.index || (self.index == other.index && self.to < other.from)
    }
}

/// The jobs of one group.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Settings of its own.
    pub own: Option<GroupSettings>,
    /// Jobs that are ready and were never granted.
    pub fresh: BTreeSet<(ReadyKey, JobId)>,
    /// Ready jobs.
    pub ready: u32,
    /// Delayed jobs.
    pub delayed: u32,
    /// Leased jobs.
    pub leased: u32,
    /// When the last delay ends, in a FIFO queue.
    pub delayed_until: LogTime,
    /// It was at its limit when the queue's limit changed: the new one holds from its next change on.
    pub excused: bool,
}

/// A queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: QueueSettings,
    /// Where its dead letters go, and after how many grants.
    pub letters: Option<(String, u16)>,
    /// It has dead letters, or had, or takes those of another: jobs come and go without a command that says so.
    pub has_letters: bool,
    /// Its groups.
    pub lanes: BTreeMap<String, Lane>,
    /// Its jobs.
    pub jobs: BTreeMap<JobId, Job>,
    /// Ever accepted.
    pub accepted: u64,
    /// Ever finished.
    pub finished: u64,
    /// Ever purged.
    pub purged: u64,
    /// Ever dropped because their time had passed.
    pub expired: u64,
    /// Ever moved here, and away.
    pub moved: (u64, u64),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The queues.
    pub queues: BTreeMap<QueueId, Queue>,
    /// Delays and leases that run, by the tick at which they end.
    pub timers: BTreeSet<(u64, QueueId, JobId)>,
    /// The last batch.
    pub index: LogIndex,
    /// Its time.
    pub log_time: LogTime,
    /// Timers that ended in it.
    pub due_in_batch: u32,
    /// Batches in which so many timers were due that the machine may have left some for the next.
    pub storms: BTreeSet<LogIndex>,
    /// Queues that were deleted.
    pub deleted: BTreeSet<QueueId>,
    /// Where the bodies of purged jobs were, and of those whose time had passed.
    pub purged: BTreeSet<(LogIndex, u32)>,
    /// The calendar.
    pub wall: WallTime,
    /// When something was last noted to be known again: a call, an attempt or a de-duplication id.
    pub noted_at: Option<LogTime>,
    sent: BTreeMap<CallKey, CallNote>,
    told: BTreeMap<CallKey, (LogTime, Reply)>,
    received: BTreeMap<ReceiveKey, ReceiveNote>,
    entered_in_batch: u64,
}

/// The tick at which something of this time ends.
#[must_use]
pub fn tick_of(deadline: LogTime) -> u64 {
    deadline.0.div_ceil(1 << TICK_BITS)
}

impl Lane {
    /// The most that may be leased at a time; 0 for no limit.
    #[must_use]
    pub fn limit(&self, settings: &QueueSettings) -> u32 {
        self.own.map(|own| own.in_flight_max).filter(|&max| max != 0).unwrap_or(settings.group_in_flight_max)
    }

    /// Its turns in a round.
    #[must_use]
    pub fn weight(&self, group: &str, settings: &QueueSettings) -> u8 {
        match self.own {
            Some(own) => own.weight,
            None if group.is_empty() => settings.default_weight,
            None => 1,
        }
    }

    /// Whether it has a job that may be granted now.
    #[must_use]
    pub fn is_servable(&self, settings: &QueueSettings) -> bool {
        let limit = self.limit(settings);
        let is_locked = settings.fifo.is_some() && self.leased > 0;
        self.ready > 0 && (limit == 0 || self.leased < limit) && !is_locked
    }

    /// Whether no job is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && self.leased == 0
    }
}

impl Queue {
    /// The lanes that may be served, by the limits as they are applied now.
    pub fn servable(&self, wall: WallTime) -> impl Iterator<Item = (&String, &Lane)> {
        let is_ready = move |group: &str, job: &Job| {
            job.group == group && job.place == Place::Ready && self.is_grantable(job, wall)
        };
        let has_ready = move |group: &str| self.is_plain() || self.jobs.values().any(|job| is_ready(group, job));
        self.lanes
            .iter()
            .filter(move |(group, lane)| !lane.excused && lane.is_servable(&self.settings) && has_ready(group))
    }

    /// Whether nothing happens in it but by commands, in the order of turns.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.settings.fifo.is_none() && !self.has_letters && self.lasts()
    }

    /// Whether its jobs last longer than any simulation.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.settings.retention_secs >= RETENTION_SECS_DEFAULT
    }

    /// Whether a job was granted as often as it may be.
    #[must_use]
    pub fn is_dead(&self, job: &Job) -> bool {
        self.letters.as_ref().is_some_and(|(_, grants_max)| job.grants >= u32::from(*grants_max))
    }

    /// Whether a job's time has passed.
    #[must_use]
    pub fn is_expired(&self, job: &Job, wall: WallTime) -> bool {
        wall.0.saturating_sub(job.sent.0) >= u64::from(self.settings.retention_secs) * 1_000
    }

    /// Whether a job is to be granted, once it is ready and its turn comes.
    #[must_use]
    pub fn is_grantable(&self, job: &Job, wall: WallTime) -> bool {
        !self.is_dead(job) && !self.is_expired(job, wall)
    }
}

impl Book {
    /// A job, if it is there.
    #[must_use]
    pub fn job(&self, queue: QueueId, job: JobId) -> Option<&Job> {
        self.queues.get(&queue)?.jobs.get(&job)
    }

    /// The next timer that has ended by then.
    #[must_use]
    pub fn due(&self, log_time: LogTime) -> Option<(QueueId, JobId, LogTime)> {
        let &(tick, queue, job) = self.timers.first()?;
        if tick > log_time.0 >> TICK_BITS {
            return None;
        }
        let deadline = match self.job(queue, job)?.place {
            Place::Delayed(until) | Place::Leased(until) => until,
            Place::Ready => return None,
        };
        Some((queue, job, deadline))
    }

    /// Whether so many timers were due in this batch that the machine may have left some for the next: each takes up to
    /// seven of the steps that a batch may make.
    #[must_use]
    pub fn is_storm(&self) -> bool {
        self.due_in_batch > TIMERS_PER_BATCH / 8
    }

    /// How many jobs there are.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.queues.values().map(|queue| queue.jobs.len()).sum()
    }

    /// Enters a fact.
    pub fn enter(&mut self, fact: &Fact<'_>) {
        self.entered_in_batch += 1;
        match fact {
            Fact::Batch { index, log_time, wall_time, .. } => {
                (self.index, self.log_time, self.wall) = (*index, *log_time, *wall_time);
                (self.due_in_batch, self.entered_in_batch) = (0, 0);
            }
            Fact::Due { queue, job, deadline } => {
                self.due_in_batch += 1;
                if self.is_storm() {
                    self.storms.insert(self.index);
                }
                let fresh = (self.index, false, tick_of(*deadline));
                let entered = self.now();
                if let Some(job) = self.queues.get_mut(queue).and_then(|queue| queue.jobs.get_mut(job))
                    && matches!(job.place, Place::Delayed(_))
                {
                    job.entered = entered;
                }
                self.place(*queue, *job, Place::Ready, fresh);
            }
            Fact::Settings { queue, settings } => {
                let queue = self.queues.entry(*queue).or_default();
                if queue.settings.group_in_flight_max != settings.group_in_flight_max {
                    let old = queue.settings;
                    for lane in queue.lanes.values_mut() {
                        lane.excused |= lane.ready > 0 && !lane.is_servable(&old);
                    }
                }
                queue.settings = *settings;
            }
            Fact::Group { queue, group, settings } => {
                let lane = self.queues.entry(*queue).or_default().lanes.entry((*group).to_owned()).or_default();
                // Settings that any group has anyway are none of its own.
                let usual = *settings == GroupSettings { weight: 1, in_flight_max: 0 } && !group.is_empty();
                lane.own = (!usual).then_some(*settings);
                lane.excused = false;
            }
            Fact::Papers { queue, name, letters } => self.enter_papers(*queue, name, *letters),
            Fact::Enqueued { queue, group, job, body, hash, until, dedup } => {
                if dedup.is_some() {
                    self.noted_at = Some(self.log_time);
                }
                let fresh = (self.index, true, self.entered_in_batch);
                let record = Job {
                    group: (*group).to_owned(),
                    place: Place::Ready,
                    grants: 0,
                    leased_at: LogTime::default(),
                    body: *body,
                    body_hash: *hash,
                    fresh: Some(fresh),
                    sent: self.wall,
                    entered: self.now(),
                };
                let book = self.queues.entry(*queue).or_default();
                book.accepted += 1;
                book.jobs.insert(*job, record);
                let lane = book.lanes.entry((*group).to_owned()).or_default();
                lane.ready += 1;
                lane.excused = false;
                lane.fresh.insert((fresh, *job));
                if let Some(until) = until {
                    lane.delayed_until = *until;
                    self.place(*queue, *job, Place::Delayed(*until), fresh);
                }
            }
            Fact::Granted { queue, grant, until } => {
                let log_time = self.log_time;
                let Some(book) = self.queues.get_mut(queue) else { return };
                if let Some(job) = book.jobs.get_mut(&grant.job) {
                    let fresh = job.fresh.take();
                    job.grants += 1;
                    job.leased_at = log_time;
                    if let (Some(fresh), Some(lane)) = (fresh, book.lanes.get_mut(&job.group)) {
                        lane.fresh.remove(&(fresh, grant.job));
                    }
                }
                self.place(*queue, grant.job, Place::Leased(*until), (self.index, true, 0));
            }
            Fact::Acked { queue, held, result: Ok(()) } => self.remove(*queue, held.job),
            Fact::Changed { queue, held, lease, result: Ok(()) } => {
                let until = self.log_time + *lease;
                let place = if *lease == Micros(0) { Place::Ready } else { Place::Leased(until) };
                self.place(*queue, held.job, place, (self.index, true, 0));
            }
            Fact::Sent { call, results } => self.note_sent(*call, results),
            Fact::Called { call, reply } => self.note_told(*call, reply),
            Fact::Regranted { queue, grant, until } => {
                let Some(job) = self.queues.get_mut(queue).and_then(|queue| queue.jobs.get_mut(&grant.job)) else {
                    return;
                };
                job.grants += 1;
                if let Some(until) = until {
                    self.place(*queue, grant.job, Place::Leased(*until), (self.index, true, 0));
                }
            }
            Fact::Buried { from, job, to } => self.bury(*from, *job, *to),
            Fact::Moved { from, job, to, new } => self.send_anew(*from, *job, *to, *new),
            Fact::MovedAndPurged { from, job, to } => {
                let job = self.leave_for(*from, *job, *to);
                self.purged.extend(job.map(|job| (job.body.index, job.body.offset)));
            }
            Fact::Expired { queue, job } => self.expire(*queue, *job),
            Fact::Purged { queue, told } => self.purge(*queue, *told),
            Fact::Deleted { queue } => {
                self.queues.remove(queue);
                self.deleted.insert(*queue);
            }
            Fact::TimersOver
            | Fact::SentBefore { .. }
            | Fact::Repeated { .. }
            | Fact::Full { .. }
            | Fact::Received { .. }
            | Fact::Acked { .. }
            | Fact::Changed { .. }
            | Fact::Done { .. } => {}
        }
    }

    fn place(&mut self, queue: QueueId, id: JobId, place: Place, became_fresh: ReadyKey) {
        let Some(book) = self.queues.get_mut(&queue) else { return };
        let Some(job) = book.jobs.get_mut(&id) else { return };
        let lane = book.lanes.entry(job.group.clone()).or_default();
        lane.excused = false;
        match job.place {
            Place::Delayed(until) => {
                lane.delayed -= 1;
                self.timers.remove(&(tick_of(until), queue, id));
            }
            Place::Ready => {
                lane.ready -= 1;
                if let Some(fresh) = job.fresh {
                    lane.fresh.remove(&(fresh, id));
                }
            }
            Place::Leased(until) => {
                lane.leased -= 1;
                self.timers.remove(&(tick_of(until), queue, id));
            }
        }
        job.place = place;
        match place {
            Place::Delayed(until) => {
                lane.delayed += 1;
                self.timers.insert((tick_of(until), queue, id));
            }
            Place::Ready => {
                lane.ready += 1;
                if job.grants == 0 {
                    job.fresh = Some(became_fresh);
                    lane.fresh.insert((became_fresh, id));
                }
            }
            Place::Leased(until) => {
                lane.leased += 1;
                self.timers.insert((tick_of(until), queue, id));
            }
        }
    }

    /// Now, as exactly as it is known.
    fn now(&self) -> Entered {
        Entered { index: self.index, from: self.entered_in_batch, to: self.entered_in_batch }
    }

    fn purge(&mut self, id: QueueId, told: Option<u64>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let jobs = std::mem::take(&mut queue.jobs);
        let purged = told.unwrap_or(jobs.len() as u64);
        queue.purged += purged;
        if !queue.lasts() {
            // They had been dropped in the same batch.
            queue.expired += (jobs.len() as u64).saturating_sub(purged);
        }
        queue.lanes.retain(|_, lane| lane.own.is_some());
        queue.lanes.values_mut().for_each(|lane| *lane = Lane { own: lane.own, ..Lane::default() });
        self.timers.retain(|&(_, queue, _)| queue != id);
        self.purged.extend(jobs.values().map(|job| (job.body.index, job.body.offset)));
    }

    fn remove(&mut self, queue: QueueId, id: JobId) {
        if self.take(queue, id).is_some()
            && let Some(book) = self.queues.get_mut(&queue)
        {
            book.finished += 1;
        }
    }

    /// Takes a job out of a queue.
    fn take(&mut self, queue: QueueId, id: JobId) -> Option<Job> {
        self.place(queue, id, Place::Ready, (self.index, true, 0));
        let book = self.queues.get_mut(&queue)?;
        let job = book.jobs.remove(&id)?;
        let lane = book.lanes.entry(job.group.clone()).or_default();
        lane.ready -= 1;
        if let Some(fresh) = job.fresh {
            lane.fresh.remove(&(fresh, id));
        }
        Some(job)
    }
}
