//! The witness: a second machine that follows the committed log from its first entry, as a replica would, and
//! tells the invariants what it saw.

mod hidden;

use crate::{
    book::{Book, Dedup, Fact, TICK_BITS, Timing},
    invariants::{self, Broken, Invariant, durable::Committed, purge::Bodies, replay::Digests},
};
use evenkeel_log::Entry;
use evenkeel_machine::{
    Build, Machine, Outcome, Reply,
    batch::Batch,
    command::{Command, DedupScope, NewJob, QueueKey, QueueSettings, Redrive},
    limits::DELAY_MAX,
    queue::{AckError, ChangeLeaseError, EnqueueError},
};
use evenkeel_types::{BodyRef, JobId, LogIndex, LogTime, Micros, QueueId};
use hidden::Places;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64;

/// See the module.
#[derive(Debug)]
pub struct Witness {
    /// Its machine.
    pub machine: Machine,
    /// Its book.
    pub book: Book,
    /// Every entry it saw.
    pub committed: Committed,
    /// Its machine's digest at every entry.
    pub digests: Digests,
    /// The numbers of the messages that were accepted, as their bodies carry them.
    pub accepted: BTreeSet<u64>,
    /// A hash of each body that was accepted.
    pub hashes: BTreeMap<BodyRef, u64>,
    /// How many jobs were accepted and how many finished.
    pub jobs: (u64, u64),
    /// How many jobs were purged and how many queues deleted.
    pub purged: (u64, u64),
    /// There may be entries that ask for more than this version has: nobody applies them.
    pub has_poison: bool,
    /// Such entries seen.
    pub poisoned: u64,
    /// Batches seen.
    pub batches: u64,
    names: BTreeMap<String, QueueId>,
    bodies: Bodies,
    /// Where the jobs are behind the present batch, once somebody has asked.
    places: Option<Places>,
    /// What was purged or deleted in it.
    purged_now: Vec<QueueId>,
    invariants: Vec<Box<dyn Invariant>>,
    outcome: Outcome,
}

impl Default for Witness {
    fn default() -> Self {
        Self {
            machine: Machine::default(),
            book: Book::default(),
            committed: Committed::default(),
            digests: Digests::default(),
            accepted: BTreeSet::new(),
            hashes: BTreeMap::new(),
            jobs: (0, 0),
            purged: (0, 0),
            has_poison: false,
            poisoned: 0,
            batches: 0,
            names: BTreeMap::new(),
            bodies: Bodies::default(),
            places: None,
            purged_now: Vec::new(),
            invariants: invariants::of_the_stream(),
            outcome: Outcome::default(),
        }
    }
}

impl Witness {
    /// The witness of a cluster's log, of the newest version in it.
    #[must_use]
    pub fn of_a_cluster(build: Build) -> Self {
        Self { machine: Machine::of(build), invariants: invariants::of_a_cluster(), ..Self::default() }
    }

    /// The last entry seen.
    #[must_use]
    pub fn applied(&self) -> LogIndex {
        self.machine.applied()
    }

