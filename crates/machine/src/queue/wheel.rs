//! The timer wheel: which jobs' delays and leases end when.
//!
//! Seven levels of 64 slots; a slot of level `n` spans 64^n ticks of 1,024 microseconds. Jobs hang in
//! a slot by their own links, so a timer costs no memory, and setting or clearing one is O(1)
//! however many there are. A job moves down at most six times before it fires, never early and
//! at most one tick late.
//!
//! Time never jumps over work: [`Wheel::advance`] takes one step, and the caller may stop after any
//! and go on later, so a million leases ending together do not stop the machine.

use super::job::{Job, Place};
use crate::slab::{NIL, Slab};
use evenkeel_types::LogTime;

const TICK_BITS: u32 = 10;
const LEVEL_BITS: u32 = 6;
const LEVELS: u32 = 7;
const SLOTS_PER_LEVEL: u32 = 1 << LEVEL_BITS;

/// How many slots there are: `Job::wheel_slot` is below it.
pub(crate) const SLOTS: u32 = LEVELS * SLOTS_PER_LEVEL;

/// Lists of jobs, by deadline.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// All ticks before this one are done.
    tick: u64,
    /// Per level, bit `n` is set if its slot `n` holds a job.
    occupied: [u64; LEVELS as usize],
    ends: Vec<Ends>,
}

/// The first and last job of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    head: u32,
    tail: u32,
}

impl Ends {
    const EMPTY: Self = Self { head: NIL, tail: NIL };
}

/// One step of the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advanced {
    /// The job in this slot is due and hangs nowhere now.
    Due(u32),
    /// A job moved closer.
    Moved,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { tick: 0, occupied: [0; LEVELS as usize], ends: vec![Ends::EMPTY; SLOTS as usize] }
    }
}

impl Wheel {
    /// Hangs a job in by its deadline, last in its slot.
    pub(crate) fn insert(&mut self, jobs: &mut Slab<Job>, slot: u32) {
        let wheel_slot = self.slot_for(jobs.at(slot).deadline);
        let ends = self.ends_mut(wheel_slot);
        let before = ends.tail;
        ends.tail = slot;
        if before == NIL {
            ends.head = slot;
            self.mark(wheel_slot, true);
        } else {
            jobs.edit(before).next = slot;
        }
        let job = jobs.edit(slot);
        job.set_wheel_slot(wheel_slot);
        job.prev = before;
        job.next = NIL;
    }

    /// Takes a job out.
    pub(crate) fn remove(&mut self, jobs: &mut Slab<Job>, slot: u32) {
        let (wheel_slot, prev, next) = {
            let job = jobs.edit(slot);
            let links = (job.wheel_slot(), job.prev, job.next);
            job.set_wheel_slot(0);
            job.prev = NIL;
            job.next = NIL;
            links
        };
        match prev {
            NIL => self.ends_mut(wheel_slot).head = next,
            prev => jobs.edit(prev).next = next,
        }
        match next {
            NIL => self.ends_mut(wheel_slot).tail = prev,
            next => jobs.edit(next).prev = prev,
        }
        if self.ends_mut(wheel_slot).head == NIL {
            self.mark(wheel_slot, false);
        }
    }

    /// Takes out the job that is due first, if one is at `now`, or moves one a level down. `None` when
    /// nothing is left to do until `now`.
    pub(crate) fn advance(&mut self, jobs: &mut Slab<Job>, now: LogTime) -> Option<Advanced> {
        let now_tick = now.0 >> TICK_BITS;
        let Some((wheel_slot, start)) = self.first().filter(|&(_, start)| start <= now_tick) else {
            self.tick = self.tick.max(now_tick);
            return None;
        };
        self.tick = start;
        let slot = self.ends_mut(wheel_slot).head;
        self.remove(jobs, slot);
        // Not `now_tick`: a slot of a higher level holds jobs in any order, which moving down sorts.
        if tick_of(jobs.at(slot).deadline) <= start {
            return Some(Advanced::Due(slot));
        }
        self.insert(jobs, slot);
        Some(Advanced::Moved)
    }

    /// When there will next be something to do; never later than the first deadline.
    pub(crate) fn next_due(&self) -> Option<LogTime> {
        self.first().map(|(_, start)| LogTime(start << TICK_BITS))
    }

    /// The first occupied slot and the tick at which it begins (or the present one, if within it).
    fn first(&self) -> Option<(u32, u64)> {
        let mut first: Option<(u32, u64)> = None;
        for (level, occupied) in (0..LEVELS).zip(self.occupied) {
            let shift = LEVEL_BITS * level;
            let turned = self.tick >> shift;
            let ahead = occupied.rotate_right(digit(turned));
            if ahead == 0 {
                continue;
            }
            let begins = turned + u64::from(ahead.trailing_zeros());
            let start = (begins << shift).max(self.tick);
            // At equal starts the higher level goes first: its jobs move down before any fires, so
            // that jobs fire in the order of their ticks.
            if first.is_none_or(|(_, earliest)| start <= earliest) {
                first = Some((level * SLOTS_PER_LEVEL + digit(begins), start));
            }
        }
        first
    }

