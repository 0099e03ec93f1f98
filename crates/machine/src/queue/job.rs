//! A job's record: 64 bytes, whatever the body's size.

use super::wheel;
use crate::{
    digest::{Digested, Mixer},
    fault::{self, Fault},
    limits,
    slab::{NIL, Record},
};
use evenkeel_types::{BodyRef, JobId, LeaseToken, LogIndex, LogTime, WallTime};

/// Where a job is. It is in exactly one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    /// The slot holds no job.
    #[default]
    Free = 0,
    /// Waiting for its time in the wheel.
    Delayed = 1,
    /// In its lane's list, waiting for its turn.
    Ready = 2,
    /// With a worker; its end is in the wheel.
    Leased = 3,
}

/// One job. `next` and `prev` link it into its lane's list while ready, into a slot of the wheel
/// while delayed or leased, and into the free list while the slot is free.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    body_index: u64,
    /// Ends the delay or the lease, in microseconds of log time.
    pub(crate) deadline: u64,
    /// When the present or last lease was granted, in microseconds of log time.
    pub(crate) leased_at: u64,
    /// From the top: 4 bits of its rank, 60 bits of when it was sent, in milliseconds of wall time.
    sent: u64,
    body_offset: u32,
    /// From the top: 21 bits of the body's size (1 MiB with what the door adds fits), 9 bits of the
    /// slot in the wheel, 2 bits of the place.
    packed: u32,
    /// The lane's slot; the lane knows the queue.
    pub(crate) lane: u32,
    pub(crate) next: u32,
    pub(crate) prev: u32,
    pub(crate) generation: u32,
    /// How often it was granted: the count that SQS shows, and the fencing token.
    pub(crate) grants: u32,
    /// From sending to the first grant, in milliseconds of wall time.
    first_granted_after: u32,
}

const _: () = assert!(size_of::<Job>() == 64, "a job's record is one cache line");

impl Default for Job {
    fn default() -> Self {
        Self {
            body_index: 0,
            deadline: 0,
            leased_at: 0,
            sent: 0,
            body_offset: 0,
            packed: 0,
            lane: NIL,
            next: NIL,
            prev: NIL,
            generation: 0,
            grants: 0,
            first_granted_after: 0,
        }
    }
}

/// The largest body that the record can describe, in bytes.
pub(crate) const BODY_BYTES_LIMIT: u32 = (1 << 21) - 1;
const BODY_BYTES_SHIFT: u32 = 11;
const WHEEL_SLOT_SHIFT: u32 = 2;
const WHEEL_SLOT_MASK: u32 = 0x1FF << WHEEL_SLOT_SHIFT;
const PLACE_MASK: u32 = 3;
const RANK_SHIFT: u32 = 60;
const SENT_MASK: u64 = (1 << RANK_SHIFT) - 1;
const _: () = assert!(limits::JOBS_PER_COMMAND_MAX < 1 << (u64::BITS - RANK_SHIFT), "a rank for each job of a receive");
const _: () = assert!(wheel::SLOTS <= WHEEL_SLOT_MASK >> WHEEL_SLOT_SHIFT);

impl Job {
    /// Fills a free slot.
    pub(crate) fn occupy(&mut self, lane: u32, body: BodyRef, enqueued_at: WallTime) {
        debug_assert!(self.place() == Place::Free && body.bytes <= BODY_BYTES_LIMIT);
        *self = Self {
            body_index: body.index.0,
            sent: enqueued_at.0.min(SENT_MASK),
            body_offset: body.offset,
            packed: (body.bytes & BODY_BYTES_LIMIT) << BODY_BYTES_SHIFT,
            lane,
            generation: self.generation,
            ..Self::default()
        };
    }

    pub(crate) fn place(&self) -> Place {
        match self.packed & PLACE_MASK {
            0 => Place::Free,
            1 => Place::Delayed,
            2 => Place::Ready,
            _ => Place::Leased,
        }
    }

    pub(crate) fn set_place(&mut self, place: Place) {
        self.packed = self.packed & !PLACE_MASK | place as u32;
    }

    /// Which slot of the wheel it hangs in, while delayed or leased.
    pub(crate) fn wheel_slot(&self) -> u32 {
        (self.packed & WHEEL_SLOT_MASK) >> WHEEL_SLOT_SHIFT
    }

    pub(crate) fn set_wheel_slot(&mut self, wheel_slot: u32) {
        debug_assert!(wheel_slot < wheel::SLOTS);
        self.packed = self.packed & !WHEEL_SLOT_MASK | wheel_slot << WHEEL_SLOT_SHIFT;
    }

    pub(crate) fn body(&self) -> BodyRef {
        BodyRef { index: LogIndex(self.body_index), offset: self.body_offset, bytes: self.packed >> BODY_BYTES_SHIFT }
    }