    /// The number of a queue, once its making is committed.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.names.get(name).copied()
    }

    /// Takes in the next committed entry.
    ///
    /// # Errors
    /// An invariant is broken.
    pub fn see(&mut self, entry: &Entry, timing: Option<Timing>) -> Result<(), Broken> {
        self.committed.push(entry);
        let is_poison = self.has_poison && is_too_new(&entry.batch);
        self.poisoned += u64::from(is_poison);
        if entry.batch.is_empty() || is_poison {
            self.machine.skip(entry.index).map_err(|error| Broken::new("witness", error.to_string()))?;
        } else {
            self.batches += 1;
            self.batch(entry, timing)?;
        }
        self.digests.push(self.machine.digest());
        Ok(())
    }

    fn batch(&mut self, entry: &Entry, timing: Option<Timing>) -> Result<(), Broken> {
        let malformed = |error: &dyn std::fmt::Display| Broken::new("witness", error.to_string());
        let mut batch = Batch::open(&entry.batch).map_err(|error| malformed(&error))?;
        let (log_time, wall_time) = (batch.log_time, batch.wall_time);
        let mut commands = Vec::new();
        while let Some(command) = batch.next_command().map_err(|error| malformed(&error))? {
            commands.push(command);
        }
        let is_busy = self.is_busy();
        let mut outcome = std::mem::take(&mut self.outcome);
        self.machine.apply(entry.index, &entry.batch, &mut outcome).map_err(|error| malformed(&error))?;
        invariants::conservation::check(&self.machine)?;
        self.bodies.follow(&outcome.events, &self.machine)?;

        (self.places, self.purged_now) = (None, Vec::new());
        let commands_count = commands.len();
        self.fact(&Fact::Batch { index: entry.index, log_time, wall_time, commands: commands_count, timing, is_busy })?;
        while let Some((queue, job, deadline)) = self.book.due(log_time) {
            self.fact(&Fact::Due { queue, job, deadline })?;
        }
        self.fact(&Fact::TimersOver)?;
        if is_busy {
            self.find_moved()?;
        }
        if commands.len() != outcome.replies.len() {
            return Err(Broken::new("witness", "there are not as many replies as commands"));
        }
        for (command, reply) in commands.iter().zip(&outcome.replies) {
            self.command(command, reply)?;
        }
        self.find_hidden()?;
        if commands.iter().any(|command| matches!(command, Command::Once { .. })) {
            invariants::repeats::check_settings(&self.machine, &self.book)?;
        }
        self.outcome = outcome;
        Ok(())
    }

    fn command(&mut self, command: &Command<'_>, reply: &Reply) -> Result<(), Broken> {
        match (command, reply) {
            (_, Reply::FeatureLevelRefused { present }) => {
                Err(Broken::new("level", format!("{command:?} was proposed at feature level {present}")))
            }
            (Command::Once { call, change }, reply) => {
                let is_repeated = self.book.told_by(*call).is_some();
                self.fact(&Fact::Called { call: *call, reply })?;
                // It was made when it came first.
                if is_repeated { Ok(()) } else { self.command(change, reply) }
            }
            (Command::CreateQueue { queue, settings, papers, .. }, Reply::QueueCreated(Ok(id))) => {
                if self.names.insert(queue.name.to_owned(), *id).is_none() {
                    self.fact(&Fact::Settings { queue: *id, settings: *settings })?;
                    self.papers(*id, queue.name, papers.redrive.flatten())?;
                }
                Ok(())
            }
            (Command::ConfigureQueue { queue: key, edit }, Reply::Configured(Ok(()))) => {
                let queue = self.id_of(*key)?;
                if let Some(redrive) = edit.papers.redrive {
                    self.papers(queue, key.name, redrive)?;
                }
                let present = self.book.queues.get(&queue).map(|queue| queue.settings).unwrap_or_default();
                let settings = edit.over(present).unwrap_or(present);
                self.fact(&Fact::Settings { queue, settings })
            }
            (Command::ConfigureGroup { queue, group, settings }, Reply::Configured(Ok(()))) => {
                let queue = self.id_of(*queue)?;
                self.fact(&Fact::Group { queue, group, settings: *settings })
            }
            (Command::PurgeQueue { queue }, Reply::Purged(Ok(told))) => {
                let queue = self.id_of(*queue)?;
                self.find_hidden_before_a_purge(queue)?;
                self.purged.0 += told;
                self.fact(&Fact::Purged { queue, told: Some(*told) })
            }
            // It was deleted when the call came first; another may have its name by now.
            (Command::DeleteQueue { call: Some(_), .. }, Reply::QueueDeleted(Ok(told)))
                if self.book.deleted.contains(told) =>
            {
                Ok(())
            }
            (Command::DeleteQueue { queue: key, .. }, Reply::QueueDeleted(Ok(told))) => {
                let queue = self.id_of(*key)?;
                if *told != queue {
                    return Err(Broken::new("witness", format!("queue {queue} was deleted as {told}")));
                }
                self.find_hidden_before_a_purge(queue)?;
                self.names.remove(key.name);
                self.purged.0 += self.book.queues.get(&queue).map_or(0, |queue| queue.jobs.len() as u64);
                self.purged.1 += 1;
                self.fact(&Fact::Purged { queue, told: None })?;
                self.fact(&Fact::Deleted { queue })
            }
            (Command::Enqueue { queue, jobs, call }, Reply::Enqueued(Ok(results))) => {
                let queue = self.id_of(*queue)?;
                let is_repeated = call.is_some_and(|call| self.book.sent_by(call).is_some());
                if let Some(call) = *call {
                    self.fact(&Fact::Sent { call, results })?;
                }
                for (job, result) in jobs.iter().zip(results) {
                    match result {
                        // It was added when it came first.
                        Ok(enqueued) if enqueued.again => self.sent_before(queue, job, enqueued, is_repeated)?,
                        Ok(enqueued) => self.enqueued(queue, job, enqueued)?,
                        Err(error @ EnqueueError::QueueFull { .. }) => {
                            let bytes = job.body.bytes.len() as u64;
                            self.fact(&Fact::Full { queue, bytes, error: *error })?;
                        }
                        Err(
                            EnqueueError::BodyTooLarge { .. }
                            | EnqueueError::DelayTooLong
                            | EnqueueError::NoGroup
                            | EnqueueError::NoDedupId
                            | EnqueueError::OwnDelay
                            | EnqueueError::RefusedBefore
                            | EnqueueError::Full,
                        ) => {}
                    }
                }
                self.fact(&Fact::Done { queue })
            }
            (Command::Receive { queue, jobs_max, lease, again }, Reply::Received(Ok(grants))) => {
                let until = self.book.log_time + lease.unwrap_or(self.settings(*queue).lease);
                if let Some((held, noted)) = self.book.held_again(*queue, again) {
                    self.fact(&Fact::Repeated { queue: *queue, held: &held, grants })?;
                    let renewed = noted.is_none().then_some(until);
                    for grant in grants {
                        self.fact(&Fact::Regranted { queue: *queue, grant, until: renewed })?;
                    }
                    self.book.note_received(*queue, again, grants, noted.unwrap_or(until));
                    return Ok(());
                }
                for grant in grants {
                    self.find_before_a_grant(*queue, grant)?;
                    self.fact(&Fact::Granted { queue: *queue, grant, until })?;
                }
                self.book.note_received(*queue, again, grants, until);
                self.fact(&Fact::Received { queue: *queue, asked: *jobs_max, granted: grants.len() })?;
                self.fact(&Fact::Done { queue: *queue })
            }
            (Command::Ack { queue, jobs }, Reply::Acked(results)) => {
                for (held, result) in jobs.iter().zip(results) {
                    self.jobs.1 += u64::from(result.is_ok());
                    if matches!(result, Err(AckError::NotThere { .. })) {
                        self.find_if_gone(*queue, held.job)?;
                    }
                    self.fact(&Fact::Acked { queue: *queue, held: *held, result: *result })?;
                }
                self.fact(&Fact::Done { queue: *queue })
            }
            (Command::ChangeLease { queue, jobs }, Reply::LeaseChanged(results)) => {
                for ((held, lease), result) in jobs.iter().zip(results) {
                    if matches!(result, Err(ChangeLeaseError::NotHeld(AckError::NotThere { .. }))) {
                        self.find_if_gone(*queue, held.job)?;
                    }
                    self.fact(&Fact::Changed { queue: *queue, held: *held, lease: *lease, result: *result })?;
                }
                self.fact(&Fact::Done { queue: *queue })
            }
            _ => Ok(()),
        }
    }

    fn enqueued(
        &mut self,
        queue: QueueId,
        new: &NewJob<'_>,
        enqueued: &evenkeel_machine::Enqueued,
    ) -> Result<(), Broken> {
        let until = self.delayed_until(queue, new);
        self.jobs.0 += 1;
        self.accepted.extend(number_in(new.body.bytes));
        let (job, body): (JobId, _) = (enqueued.job, enqueued.body);
        if self.book.job(queue, job).is_some() {
            return Err(Broken::new("witness", format!("job {job} was made while it is there")));
        }
        let hash = xxh3_64(new.body.bytes);
        self.hashes.insert(body, hash);
        let dedup = dedup_of(&self.settings(queue), new);
        self.fact(&Fact::Enqueued { queue, group: new.group, job, body, hash, until, dedup })
    }

    /// A job was answered as sent before.
    fn sent_before(
        &mut self,
        queue: QueueId,
        new: &NewJob<'_>,
        enqueued: &evenkeel_machine::Enqueued,
        by_call: bool,
    ) -> Result<(), Broken> {
        // The client is told that this one is there.
        self.accepted.extend(number_in(new.body.bytes));
        if by_call {
            return Ok(());
        }
        let dedup = dedup_of(&self.settings(queue), new);
        self.fact(&Fact::SentBefore { queue, dedup, enqueued })
    }

    /// When a new job's delay ends. In a FIFO queue all are delayed alike, and none passes another of its group.
    fn delayed_until(&self, queue: QueueId, new: &NewJob<'_>) -> Option<LogTime> {
        let (settings, now) = (self.settings(queue), self.book.log_time);
        let lane = self.book.queues.get(&queue).and_then(|queue| queue.lanes.get(new.group));
        let before = lane.filter(|lane| settings.fifo.is_some() && lane.delayed > 0);
        let own = new.delay.filter(|_| settings.fifo.is_none());
        let delay = own.unwrap_or(settings.delay).min(DELAY_MAX);
        if delay == Micros(0) && before.is_none() {
            return None;
        }
        let behind = before.map_or(now, |lane| lane.delayed_until + Micros(1 << TICK_BITS));
        Some(behind.max(now + delay))
    }

    fn settings(&self, queue: QueueId) -> QueueSettings {
        self.book.queues.get(&queue).map(|queue| queue.settings).unwrap_or_default()
    }

    fn papers(&mut self, queue: QueueId, name: &str, redrive: Option<Redrive<'_>>) -> Result<(), Broken> {
        let letters = redrive.map(|redrive| (redrive.target, redrive.grants_max));
        self.fact(&Fact::Papers { queue, name, letters })
    }

    fn id_of(&self, key: QueueKey<'_>) -> Result<QueueId, Broken> {
        self.queue(key.name).ok_or_else(|| Broken::new("witness", format!("no queue {:?} was made", key.name)))
    }

    fn fact(&mut self, fact: &Fact<'_>) -> Result<(), Broken> {
        for invariant in &mut self.invariants {
            invariant.before(&self.book, fact)?;
        }
        self.book.enter(fact);
        for invariant in &mut self.invariants {
            invariant.after(&self.book, fact)?;
        }
        Ok(())
    }
}

/// By what a job is known again in its queue, if that is a FIFO queue.
fn dedup_of<'a>(settings: &QueueSettings, new: &NewJob<'a>) -> Dedup<'a> {
    let (fifo, dedup) = (settings.fifo?, new.dedup?);
    let scope = if fifo.dedup_scope == DedupScope::Group { new.group } else { "" };
    Some((scope, dedup.id))
}

/// The text by which the oracle knows a message, at the start of its body.
#[must_use]
pub fn marked(number: u64) -> String {
    format!("job<{number}>")
}

/// The number in a body, wherever the door put it.
#[must_use]
pub fn number_in(bytes: &[u8]) -> Option<u64> {
    let start = bytes.windows(4).position(|window| window == b"job<")? + 4;
    let digits = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit());
    let mut number = 0u64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// Whether an entry asks for more than this version has.
fn is_too_new(batch: &[u8]) -> bool {
    let Ok(mut batch) = Batch::open(batch) else { return false };
    std::iter::from_fn(|| batch.next_command().ok().flatten())
        .any(|command| matches!(command, Command::RaiseFeatureLevel { level: crate::cluster::POISON_LEVEL }))
}