    /// Where a deadline belongs, seen from the present tick: on the level of the highest digit in
    /// which the two differ, so that the tick reaches it by entering that slot and no sooner.
    fn slot_for(&self, deadline: u64) -> u32 {
        let tick = tick_of(deadline).max(self.tick);
        let differing = (tick ^ self.tick) | 1;
        let level = ((63 - differing.leading_zeros()) / LEVEL_BITS).min(LEVELS - 1);
        level * SLOTS_PER_LEVEL + digit(tick >> (LEVEL_BITS * level))
    }

    fn ends_mut(&mut self, wheel_slot: u32) -> &mut Ends {
        self.ends.get_mut(wheel_slot as usize).expect("a job's slot of the wheel is below SLOTS")
    }

    fn mark(&mut self, wheel_slot: u32, occupied: bool) {
        let level = self.occupied.get_mut((wheel_slot / SLOTS_PER_LEVEL) as usize);
        let bits = level.expect("a job's slot of the wheel is below SLOTS");
        let bit = 1 << (wheel_slot % SLOTS_PER_LEVEL);
        if occupied { *bits |= bit } else { *bits &= !bit }
    }

    /// The first tick that is not done. With the jobs it is all that a checkpoint needs.
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// The wheel of a checkpoint: the jobs say in which slot they hang, and which is first and last.
    /// `None` if a job names a slot that is not there.
    pub(crate) fn restore(tick: u64, jobs: &Slab<Job>) -> Option<Self> {
        let mut wheel = Self { tick, ..Self::default() };
        for slot in 0..jobs.used() {
            let job = jobs.at(slot);
            if !matches!(job.place(), Place::Delayed | Place::Leased) {
                continue;
            }
            let wheel_slot = job.wheel_slot();
            let ends = wheel.ends.get_mut(wheel_slot as usize)?;
            if job.prev == NIL {
                ends.head = slot;
            }
            if job.next == NIL {
                ends.tail = slot;
            }
            wheel.mark(wheel_slot, true);
        }
        Some(wheel)
    }
}

/// The lowest digit of a tick, in base 64.
fn digit(tick: u64) -> u32 {
    u32::try_from(tick % u64::from(SLOTS_PER_LEVEL)).expect("a digit is below 64")
}

/// The first tick at or after a deadline, so that nothing fires early.
fn tick_of(deadline: u64) -> u64 {
    deadline.div_ceil(1 << TICK_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hang(wheel: &mut Wheel, jobs: &mut Slab<Job>, deadline: u64) -> u32 {
        let slot = jobs.allocate().unwrap();
        jobs.edit(slot).deadline = deadline;
        jobs.edit(slot).set_place(Place::Delayed);
        wheel.insert(jobs, slot);
        slot
    }

    fn due(wheel: &mut Wheel, jobs: &mut Slab<Job>, now: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        while let Some(step) = wheel.advance(jobs, LogTime(now)) {
            if let Advanced::Due(slot) = step {
                jobs.edit(slot).set_place(Place::Ready);
                fired.push(jobs.at(slot).deadline);
            }
        }
        fired
    }

    #[test]
    fn nothing_fires_early_or_more_than_a_tick_late() {
        let (mut wheel, mut jobs) = (Wheel::default(), Slab::default());
        let mut seed = 1u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 20) % below
        };
        let mut waiting: Vec<u64> = Vec::new();
        let mut now = 0;
        for _ in 0..3_000 {
            let ahead = 1 << next(36);
            let deadline = now + next(ahead);
            hang(&mut wheel, &mut jobs, deadline);
            waiting.push(deadline);
            if let Some(next_due) = wheel.next_due() {
                assert!(next_due.0 <= waiting.iter().min().unwrap() + 1_024);
            }
            now += 1 << next(30);
            let fired = due(&mut wheel, &mut jobs, now);
            assert!(fired.iter().all(|&deadline| deadline <= now), "early");
            assert!(fired.is_sorted_by_key(|&deadline| tick_of(deadline)), "out of order");
            waiting.retain(|deadline| !fired.contains(deadline));
            assert!(waiting.iter().all(|&deadline| deadline + 1_024 > now), "late at {now}");
        }
    }

    #[test]
    fn a_timer_can_be_cleared_while_its_slot_is_being_emptied() {
        let (mut wheel, mut jobs) = (Wheel::default(), Slab::default());
        let slots: Vec<u32> = (0..5).map(|n| hang(&mut wheel, &mut jobs, 10_000_000 + n)).collect();
        assert_eq!(wheel.advance(&mut jobs, LogTime(11_000_000)), Some(Advanced::Moved));
        wheel.remove(&mut jobs, slots[1]);
        wheel.remove(&mut jobs, slots[4]);
        hang(&mut wheel, &mut jobs, 3);
        assert_eq!(due(&mut wheel, &mut jobs, 11_000_000), [3, 10_000_000, 10_000_002, 10_000_003]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_restored_wheel_goes_on_alike() {
        let (mut wheel, mut jobs) = (Wheel::default(), Slab::default());
        for n in 0..200 {
            hang(&mut wheel, &mut jobs, n * n * 7_777);
        }
        due(&mut wheel, &mut jobs, 9_000_000);
        let mut again = Wheel::restore(wheel.tick(), &jobs).unwrap();
        assert_eq!(again.ends, wheel.ends);
        assert_eq!(again.next_due(), wheel.next_due());
        assert_eq!(again.occupied, wheel.occupied);
        assert!(!due(&mut again, &mut jobs, 400_000_000).is_empty());
    }
}
