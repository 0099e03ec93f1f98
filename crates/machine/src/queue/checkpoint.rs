//! The queues as records, and back: bit for bit the same state, free lists and links included.
//!
//! `docs/format.md` lists the bytes. What follows from the records (hash tables, turns, the wheel's slots) is not kept;
//! [`Queues::restored`] makes it anew.

use super::{
    Doomed, Job, Lane, MoveTask, Papers, Place, Queue, Queues, Standing, Walk, expire::NOTHING, extra::Extra,
    state::Counts, wheel::Wheel,
};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    command::{GroupSettings, QueueKey, QueueSettings},
    limits,
    machine::Section,
    recent::RecentOutline,
    slab::{Ends, Images, NIL, Outline},
};
use evenkeel_types::{AccountId, BodyRef, WallTime};

/// What a checkpoint says of the queues beside their records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuesOutline {
    queues: Outline,
    lanes: Outline,
    jobs: Outline,
    recent: RecentOutline,
    extras: Outline,
    moves: Outline,
    walk: Walk,
    tick: u64,
    doomed: Doomed,
}

impl Plain for QueuesOutline {
    fn put(self, out: &mut Vec<u8>) {
        self.queues.put(out);
        self.lanes.put(out);
        self.jobs.put(out);
        self.recent.put(out);
        self.extras.put(out);
        self.moves.put(out);
        self.walk.queue.put(out);
        self.walk.lane.put(out);
        self.walk.oldest.put(out);
        self.tick.put(out);
        self.doomed.put(out);
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            queues: Outline::get(reader)?,
            lanes: Outline::get(reader)?,
            jobs: Outline::get(reader)?,
            recent: RecentOutline::get(reader)?,
            extras: Outline::get(reader)?,
            moves: Outline::get(reader)?,
            walk: Walk { queue: u32::get(reader)?, lane: u32::get(reader)?, oldest: u64::get(reader)? },
            tick: u64::get(reader)?,
            doomed: Doomed::get(reader)?,
        })
    }
}

impl Plain for Doomed {
    fn put(self, out: &mut Vec<u8>) {
        self.lanes.head.put(out);
        self.lanes.tail.put(out);
        self.sweep.put(out);
        self.ready.put(out);
        self.hanging.put(out);
        self.bytes.put(out);
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            lanes: Ends { head: u32::get(reader)?, tail: u32::get(reader)? },
            sweep: u32::get(reader)?,
            ready: u64::get(reader)?,
            hanging: u64::get(reader)?,
            bytes: u64::get(reader)?,
        })
    }
}

impl Queues {
    pub(crate) fn outline(&self) -> QueuesOutline {
        QueuesOutline {
            queues: self.queues.outline(),
            lanes: self.lanes.outline(),
            jobs: self.jobs.outline(),
            recent: self.recent.outline(),
            extras: self.extras.records.outline(),
            moves: self.moves.outline(),
            walk: self.walk,
            tick: self.wheel.tick(),
            doomed: self.doomed,
        }
    }

    /// Begins to hand out records: see [`crate::Machine::begin_checkpoint`].
    pub(crate) fn begin_drain(&mut self, whole: bool) {
        self.queues.begin_drain(whole);
        self.lanes.begin_drain(whole);
        self.jobs.begin_drain(whole);
        self.recent.begin_drain(whole);
        self.extras.records.begin_drain(whole);
        self.moves.begin_drain(whole);
    }

    /// How many records changed since the last checkpoint began.
    pub(crate) fn changed(&self) -> u64 {
        let few = self.extras.records.changed() + self.moves.changed();
        self.queues.changed() + self.lanes.changed() + self.jobs.changed() + self.recent.changed() + few
    }

    /// Gives up the checkpoint under way: see [`crate::Machine::abandon_checkpoint`].
    pub(crate) fn abandon_drain(&mut self) -> [Images; 6] {
        [
            self.queues.abandon_drain(),
            self.lanes.abandon_drain(),
            self.jobs.abandon_drain(),
            self.recent.abandon_drain(),
            self.extras.records.abandon_drain(),
            self.moves.abandon_drain(),
        ]
    }

    /// Hands out records while `budget` lasts. True once that was all.
    pub(crate) fn drain(&mut self, budget: &mut usize, sink: &mut impl FnMut(Section, u32, &[u8])) -> bool {
        self.queues.drain(budget, &mut |slot, bytes| sink(Section::Queues, slot, bytes))
            && self.lanes.drain(budget, &mut |slot, bytes| sink(Section::Lanes, slot, bytes))
            && self.jobs.drain(budget, &mut |slot, bytes| sink(Section::Jobs, slot, bytes))
            && self.recent.drain(budget, &mut |slot, bytes| sink(Section::Recent, slot, bytes))
            && self.extras.records.drain(budget, &mut |slot, bytes| sink(Section::Extras, slot, bytes))
            && self.moves.drain(budget, &mut |slot, bytes| sink(Section::Moves, slot, bytes))
    }

