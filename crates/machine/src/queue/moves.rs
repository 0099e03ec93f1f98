//! Move tasks: dead letters go back to where they came from, or to a queue that is named.
//!
//! 1. A task takes what is ready in its source, in the order of turns, at its rate or a bounded number a batch, and ends when nothing is
//!    ready. What is with workers stays.
//! 2. A job that is moved is sent anew: it takes another slot, and by that another id, and counts no grants. Its body stays
//!    where it is.
//! 3. Of each source one task runs at a time, and the last ten are remembered.
//!
//! AWS API Reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.

use super::{Moment, Queues, index::Index};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    command::QueueKey,
    digest::{Digested, Mixer},
    event::Event,
    limits,
    slab::{NIL, Record},
};
use evenkeel_types::{AccountId, BodyRef, LogTime, WallTime};
use std::sync::Arc;

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum MoveStatus {
    /// It goes on.
    #[default]
    Running = 0,
    /// Nothing was left to move.
    Completed = 1,
    /// It was cancelled.
    Cancelled = 2,
    /// A job came from no other queue, and no destination was named.
    NoOrigin = 3,
    /// The destination, or the queue that a job came from, is not there (any more) or of the other kind.
    NoDestination = 4,
    /// The destination is full by its own limits.
    DestinationFull = 5,
}

/// A task, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveView {
    /// Its number, which is never used again.
    pub number: u64,
    /// How far it is.
    pub status: MoveStatus,
    /// Where from.
    pub source: Arc<str>,
    /// Where to; to where each job came from if absent.
    pub destination: Option<Arc<str>>,
    /// Jobs a second at most; 0 for no limit.
    pub rate: u16,
    /// Jobs that were moved so far.
    pub moved: u64,
    /// Jobs that were ready when it began.
    pub to_move: u64,
    /// When it began.
    pub started_at: WallTime,
}

/// Why a task was not begun or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// The source does not exist.
    #[error("the source does not exist")]
    NoSuchSource,
    /// No queue uses the source for its dead letters.
    #[error("no queue uses the source as its dead-letter queue")]
    NotDeadLetters,
    /// The destination does not exist, is the source, or is of the other kind.
    #[error("the destination does not exist, is the source, or is of another kind")]
    NoSuchDestination,
    /// A task of this source is running.
    #[error("a task of this source is running")]
    Running,
    /// A rate is 1 to 500 jobs a second.
    #[error("a rate is 1 to {} jobs a second", limits::MOVE_RATE_MAX)]
    RateOutOfRange,
    /// As many tasks are remembered as can be.
    #[error("as many tasks are running as can be")]
    TooMany,
    /// There is no such task, or it has ended.
    #[error("there is no such task, or it has ended")]
    NoSuchTask,
}

/// A task's record.
#[derive(Clone, Debug)]
pub(crate) struct MoveTask {
    number: u64,
    status: MoveStatus,
    account: AccountId,
    /// Empty in a free slot.
    source: Arc<str>,
    /// Empty for none.
    destination: Arc<str>,
    rate: u16,
    moved: u64,
    to_move: u64,
    started_at: u64,
    /// When the next job may be moved, in microseconds of log time.
    next_at: u64,
    /// In a free slot: the next free one.
    next: u32,
}

impl Default for MoveTask {
    fn default() -> Self {
        Self {
            number: 0,
            status: MoveStatus::default(),
            account: AccountId::default(),
            source: Arc::default(),
            destination: Arc::default(),
            rate: 0,
            moved: 0,
            to_move: 0,
            started_at: 0,
            next_at: 0,
            next: NIL,
        }
    }
}

/// Tasks by account, source and number: all that are remembered.
pub(super) type MovesBySource = Index<(AccountId, Arc<str>, u64, u32)>;

impl Queues {
    /// Begins to move what is ready in a queue of dead letters.
    pub(crate) fn start_move(
        &mut self,
        at: Moment,
        source: QueueKey<'_>,
        destination: Option<&str>,
        rate: Option<u16>,
    ) -> Result<u64, MoveError> {
        if rate.is_some_and(|rate| !(1..=limits::MOVE_RATE_MAX).contains(&rate)) {
            return Err(MoveError::RateOutOfRange);
        }
        let found = self.find(source).ok_or(MoveError::NoSuchSource)?;
        if !self.is_dead_letter_queue(source) {
            return Err(MoveError::NotDeadLetters);
        }
        if let Some(name) = destination {
            self.destination(found.slot, name).ok_or(MoveError::NoSuchDestination)?;
        }
        let slots: Vec<u32> = self.move_slots(source).collect();
        if slots.iter().any(|&slot| self.moves.at(slot).status == MoveStatus::Running) {
            return Err(MoveError::Running);
        }
        if self.running_moves.len() >= limits::MOVES_RUNNING_MAX {
            return Err(MoveError::TooMany);
        }
        // The newest are told; the oldest makes way.
        if let Some(&oldest) = slots.get(limits::MOVES_PER_SOURCE_MAX - 1) {
            self.forget_move(oldest);
        }
        let slot = self.moves.allocate().ok_or(MoveError::TooMany)?;
        let number = at.index.0;
        let to_move = self.queues.at(found.slot).counts.ready;
        *self.moves.edit(slot) = MoveTask {
            number,
            status: MoveStatus::Running,
            account: source.account,
            source: source.name.into(),
            destination: destination.unwrap_or_default().into(),
            rate: rate.unwrap_or(0),
            moved: 0,
            to_move,
            started_at: at.wall_time.0,
            next_at: at.log_time.0,
            next: NIL,
        };
        self.index_move(slot);
        Ok(number)
    }