    pub(crate) fn token(&self) -> LeaseToken {
        LeaseToken(self.grants)
    }

    pub(crate) fn id(&self, slot: u32) -> JobId {
        JobId { slot, generation: self.generation }
    }

    pub(crate) fn enqueued_at(&self) -> WallTime {
        WallTime(self.sent & SENT_MASK)
    }

    pub(crate) fn first_granted_at(&self) -> WallTime {
        WallTime(self.enqueued_at().0 + u64::from(self.first_granted_after))
    }

    /// Counts as sent at this moment.
    pub(crate) fn send_anew(&mut self, at: WallTime) {
        self.sent = self.sent & !SENT_MASK | at.0.min(SENT_MASK);
        self.first_granted_after = 0;
    }

    /// Comes into another lane, in which it was never granted.
    pub(crate) fn change_lane(&mut self, lane: u32) {
        self.lane = lane;
        self.set_rank(0);
    }

    /// Which of its lane's jobs it was in the receive that granted it last, from 1 on; 0 if none of this lane has. Kept in FIFO
    /// queues only.
    pub(crate) fn rank(&self) -> u64 {
        self.sent >> RANK_SHIFT
    }

    pub(crate) fn set_rank(&mut self, rank: usize) {
        debug_assert!(rank <= limits::JOBS_PER_COMMAND_MAX);
        self.sent = self.sent & SENT_MASK | (rank as u64) << RANK_SHIFT;
    }

    /// Counts a grant at these times.
    pub(crate) fn grant(&mut self, now: LogTime, wall: WallTime) {
        if self.grants == 0 {
            let after = wall.0.saturating_sub(self.enqueued_at().0);
            self.first_granted_after = u32::try_from(after).unwrap_or(u32::MAX);
        }
        if self.grants == 0 || !fault::is(Fault::ReuseToken) {
            self.grants = self.grants.saturating_add(1);
        }
        self.leased_at = now.0;
    }

    /// The generation and the next free slot, if that is all there is: in a free slot.
    pub(crate) fn free_words(&self) -> Option<[u32; 2]> {
        (self.place() == Place::Free).then_some([self.generation, self.next])
    }

    /// A free slot.
    pub(crate) fn of_free_words([generation, next]: [u32; 2]) -> Self {
        Self { generation, next, ..Self::default() }
    }

    /// The record as eight words, in the order of `docs/format.md`.
    pub(crate) fn words(&self) -> [u64; 8] {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        [
            self.body_index,
            self.deadline,
            self.leased_at,
            self.sent,
            pair(self.packed, self.body_offset),
            pair(self.next, self.lane),
            pair(self.generation, self.prev),
            pair(self.first_granted_after, self.grants),
        ]
    }

    /// The record of eight words.
    pub(crate) fn from_words(words: [u64; 8]) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "takes the two halves of a word")]
        let halves = |word: u64| ((word >> 32) as u32, word as u32);
        let [body_index, deadline, leased_at, sent, body, links, names, counts] = words;
        let (packed, body_offset) = halves(body);
        let (next, lane) = halves(links);
        let (generation, prev) = halves(names);
        let (first_granted_after, grants) = halves(counts);
        Self {
            body_index,
            deadline,
            leased_at,
            sent,
            body_offset,
            packed,
            lane,
            next,
            prev,
            generation,
            grants,
            first_granted_after,
        }
    }
}

impl Digested for Job {
    fn mix(&self, place: u64) -> u64 {
        self.words().into_iter().fold(Mixer::new(place), Mixer::word).finish()
    }
}

impl Record for Job {
    fn next_free(&self) -> u32 {
        self.next
    }

    fn set_free(&mut self, next: u32) {
        // The generation moves on when the job leaves, not when the free list is relinked.
        let generation = if self.place() == Place::Free { self.generation } else { self.generation.wrapping_add(1) };
        *self = Self { generation, next, ..Self::default() };
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_words() {
        let mut job = Job { generation: 9, ..Job::default() };
        job.occupy(7, BodyRef { index: LogIndex(u64::MAX), offset: 5, bytes: 1_048_576 }, WallTime(1_000));
        job.set_place(Place::Leased);
        job.grant(LogTime(3), WallTime(1_250));
        let again = Job::from_words(job.words());
        assert_eq!(again.words(), job.words());
        assert_eq!(again.body().bytes, 1_048_576);
        assert_eq!((again.place(), again.first_granted_at(), again.generation), (Place::Leased, WallTime(1_250), 9));
    }

    #[test]
    fn only_leaving_moves_the_generation_on() {
        let mut job = Job::default();
        job.set_free(4);
        assert_eq!((job.generation, job.next), (0, 4));
        job.set_place(Place::Ready);
        job.set_free(NIL);
        job.set_free(8);
        assert_eq!((job.generation, job.next), (1, 8));
    }
}