    /// Takes in the next record of a checkpoint. False if it is not the next of its section.
    pub(crate) fn restore(
        &mut self,
        section: Section,
        slot: u32,
        reader: &mut Reader<'_>,
    ) -> Result<bool, DecodeError> {
        Ok(match section {
            Section::Queues => self.queues.restore(slot, Queue::decode(reader)?),
            Section::Lanes => self.lanes.restore(slot, Lane::decode(reader)?),
            Section::Jobs => self.jobs.restore(slot, Job::decode(reader)?),
            Section::Recent => self.recent.restore(slot, reader)?,
            Section::Extras => self.extras.records.restore(slot, Extra::decode(reader)?),
            Section::Moves => self.moves.restore(slot, MoveTask::decode(reader)?),
            Section::Keys => false,
        })
    }

    /// Ends the restoration: makes what follows from the records.
    pub(crate) fn restored(&mut self, outline: QueuesOutline) -> Result<(), &'static str> {
        let complete = [
            self.queues.restored(outline.queues),
            self.lanes.restored(outline.lanes),
            self.jobs.restored(outline.jobs),
            self.recent.restored(outline.recent),
            self.extras.records.restored(outline.extras),
            self.moves.restored(outline.moves),
        ];
        if complete != [true; 6] {
            return Err("as many records as the checkpoint counts");
        }
        self.doomed = outline.doomed;
        let Walk { queue, lane, .. } = outline.walk;
        let inside = |slot: u32, used: u32| slot == NIL || slot < used;
        if !inside(queue, self.queues.used()) || !inside(lane, self.lanes.used()) {
            return Err("a walk through lanes that exist");
        }
        self.walk = outline.walk;
        self.extras.restored();
        self.index_moves();
        self.bytes = outline.doomed.bytes;
        self.wheel = Wheel::restore(outline.tick, &self.jobs).ok_or("jobs that hang in slots of the wheel")?;
        // Keyed hashes are not stored; they are computed anew and with them the tables.
        for slot in 0..self.queues.used() {
            let queue = self.queues.at(slot);
            if !queue.is_live() {
                continue;
            }
            self.bytes = self.bytes.wrapping_add(queue.bytes);
            let hash = self.hash_of_queue(QueueKey { account: queue.account, name: &queue.name });
            self.queues.rehash(slot, |queue| queue.set_hash(hash));
            self.queue_names.insert(&mut self.queues, slot);
            let queue = self.queues.at(slot);
            let (oldest, retention) = (queue.oldest, u64::from(queue.settings().retention_secs) * 1_000);
            if oldest != NOTHING {
                self.expiries.insert((oldest.saturating_add(retention), slot));
            }
            self.by_name.insert((queue.account, queue.name.clone()), slot);
            self.index_source(slot);
        }
        for slot in 0..self.lanes.used() {
            let lane = self.lanes.at(slot);
            if lane.standing == Standing::Free {
                continue;
            }
            if lane.queue >= self.queues.used() {
                return Err("lanes of queues that exist");
            }
            let hash = self.hash_of_lane(lane.queue, &lane.group);
            self.lanes.rehash(slot, |lane| lane.hash = hash);
            if self.lanes.at(slot).standing != Standing::Doomed {
                self.lane_names.insert(&mut self.lanes, slot);
            }
            if self.lanes.at(slot).own().is_some() {
                self.own_names.insert(&mut self.lanes, slot);
            }
        }
        for slot in 0..self.lanes.used() {
            let lane = self.lanes.at(slot);
            if lane.standing == Standing::Free || self.is_doomed(lane) {
                continue;
            }
            // A lane that rests grants nothing, even if its limit was raised since: it was not settled again.
            let rests = lane.standing != Standing::InTurns;
            let (queue, grantable) = (lane.queue, if rests { 0 } else { self.grantable_of(lane) });
            self.lanes.derived(slot).grantable = grantable;
            let queue = self.queues.derived(queue);
            queue.turns.restore(slot, self.lanes.at(slot));
            queue.grantable += u64::from(grantable);
        }
        (0..self.queues.used()).for_each(|queue| self.note_forgettable(queue));
        Ok(())
    }
}

