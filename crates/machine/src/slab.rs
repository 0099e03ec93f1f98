//! A paged slab: records in fixed slots that never move.
//!
//! 1. Growing adds a page and moves nothing, so no insertion is ever slow.
//! 2. A record is changed only through [`Slab::edit`], which keeps the digest.
//! 3. Free slots are taken in the order they were freed. All of this is state: a replica that
//!    replays the log puts each record in the same slot.

use crate::digest::{Digested, Mixer};
use std::ops::{Deref, DerefMut};

/// No slot: the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// Records per page: large enough to make pages rare, small enough to allocate in microseconds.
const PAGE_RECORDS: usize = 1_024;

/// What a slab asks of its records.
pub(crate) trait Record: Digested + Default {
    /// The link that the slab uses while the slot is free.
    fn next_free(&self) -> u32;
    /// Makes the record a free slot with this link. What must outlive the record stays
    /// (a job's generation).
    fn set_free(&mut self, next: u32);
}

/// Records of one kind.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Vec<T>>,
    /// Slots handed out at least once.
    used: u32,
    free_head: u32,
    free_tail: u32,
    live: u32,
    digest: u64,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), used: 0, free_head: NIL, free_tail: NIL, live: 0, digest: 0 }
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
        Mixer::new(self.digest).word(ends).word(counts).finish()
    }

    /// The record in a slot, live or free.
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let (page, at) = place(slot);
        self.pages.get(page)?.get(at)
    }

    /// The record in a slot that is known to be live.
    pub(crate) fn at(&self, slot: u32) -> &T {
        self.get(slot).expect("links and handles lead to slots that exist")
    }

    /// Lets a record be changed; the digest follows when the edit ends.
    pub(crate) fn edit(&mut self, slot: u32) -> Edit<'_, T> {
        let (page, at) = place(slot);
        let record = self
            .pages
            .get_mut(page)
            .and_then(|page| page.get_mut(at))
            .expect("links and handles lead to slots that exist");
        self.digest = self.digest.wrapping_sub(record.mix(slot.into()));
        Edit { record, slot, digest: &mut self.digest }
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
        if self.used == NIL {
            return None;
        }
        let slot = self.used;
        let (page, _) = place(slot);
        if page == self.pages.len() {
            self.pages.push(Vec::with_capacity(PAGE_RECORDS));
        }
        let record = T::default();
        self.digest = self.digest.wrapping_add(record.mix(slot.into()));
        self.pages.get_mut(page).expect("the page was just added").push(record);
        self.used += 1;
        self.live += 1;
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

    /// The ends of the free list, for a checkpoint.
    pub(crate) fn free_list(&self) -> (u32, u32) {
        (self.free_head, self.free_tail)
    }

    /// Rebuilds a slab from all its records in the order of slots. `None` if they are too many or
    /// the free list leads outside.
    pub(crate) fn restore(records: impl Iterator<Item = T>, live: u32, free_list: (u32, u32)) -> Option<Self> {
        let mut slab = Self { live, free_head: free_list.0, free_tail: free_list.1, ..Self::default() };
        for record in records {
            let (page, _) = place(slab.used);
            if page == slab.pages.len() {
                slab.pages.push(Vec::with_capacity(PAGE_RECORDS));
            }
            slab.digest = slab.digest.wrapping_add(record.mix(slab.used.into()));
            slab.pages.get_mut(page)?.push(record);
            slab.used = slab.used.checked_add(1)?;
        }
        let inside = |slot: u32| slot == NIL || slot < slab.used;
        (inside(free_list.0) && inside(free_list.1) && live <= slab.used).then_some(slab)
    }
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / PAGE_RECORDS, slot as usize % PAGE_RECORDS)
}

/// A record being changed.
#[derive(Debug)]
pub(crate) struct Edit<'a, T: Digested> {
    record: &'a mut T,
    slot: u32,
    digest: &'a mut u64,
}

impl<T: Digested> Deref for Edit<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.record
    }
}

impl<T: Digested> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.record
    }
}

impl<T: Digested> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        *self.digest = self.digest.wrapping_add(self.record.mix(self.slot.into()));
    }
}