    /// Ends a running task; returns how many jobs it moved.
    pub(crate) fn cancel_move(&mut self, source: QueueKey<'_>, number: u64) -> Result<u64, MoveError> {
        let slot = self
            .move_slots(source)
            .find(|&slot| self.moves.at(slot).number == number && self.moves.at(slot).status == MoveStatus::Running)
            .ok_or(MoveError::NoSuchTask)?;
        self.end_move(slot, MoveStatus::Cancelled);
        Ok(self.moves.at(slot).moved)
    }

    /// The tasks of a source, the newest first.
    pub fn moves_of(&self, source: QueueKey<'_>) -> Vec<MoveView> {
        let view = |task: &MoveTask| MoveView {
            number: task.number,
            status: task.status,
            source: task.source.clone(),
            destination: (!task.destination.is_empty()).then(|| task.destination.clone()),
            rate: task.rate,
            moved: task.moved,
            to_move: task.to_move,
            started_at: WallTime(task.started_at),
        };
        self.move_slots(source).map(|slot| view(self.moves.at(slot))).collect()
    }

    /// Lets the running tasks move what they may by now, a bounded number of jobs.
    pub(crate) fn run_moves(&mut self, at: Moment, events: &mut Vec<Event>) {
        let mut steps = limits::MOVED_PER_BATCH;
        let running: Vec<u32> = self.running_moves.iter().copied().take(limits::MOVES_PER_BATCH).collect();
        for slot in running {
            while steps > 0 && self.moves.at(slot).status == MoveStatus::Running {
                if self.moves.at(slot).next_at > at.log_time.0 {
                    break;
                }
                steps -= 1;
                if let Err(status) = self.move_one(at, slot, events) {
                    self.end_move(slot, status);
                }
            }
        }
    }

    /// When a task may move its next job.
    pub(super) fn move_due(&self) -> Option<LogTime> {
        self.running_moves.iter().map(|&slot| LogTime(self.moves.at(slot).next_at)).min()
    }

    /// Moves the next job of a task; why there is none otherwise.
    fn move_one(&mut self, at: Moment, task_slot: u32, events: &mut Vec<Event>) -> Result<(), MoveStatus> {
        let task = self.moves.at(task_slot);
        let key = QueueKey { account: task.account, name: &task.source };
        let source = self.find(key).ok_or(MoveStatus::Completed)?.slot;
        let lane = self.queues.at(source).turns.next().ok_or(MoveStatus::Completed)?;
        let slot = self.lanes.at(lane).head;
        if slot == NIL || !self.may_be_served(self.lanes.at(lane)) {
            // Its limit was lowered while it stood in the turns.
            self.settle(lane, events);
            return Ok(());
        }
        if self.is_expired(source, self.jobs.at(slot), at.wall_time) {
            self.unlink(slot);
            self.drop_expired(slot, events);
            self.settle(lane, events);
            return Ok(());
        }
        let origin = match &*task.destination {
            "" => self.extras.source(slot).ok_or(MoveStatus::NoOrigin)?.clone(),
            _ => task.destination.clone(),
        };
        let (rate, next_at) = (task.rate, task.next_at);
        let destination = self.destination(source, &origin).ok_or(MoveStatus::NoDestination)?;
        let body = self.jobs.at(slot).body();
        if self.check_caps(destination, body.bytes).is_err() {
            return Err(MoveStatus::DestinationFull);
        }
        self.send_again(at, slot, destination, body, events).ok_or(MoveStatus::DestinationFull)?;
        let task = self.moves.edit(task_slot);
        task.moved += 1;
        if rate > 0 {
            // A task that could not go on does not catch up by a burst.
            let earliest = next_at.max(at.log_time.0.saturating_sub(1_000_000));
            task.next_at = earliest + 1_000_000 / u64::from(rate);
        }
        Ok(())
    }

