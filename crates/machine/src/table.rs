//! A hash table that grows one bucket at a time (linear hashing, Litwin 1980).
//!
//! A table that doubles stops for as long as moving everything takes (over a second at 16 million
//! entries). This one splits a single bucket per insertion. Entries live in a slab and are chained
//! by a link of their own; the table holds only the chains' heads, in pages.
//!
//! Chain order depends on history, so it is no part of the state: nothing may iterate here.

use crate::slab::{NIL, Record, Slab};

const PAGE_BUCKETS: usize = 1_024;

/// What a table asks of the records that it finds. Records can be in several tables, under a number for each.
pub(crate) trait Chained<const TABLE: u8>: Record {
    /// The keyed hash of the record's key.
    fn hash(&self) -> u64;
    /// The next record of the same bucket. Must not take part in the digest.
    fn chain(&self) -> u32;
    /// Sets the link.
    fn set_chain(&mut self, next: u32);
}

/// Finds slots of a slab by hash.
#[derive(Debug)]
pub(crate) struct Table<const TABLE: u8 = 0> {
    pages: Vec<Vec<u32>>,
    /// Buckets in use: `2^bits` plus those already split in this round.
    buckets: usize,
    bits: u32,
    entries: usize,
}

impl<const TABLE: u8> Default for Table<TABLE> {
    fn default() -> Self {
        let mut table = Self { pages: Vec::new(), buckets: 0, bits: 0, entries: 0 };
        table.add_bucket();
        table
    }
}

impl<const TABLE: u8> Table<TABLE> {
    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The slot of the record with this hash for which `is_it` holds.
    pub(crate) fn find<T: Chained<TABLE>>(&self, slab: &Slab<T>, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<u32> {
        let mut slot = self.head(self.bucket_of(hash));
        while slot != NIL {
            let record = slab.at(slot);
            if record.hash() == hash && is_it(record) {
                return Some(slot);
            }
            slot = record.chain();
        }
        None
    }

    /// Enters a record that is not in the table.
    pub(crate) fn insert<T: Chained<TABLE>>(&mut self, slab: &mut Slab<T>, slot: u32) {
        self.push(slab, slot);
        self.entries += 1;
        if self.entries > self.buckets {
            self.split(slab);
        }
    }

    /// Removes a record that is in the table. Buckets stay, ready for the next ones.
    pub(crate) fn remove<T: Chained<TABLE>>(&mut self, slab: &mut Slab<T>, slot: u32) {
        let (bucket, next) = (self.bucket_of(slab.at(slot).hash()), slab.at(slot).chain());
        let mut at = self.head(bucket);
        if at == slot {
            self.set_head(bucket, next);
        } else {
            while slab.at(at).chain() != slot {
                at = slab.at(at).chain();
            }
            slab.derived(at).set_chain(next);
        }
        self.entries -= 1;
    }

    fn push<T: Chained<TABLE>>(&mut self, slab: &mut Slab<T>, slot: u32) {
        let bucket = self.bucket_of(slab.at(slot).hash());
        slab.derived(slot).set_chain(self.head(bucket));
        self.set_head(bucket, slot);
    }

    fn split<T: Chained<TABLE>>(&mut self, slab: &mut Slab<T>) {
        let from = self.buckets - (1 << self.bits);
        self.add_bucket();
        let mut slot = self.head(from);
        self.set_head(from, NIL);
        while slot != NIL {
            let next = slab.at(slot).chain();
            self.push(slab, slot);
            slot = next;
        }
    }

    fn add_bucket(&mut self) {
        if self.buckets.is_multiple_of(PAGE_BUCKETS) {
            self.pages.push(Vec::with_capacity(PAGE_BUCKETS));
        }
        self.pages.last_mut().expect("there is a page").push(NIL);
        self.buckets += 1;
        if self.buckets == 1 << (self.bits + 1) {
            self.bits += 1;
        }
    }

    fn bucket_of(&self, hash: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "buckets are counted in the low bits")]
        let hash = hash as usize;
        let wide = hash & ((2 << self.bits) - 1);
        if wide < self.buckets { wide } else { hash & ((1 << self.bits) - 1) }
    }

    fn head(&self, bucket: usize) -> u32 {
        *self
            .pages
            .get(bucket / PAGE_BUCKETS)
            .and_then(|page| page.get(bucket % PAGE_BUCKETS))
            .expect("bucket_of() stays within the buckets")
    }

    fn set_head(&mut self, bucket: usize, slot: u32) {
        *self
            .pages
            .get_mut(bucket / PAGE_BUCKETS)
            .and_then(|page| page.get_mut(bucket % PAGE_BUCKETS))
            .expect("bucket_of() stays within the buckets") = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digested, Mixer};

    #[derive(Default)]
    struct Entry {
        key: u64,
        chain: u32,
    }

    impl Digested for Entry {
        fn mix(&self, place: u64) -> u64 {
            Mixer::new(place).word(self.key).finish()
        }
    }

    impl Record for Entry {
        fn next_free(&self) -> u32 {
            self.chain
        }
        fn set_free(&mut self, next: u32) {
            self.chain = next;
        }
        fn encode(&self, _out: &mut Vec<u8>) {}
    }

    impl Chained<0> for Entry {
        fn hash(&self) -> u64 {
            Mixer::new(0).word(self.key % 5_000).finish()
        }
        fn chain(&self) -> u32 {
            self.chain
        }
        fn set_chain(&mut self, next: u32) {
            self.chain = next;
        }
    }

    #[test]
    fn what_was_entered_is_found_until_it_is_removed() {
        let (mut table, mut slab) = (Table::<0>::default(), Slab::<Entry>::default());
        let find = |table: &Table, slab: &Slab<Entry>, key: u64| {
            table.find(slab, Entry { key, chain: NIL }.hash(), |entry| entry.key == key)
        };
        let slots: Vec<u32> = (0..10_000)
            .map(|key| {
                let slot = slab.allocate().unwrap();
                slab.edit(slot).key = key;
                table.insert(&mut slab, slot);
                slot
            })
            .collect();
        for key in (0..10_000).step_by(3) {
            table.remove(&mut slab, slots[key]);
        }
        for (key, &slot) in slots.iter().enumerate() {
            let expected = (key % 3 != 0).then_some(slot);
            assert_eq!(find(&table, &slab, key as u64), expected, "{key}");
        }
        assert_eq!(find(&table, &slab, 10_001), None);
    }
}