impl Queue {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.generation.put(out);
        self.epoch.put(out);
        self.lanes.head.put(out);
        if !self.is_live() {
            return 0u32.put(out);
        }
        put_bytes(self.name.as_bytes(), out);
        self.lanes.tail.put(out);
        self.account.put(out);
        self.settings().put(out);
        let counts = &self.counts;
        for count in [counts.ready, counts.delayed, counts.leased, counts.enqueued, counts.acked, counts.purged] {
            count.put(out);
        }
        for count in [counts.expired, counts.moved_in, counts.moved_out, self.oldest] {
            count.put(out);
        }
        self.created_at.put(out);
        self.modified_at.put(out);
        self.papers().is_some().put(out);
        if let Some(papers) = self.papers() {
            papers.put(out);
        }
        self.bytes.put(out);
        self.turns.virtual_time.put(out);
        self.turns.turn.put(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (generation, epoch) = (u32::get(reader)?, u64::get(reader)?);
        let head = u32::get(reader)?;
        let name = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
        let mut queue = Self::free(generation, epoch, head);
        if name.is_empty() {
            return Ok(queue);
        }
        let tail = u32::get(reader)?;
        let account = AccountId::get(reader)?;
        queue.occupy(account, name, 0, QueueSettings::get(reader)?, WallTime::default());
        queue.lanes = Ends { head, tail };
        queue.counts = Counts {
            ready: u64::get(reader)?,
            delayed: u64::get(reader)?,
            leased: u64::get(reader)?,
            enqueued: u64::get(reader)?,
            acked: u64::get(reader)?,
            purged: u64::get(reader)?,
            expired: u64::get(reader)?,
            moved_in: u64::get(reader)?,
            moved_out: u64::get(reader)?,
        };
        queue.oldest = u64::get(reader)?;
        queue.created_at = WallTime::get(reader)?;
        queue.modified_at = WallTime::get(reader)?;
        let papers = if bool::get(reader)? { Papers::decode(reader)? } else { Papers::default() };
        queue.set_papers(papers);
        queue.bytes = u64::get(reader)?;
        queue.turns.virtual_time = u64::get(reader)?;
        queue.turns.turn = u64::get(reader)?;
        Ok(queue)
    }
}

impl Lane {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        (self.standing as u8).put(out);
        self.head.put(out);
        if self.standing == Standing::Free {
            return;
        }
        self.queue.put(out);
        self.life.put(out);
        self.epoch.put(out);
        self.queue_prev.put(out);
        self.queue_next.put(out);
        put_bytes(self.group.as_bytes(), out);
        for number in [self.tail, self.ready, self.delayed, self.leased] {
            number.put(out);
        }
        self.since_millis.put(out);
        self.charged_millis.put(out);
        self.estimate_millis.put(out);
        self.delayed_until.put(out);
        self.pass.put(out);
        self.turn.put(out);
        self.own().put(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("a lane's standing");
        let standing = match u8::get(reader)? {
            0 => Standing::Free,
            1 => Standing::InTurns,
            2 => Standing::Resting,
            3 => Standing::Idle,
            4 => Standing::Doomed,
            _ => return Err(error),
        };
        let head = u32::get(reader)?;
        if standing == Standing::Free {
            return Ok(Self { head, ..Self::default() });
        }
        let (queue, life, epoch) = (u32::get(reader)?, u32::get(reader)?, u64::get(reader)?);
        let (queue_prev, queue_next) = (u32::get(reader)?, u32::get(reader)?);
        let group = reader.text(limits::GROUP_NAME_BYTES_MAX, "a group's name")?;
        let mut lane = Self { life, epoch, queue_prev, queue_next, ..Self::new(queue, group, 0) };
        lane.standing = standing;
        lane.head = head;
        for number in [&mut lane.tail, &mut lane.ready, &mut lane.delayed, &mut lane.leased] {
            *number = u32::get(reader)?;
        }
        lane.since_millis = u64::get(reader)?;
        lane.charged_millis = u64::get(reader)?;
        lane.estimate_millis = u64::get(reader)?;
        lane.delayed_until = u64::get(reader)?;
        lane.pass = u64::get(reader)?;
        lane.turn = u64::get(reader)?;
        lane.set_own(Option::<GroupSettings>::get(reader)?);
        Ok(lane)
    }
}

/// Where the body of the job in a record lies; `None` in a free slot.
pub(crate) fn body_of_record(reader: &mut Reader<'_>) -> Result<Option<BodyRef>, DecodeError> {
    let job = Job::decode(reader)?;
    Ok((job.place() != Place::Free).then(|| job.body()))
}

/// How a job is kept: a free slot, a job that was never granted nor delayed, or all of it.
const FREE: u8 = 0;
const FRESH: u8 = 1;
const WHOLE: u8 = 2;

impl Job {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        if let Some([generation, next]) = self.free_words() {
            FREE.put(out);
            generation.put(out);
            next.put(out);
            return;
        }
        let words = self.words();
        let [body_index, deadline, leased_at, sent, body, links, names, counts] = words;
        if [deadline, leased_at, counts] == [0; 3] {
            FRESH.put(out);
            [body_index, sent, body, links, names].into_iter().for_each(|word| word.put(out));
        } else {
            WHOLE.put(out);
            words.into_iter().for_each(|word| word.put(out));
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("how a job is kept");
        match u8::get(reader)? {
            FREE => Ok(Self::of_free_words([u32::get(reader)?, u32::get(reader)?])),
            FRESH => {
                let mut words = [0; 5];
                for word in &mut words {
                    *word = u64::get(reader)?;
                }
                let [body_index, sent, body, links, names] = words;
                Ok(Self::from_words([body_index, 0, 0, sent, body, links, names, 0]))
            }
            WHOLE => {
                let mut words = [0; 8];
                for word in &mut words {
                    *word = u64::get(reader)?;
                }
                Ok(Self::from_words(words))
            }
            _ => Err(error),
        }
    }
}