    /// Puts a job into another queue under a new slot. `None` if that has no place for it; then nothing changed.
    fn send_again(&mut self, at: Moment, slot: u32, to: u32, body: BodyRef, events: &mut Vec<Event>) -> Option<()> {
        let from_lane = self.jobs.at(slot).lane;
        let lane = self.lanes.at(from_lane);
        let (from, group) = (lane.queue, lane.group.clone());
        let lane = self.lane_of(to, &group)?;
        let Some(new) = self.jobs.allocate() else {
            self.settle(lane, events);
            return None;
        };
        self.unlink(slot);
        let bytes = u64::from(body.bytes);
        {
            let queue = self.queues.edit(from);
            queue.counts.moved_out += 1;
            queue.bytes -= bytes;
        }
        {
            let queue = self.queues.edit(to);
            queue.counts.moved_in += 1;
            queue.bytes += bytes;
        }
        self.jobs.edit(new).occupy(lane, body, at.wall_time);
        self.note_sent_at(to, at.wall_time);
        self.free_job(slot);
        events.push(Event::BodyMoved(body));
        self.push_last(new);
        self.settle(from_lane, events);
        self.settle(lane, events);
        Some(())
    }

    /// The queue of that name in the account of another, of the same kind.
    fn destination(&self, source: u32, name: &str) -> Option<u32> {
        let record = self.queues.at(source);
        let found = self.find(QueueKey { account: record.account, name })?.slot;
        (found != source && self.is_fifo(found) == self.is_fifo(source)).then_some(found)
    }

    /// The tasks of a source, the newest first.
    fn move_slots(&self, source: QueueKey<'_>) -> impl Iterator<Item = u32> + '_ {
        let (account, name): (_, Arc<str>) = (source.account, source.name.into());
        let range = (account, name.clone(), 0, 0)..=(account, name, u64::MAX, u32::MAX);
        self.moves_by_source.range(range).rev().map(|(&(.., slot), ())| slot)
    }

    fn end_move(&mut self, slot: u32, status: MoveStatus) {
        self.running_moves.remove(&slot);
        self.moves.edit(slot).status = status;
    }

    fn forget_move(&mut self, slot: u32) {
        let task = self.moves.at(slot);
        let key = (task.account, task.source.clone(), task.number, slot);
        self.moves_by_source.remove(&key);
        self.running_moves.remove(&slot);
        self.moves.free(slot);
    }

    /// Forgets what was moved out of a queue that is deleted.
    pub(super) fn forget_moves(&mut self, source: QueueKey<'_>) {
        let slots: Vec<u32> = self.move_slots(source).collect();
        slots.into_iter().for_each(|slot| self.forget_move(slot));
    }

    fn index_move(&mut self, slot: u32) {
        let task = self.moves.at(slot);
        if task.source.is_empty() {
            return;
        }
        let key = (task.account, task.source.clone(), task.number, slot);
        if task.status == MoveStatus::Running {
            self.running_moves.insert(slot);
        }
        self.moves_by_source.insert(key, ());
    }

    /// Makes what follows from the records of a checkpoint.
    pub(super) fn index_moves(&mut self) {
        (0..self.moves.used()).for_each(|slot| self.index_move(slot));
    }
}

impl MoveTask {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let next = u32::get(reader)?;
        let source = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
        if source.is_empty() {
            return Ok(Self { next, ..Self::default() });
        }
        let destination = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
        let error = reader.malformed("a task's status");
        let status = match u8::get(reader)? {
            0 => MoveStatus::Running,
            1 => MoveStatus::Completed,
            2 => MoveStatus::Cancelled,
            3 => MoveStatus::NoOrigin,
            4 => MoveStatus::NoDestination,
            5 => MoveStatus::DestinationFull,
            _ => return Err(error),
        };
        Ok(Self {
            status,
            source: source.into(),
            destination: destination.into(),
            account: AccountId::get(reader)?,
            rate: u16::get(reader)?,
            number: u64::get(reader)?,
            moved: u64::get(reader)?,
            to_move: u64::get(reader)?,
            started_at: u64::get(reader)?,
            next_at: u64::get(reader)?,
            next,
        })
    }
}

impl Digested for MoveTask {
    fn mix(&self, place: u64) -> u64 {
        let head = u64::from(self.next) << 32 | u64::from(self.rate) << 8 | self.status as u64;
        [head, self.number, self.account.number(), self.moved, self.to_move, self.started_at, self.next_at]
            .into_iter()
            .fold(Mixer::new(place), Mixer::word)
            .bytes(self.source.as_bytes())
            .bytes(self.destination.as_bytes())
            .finish()
    }
}

impl Record for MoveTask {
    fn next_free(&self) -> u32 {
        self.next
    }
    fn set_free(&mut self, next: u32) {
        *self = Self { next, ..Self::default() };
    }
    fn encode(&self, out: &mut Vec<u8>) {
        self.next.put(out);
        put_bytes(self.source.as_bytes(), out);
        if self.source.is_empty() {
            return;
        }
        put_bytes(self.destination.as_bytes(), out);
        (self.status as u8).put(out);
        self.account.put(out);
        self.rate.put(out);
        for word in [self.number, self.moved, self.to_move, self.started_at, self.next_at] {
            word.put(out);
        }
    }
}
