//! A paged slab: records in fixed slots that never move.
//!
//! 1. Growing adds a page and moves nothing, so no insertion is ever slow.
//! 2. A record is changed only through [`Slab::edit`], which keeps the digest. A batch changes few records, each many times: the
//!    last ones are left out of the sum until others are changed, so that each is mixed once and not at every change.
//! 3. Free slots are taken in the order they were freed. All of this is state: a replica that
//!    replays the log puts each record in the same slot.
//! 4. A checkpoint takes what changed since the last one, in slices, while changes go on ([`drain`]).

mod drain;
mod marks;

use crate::{
    codec::{DecodeError, Plain, Reader},
    digest::{Digested, Mixer},
};
use drain::Drain;
pub(crate) use drain::Images;
use marks::{PAGE_RECORDS, PageMarks, Turn};

/// No slot: the end of a list.
pub(crate) const NIL: u32 = u32::MAX;
/// Records left out of the sum at a time.
const OPEN_MAX: usize = 4;

/// The first and last slot of a list that is linked through records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

impl Default for Ends {
    fn default() -> Self {
        Self { head: NIL, tail: NIL }
    }
}

/// What a slab asks of its records.
pub(crate) trait Record: Digested + Default {
    /// The link that the slab uses while the slot is free.
    fn next_free(&self) -> u32;
    /// Makes the record a free slot with this link. What must outlive the record stays
    /// (a job's generation).
    fn set_free(&mut self, next: u32);
    /// Appends the record as a checkpoint keeps it, free ones included.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Records of one kind.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// Short entries, so that this vector may move when it grows: 24 bytes for each 1,024 records.
    pages: Vec<Vec<T>>,
    /// Of each page.
    #[expect(clippy::vec_box, reason = "half a KiB each, which must not move when the vector grows")]
    marks: Vec<Box<PageMarks>>,
    /// Slots handed out at least once.
    used: u32,
    free_head: u32,
    free_tail: u32,
    live: u32,
    /// The sum of the mixes of all records but those in `open`.
    sum: u64,
    /// Slots whose records are being changed, each once, or [`NIL`].
    open: [u32; OPEN_MAX],
    /// Which of them is closed for the next.
    oldest: usize,
    turn: Turn,
    drain: Drain,
    /// Records that changed since the last checkpoint began.
    changed: u64,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            marks: Vec::new(),
            used: 0,
            free_head: NIL,
            free_tail: NIL,
            live: 0,
            sum: 0,
            open: [NIL; OPEN_MAX],
            oldest: 0,
            turn: Turn::default(),
            drain: Drain::default(),
            changed: 0,
        }
    }
}

/// A slab without its records: where its free list begins and ends, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    used: u32,
    live: u32,
    free_head: u32,
    free_tail: u32,
}

impl Plain for Outline {
    fn put(self, out: &mut Vec<u8>) {
        for number in [self.used, self.live, self.free_head, self.free_tail] {
            number.put(out);
        }
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("a slab's counts and the ends of its free list");
        let [used, live, free_head, free_tail] =
            [u32::get(reader)?, u32::get(reader)?, u32::get(reader)?, u32::get(reader)?];
        let inside = |slot: u32| slot == NIL || slot < used;
        let outline = Self { used, live, free_head, free_tail };
        if inside(free_head) && inside(free_tail) && live <= used { Ok(outline) } else { Err(error) }
    }
}

impl<T: Record> Slab<T> {
    /// How many records are live.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// Slots in use or free; every slot is below it.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// All records, free ones included, and the order in which free slots are taken.
    pub(crate) fn digest(&self) -> u64 {
        let ends = u64::from(self.free_head) << 32 | u64::from(self.free_tail);
        let counts = u64::from(self.used) << 32 | u64::from(self.live);
        let open = self.open.iter().filter(|&&slot| slot != NIL);
        let sum = open.fold(self.sum, |sum, &slot| sum.wrapping_add(self.mix(slot)));
        Mixer::new(sum).word(ends).word(counts).finish()
    }

    /// The record in a slot, live or free.
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        crate::visits::count();
        let (page, at) = place(slot);
        self.pages.get(page)?.get(at)
    }

    /// The record in a slot that is known to be live.
    pub(crate) fn at(&self, slot: u32) -> &T {
        self.get(slot).expect("links and handles lead to slots that exist")
    }

    /// Lets a record be changed; the digest follows.
    pub(crate) fn edit(&mut self, slot: u32) -> &mut T {
        self.open(slot);
        let (page, at) = place(slot);
        let noted = self.marks.get_mut(page).map(|marks| marks.note(at, self.turn));
        self.changed += u64::from(noted.is_some_and(|noted| noted.is_first));
        let record = self.pages.get_mut(page).and_then(|page| page.get_mut(at));
        let record = record.expect("links and handles lead to slots that exist");
        if noted.is_some_and(|noted| noted.needs_image) {
            let mut image = Vec::new();
            record.encode(&mut image);
            self.drain.keep(slot, image);
        }
        record
    }

    /// Leaves a record out of the sum from now on, unless it is; in place of the one that was left out the longest.
    fn open(&mut self, slot: u32) {
        if self.open.contains(&slot) {
            return;
        }
        let closed = self.open.get_mut(self.oldest).map_or(NIL, |oldest| std::mem::replace(oldest, slot));
        self.oldest = (self.oldest + 1) % OPEN_MAX;
        if closed != NIL {
            self.sum = self.sum.wrapping_add(self.mix(closed));
        }
        self.sum = self.sum.wrapping_sub(self.mix(slot));
    }

    fn mix(&self, slot: u32) -> u64 {
        let (page, at) = place(slot);
        let record = self.pages.get(page).and_then(|page| page.get(at));
        record.expect("only slots that exist are opened").mix(slot.into())
    }

    /// Lets change what follows from the rest: no part of the digest, nor of what a checkpoint keeps.
    pub(crate) fn derived(&mut self, slot: u32) -> &mut T {
        let (page, at) = place(slot);
        let record = self.pages.get_mut(page).and_then(|page| page.get_mut(at));
        record.expect("links and handles lead to slots that exist")
    }

    /// Fills in what is part of the digest but not of what a checkpoint keeps: keyed hashes. For restoration.
    pub(crate) fn rehash(&mut self, slot: u32, change: impl FnOnce(&mut T)) {
        self.open(slot);
        change(self.derived(slot));
    }

    /// Takes a slot: the one freed longest ago, else a new one. `None` when 2^32 - 1 are in use.
    pub(crate) fn allocate(&mut self) -> Option<u32> {
        if self.free_head != NIL {
            let slot = self.free_head;
            self.free_head = self.at(slot).next_free();
            if self.free_head == NIL {
                self.free_tail = NIL;
            }
            self.live += 1;
            return Some(slot);
        }
        let slot = self.append(T::default())?;
        let (page, at) = place(slot);
        let noted = self.marks.get_mut(page).expect("the record was just added").note(at, self.turn);
        self.changed += u64::from(noted.is_first);
        self.live += 1;
        Some(slot)
    }

    fn append(&mut self, record: T) -> Option<u32> {
        let slot = self.used;
        if slot == NIL {
            return None;
        }
        let (page, _) = place(slot);
        if page == self.pages.len() {
            self.pages.push(Vec::with_capacity(PAGE_RECORDS));
            self.marks.push(Box::default());
        }
        self.sum = self.sum.wrapping_add(record.mix(slot.into()));
        self.pages.get_mut(page)?.push(record);
        self.used += 1;
        Some(slot)
    }

    /// Gives a slot back, last in the order of reuse.
    pub(crate) fn free(&mut self, slot: u32) {
        self.edit(slot).set_free(NIL);
        match self.free_tail {
            NIL => self.free_head = slot,
            tail => self.edit(tail).set_free(slot),
        }
        self.free_tail = slot;
        self.live -= 1;
    }

    /// All but the records, for a checkpoint.
    pub(crate) fn outline(&self) -> Outline {
        Outline { used: self.used, live: self.live, free_head: self.free_head, free_tail: self.free_tail }
    }

    /// Puts the next record of a checkpoint where it was: slots come in order, and all of them. False if this is not
    /// the next one.
    pub(crate) fn restore(&mut self, slot: u32, record: T) -> bool {
        slot == self.used && self.append(record).is_some()
    }

    /// Ends a restoration with what the checkpoint says of the slab. False if records are missing.
    pub(crate) fn restored(&mut self, outline: Outline) -> bool {
        self.live = outline.live;
        self.free_head = outline.free_head;
        self.free_tail = outline.free_tail;
        self.used == outline.used
    }
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / PAGE_RECORDS, slot as usize % PAGE_RECORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Number(u64);

    impl Digested for Number {
        fn mix(&self, place: u64) -> u64 {
            Mixer::new(place).word(self.0).finish()
        }
    }

    impl Record for Number {
        fn next_free(&self) -> u32 {
            NIL
        }
        fn set_free(&mut self, _next: u32) {}
        fn encode(&self, _out: &mut Vec<u8>) {}
    }

    proptest! {
        #[test]
        fn changes_come_to_the_digest_of_what_is_there(
            changes in proptest::collection::vec((0..12u32, 0..4u64, any::<bool>()), 0..60),
        ) {
            let mut changed = Slab::<Number>::default();
            for _ in 0..12 {
                changed.allocate();
            }
            for (slot, number, is_hash) in changes {
                match is_hash {
                    true => changed.rehash(slot, |record| record.0 = number),
                    false => changed.edit(slot).0 = number,
                }
                let mut restored = Slab::<Number>::default();
                for slot in 0..changed.used() {
                    prop_assert!(restored.restore(slot, Number(changed.at(slot).0)));
                }
                prop_assert!(restored.restored(changed.outline()));
                prop_assert_eq!(restored.digest(), changed.digest());
            }
        }
    }
}
