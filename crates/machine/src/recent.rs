//! What was done lately, so that who asks again is not served twice: sends by their de-duplication ids, receives by
//! their attempt ids, and calls that a client repeats because it heard no answer; and names of queues that were deleted.
//!
//! 1. A record is found by a keyed hash of 128 bits, and by nothing else: what it is made of is not kept.
//! 2. Records of one kind live equally long and leave in the order in which they came. A record past its time is not found,
//!    whether or not it has been removed yet.
//! 3. Calls have a budget of memory; beyond it the oldest go before their time.
//!
//! All times are log time, so that downtime does not count.

use crate::{
    codec::{DecodeError, Plain, Reader},
    digest::{Digested, Mixer},
    limits,
    slab::{Ends, Images, NIL, Outline, Record, Slab},
    table::{Chained, Table},
};
use evenkeel_types::{LogTime, Micros};

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A job sent under a de-duplication id.
    #[default]
    Sent = 0,
    /// A receive under an attempt id.
    Attempt = 1,
    /// A call, by the key that its repetitions share.
    Call = 2,
    /// The name of a deleted queue, which stays taken for a while.
    Deleted = 3,
}

const KINDS: usize = 4;

impl Kind {
    const ALL: [Self; KINDS] = [Self::Sent, Self::Attempt, Self::Call, Self::Deleted];

    fn life(self) -> Micros {
        match self {
            Self::Sent => limits::DEDUP_LIFE,
            Self::Attempt => limits::ATTEMPT_LIFE,
            Self::Call => limits::CALL_LIFE,
            Self::Deleted => limits::DELETED_LIFE,
        }
    }
}

/// What identifies a record.
pub(crate) type Key = [u64; 2];

/// A job in a record: four numbers, whose meaning is the writer's.
pub(crate) type Item = [u32; 4];

/// One thing that was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    kind: Kind,
    key: Key,
    /// Until when it counts, in microseconds of log time; 0 in a free slot.
    until: u64,
    /// A number of the writer's for the whole record.
    pub(crate) number: u64,
    items: Items,
    /// It was replaced, and is not found any more; it leaves in its turn.
    replaced: bool,
    /// The next newer record of its kind; in a free slot the next free one.
    next: u32,
    chain: u32,
}

/// Most records have one item.
#[derive(Clone, Debug)]
enum Items {
    One(Item),
    Many(Box<[Item]>),
}

impl Default for Items {
    fn default() -> Self {
        Self::One([0; 4])
    }
}

impl Entry {
    /// The jobs in it.
    pub(crate) fn items(&self) -> &[Item] {
        match &self.items {
            Items::One(item) => std::slice::from_ref(item),
            Items::Many(items) => items,
        }
    }

    /// What it takes of the budget, in bytes.
    fn bytes(&self) -> u64 {
        let beside = match &self.items {
            Items::One(_) => 0,
            Items::Many(items) => size_of_val(&**items),
        };
        (size_of::<Self>() + beside) as u64
    }
}

/// The records.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    entries: Slab<Entry>,
    table: Table,
    /// By kind, the oldest first.
    lists: [Ends; KINDS],
    /// Records by kind; follows from the rest.
    counts: [u32; KINDS],
    /// What calls take; follows from the rest.
    call_bytes: u64,
}

/// What a checkpoint says of them beside the records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentOutline {
    entries: Outline,
    lists: [Ends; KINDS],
}

impl Recent {
    /// The record of that key, unless its time has passed.
    pub(crate) fn find(&self, kind: Kind, key: Key, now: LogTime) -> Option<&Entry> {
        self.slot(kind, key).map(|slot| self.entries.at(slot)).filter(|entry| entry.until > now.0)
    }

    /// Notes what was done, in the place of an older record of that key.
    pub(crate) fn note(&mut self, kind: Kind, key: Key, now: LogTime, number: u64, items: &[Item]) {
        if let Some(older) = self.slot(kind, key) {
            self.table.remove(&mut self.entries, older);
            self.entries.edit(older).replaced = true;
        }
        let Some(slot) = self.entries.allocate() else { return };
        let items = match items {
            [one] => Items::One(*one),
            _ => Items::Many(items.into()),
        };
        let until = (now + kind.life()).0;
        let entry = Entry { kind, key, until, number, items, replaced: false, next: NIL, chain: NIL };
        if kind == Kind::Call {
            self.call_bytes += entry.bytes();
        }
        *self.entries.edit(slot) = entry;
        self.table.insert(&mut self.entries, slot);
        let before = {
            let list = self.list(kind);
            let before = std::mem::replace(&mut list.tail, slot);
            if before == NIL {
                list.head = slot;
            }
            before
        };
        if before != NIL {
            self.entries.edit(before).next = slot;
        }
        *self.count(kind) += 1;
        while self.call_bytes > limits::CALLS_BYTES_MAX {
            self.forget_oldest(Kind::Call);
        }
    }

    /// Removes what is past its time, a bounded number of each kind.
    pub(crate) fn expire(&mut self, now: LogTime) {
        for kind in Kind::ALL {
            for _ in 0..limits::RECENT_FORGOTTEN_PER_BATCH {
                let oldest = self.list(kind).head;
                if oldest == NIL || self.entries.at(oldest).until > now.0 {
                    break;
                }
                self.forget_oldest(kind);
            }
        }
    }

    /// When records should be removed next: some seconds after the first is due, so that many go at once.
    pub(crate) fn next_due(&self) -> Option<LogTime> {
        let heads = self.lists.iter().filter(|list| list.head != NIL).map(|list| self.entries.at(list.head).until);
        let grain = limits::RECENT_GRAIN.0;
        heads.min().map(|first| LogTime(first.div_ceil(grain).saturating_mul(grain)))
    }

    /// How many de-duplication ids are remembered.
    pub(crate) fn sent(&self) -> u32 {
        let [sent, ..] = self.counts;
        sent
    }

    fn slot(&self, kind: Kind, key: Key) -> Option<u32> {
        self.table.find(&self.entries, hash(kind, key), |entry| entry.kind == kind && entry.key == key)
    }

    fn forget_oldest(&mut self, kind: Kind) {
        let slot = self.list(kind).head;
        let entry = self.entries.at(slot);
        let (next, bytes, replaced) = (entry.next, entry.bytes(), entry.replaced);
        let list = self.list(kind);
        list.head = next;
        if next == NIL {
            list.tail = NIL;
        }
        *self.count(kind) -= 1;
        if kind == Kind::Call {
            self.call_bytes -= bytes;
        }
        if !replaced {
            self.table.remove(&mut self.entries, slot);
        }
        self.entries.free(slot);
    }

    fn list(&mut self, kind: Kind) -> &mut Ends {
        let [sent, attempts, calls, deleted] = &mut self.lists;
        match kind {
            Kind::Sent => sent,
            Kind::Attempt => attempts,
            Kind::Call => calls,
            Kind::Deleted => deleted,
        }
    }

    fn count(&mut self, kind: Kind) -> &mut u32 {
        let [sent, attempts, calls, deleted] = &mut self.counts;
        match kind {
            Kind::Sent => sent,
            Kind::Attempt => attempts,
            Kind::Call => calls,
            Kind::Deleted => deleted,
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        let lists = self.lists.iter().map(|list| u64::from(list.head) << 32 | u64::from(list.tail));
        lists.fold(Mixer::new(self.entries.digest()), Mixer::word).finish()
    }

    /// Recounts. O(records).
    pub(crate) fn audit(&self) -> Result<(), String> {
        let (mut counts, mut bytes) = ([0; KINDS], 0);
        for (kind, (list, count)) in Kind::ALL.into_iter().zip(self.lists.iter().zip(&mut counts)) {
            let (mut at, mut before, mut until) = (list.head, NIL, 0);
            while at != NIL && *count <= self.entries.live() {
                let entry = self.entries.at(at);
                if entry.kind != kind || entry.until < until {
                    return Err(format!("a record of {kind:?} is out of order"));
                }
                if (self.slot(entry.kind, entry.key) == Some(at)) == entry.replaced {
                    return Err(format!("a record of {kind:?} is found though it was replaced, or not found"));
                }
                *count += 1;
                bytes += if kind == Kind::Call { entry.bytes() } else { 0 };
                (before, at, until) = (at, entry.next, entry.until);
            }
            if before != list.tail {
                return Err(format!("the list of {kind:?} ends elsewhere"));
            }
        }
        let all: u32 = counts.iter().sum();
        if counts != self.counts || bytes != self.call_bytes || all != self.entries.live() {
            return Err(format!("{counts:?} records and {bytes} bytes are there, not {:?}", self.counts));
        }
        Ok(())
    }

    // The checkpoint's part: see `crate::checkpoint`.

    pub(crate) fn outline(&self) -> RecentOutline {
        RecentOutline { entries: self.entries.outline(), lists: self.lists }
    }

    pub(crate) fn begin_drain(&mut self, whole: bool) {
        self.entries.begin_drain(whole);
    }

    pub(crate) fn changed(&self) -> u64 {
        self.entries.changed()
    }

    pub(crate) fn abandon_drain(&mut self) -> Images {
        self.entries.abandon_drain()
    }

    pub(crate) fn drain(&mut self, budget: &mut usize, sink: &mut impl FnMut(u32, &[u8])) -> bool {
        self.entries.drain(budget, sink)
    }

    pub(crate) fn restore(&mut self, slot: u32, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        Ok(self.entries.restore(slot, Entry::decode(reader)?))
    }

    /// Makes what follows from the records. False if they do not fit together.
    pub(crate) fn restored(&mut self, outline: RecentOutline) -> bool {
        if !self.entries.restored(outline.entries) {
            return false;
        }
        self.lists = outline.lists;
        for (kind, list) in Kind::ALL.into_iter().zip(outline.lists) {
            let mut at = list.head;
            while at != NIL {
                // A list that runs in a circle, or into a free slot, would be no list of ours.
                let Some(entry) = self.entries.get(at).filter(|entry| entry.until != 0 && entry.kind == kind) else {
                    return false;
                };
                let (next, bytes, replaced) = (entry.next, entry.bytes(), entry.replaced);
                if *self.count(kind) >= self.entries.live() {
                    return false;
                }
                *self.count(kind) += 1;
                self.call_bytes += if kind == Kind::Call { bytes } else { 0 };
                if !replaced {
                    self.table.insert(&mut self.entries, at);
                }
                at = next;
            }
        }
        true
    }
}

fn hash(kind: Kind, [first, _]: Key) -> u64 {
    // Keyed hashes already; the kinds share one table.
    first ^ (kind as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Plain for RecentOutline {
    fn put(self, out: &mut Vec<u8>) {
        self.entries.put(out);
        for list in self.lists {
            list.head.put(out);
            list.tail.put(out);
        }
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let entries = Outline::get(reader)?;
        let mut lists = [Ends::default(); KINDS];
        for list in &mut lists {
            *list = Ends { head: u32::get(reader)?, tail: u32::get(reader)? };
        }
        Ok(Self { entries, lists })
    }
}

/// How a record is kept: a free slot, or all of it behind its kind, to which this is added if it was replaced.
const FREE: u8 = 0xFF;
const REPLACED: u8 = 0x80;

impl Entry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("a record's kind");
        let first = u8::get(reader)?;
        if first == FREE {
            return Ok(Self { next: u32::get(reader)?, ..Self::default() });
        }
        let kind = match first & !REPLACED {
            0 => Kind::Sent,
            1 => Kind::Attempt,
            2 => Kind::Call,
            3 => Kind::Deleted,
            _ => return Err(error),
        };
        let next = u32::get(reader)?;
        let key = [u64::get(reader)?, u64::get(reader)?];
        let until_error = reader.malformed("a time that is not 0");
        let until = u64::get(reader)?;
        if until == 0 {
            return Err(until_error);
        }
        let number = u64::get(reader)?;
        let count = reader.count(size_of::<Item>(), "as many jobs as counted")?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push([u32::get(reader)?, u32::get(reader)?, u32::get(reader)?, u32::get(reader)?]);
        }
        let items = match &*items {
            [one] => Items::One(*one),
            _ => Items::Many(items.into()),
        };
        Ok(Self { kind, key, until, number, items, replaced: first & REPLACED != 0, next, chain: NIL })
    }
}

impl Digested for Entry {
    fn mix(&self, place: u64) -> u64 {
        let [first, second] = self.key;
        let head = u64::from(self.next) << 8 | u64::from(self.replaced) << 7 | self.kind as u64;
        let words = [head, first, second, self.until, self.number].into_iter().fold(Mixer::new(place), Mixer::word);
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        self.items().iter().fold(words, |mixer, &[a, b, c, d]| mixer.word(pair(a, b)).word(pair(c, d))).finish()
    }
}

impl Record for Entry {
    fn next_free(&self) -> u32 {
        self.next
    }

    fn set_free(&mut self, next: u32) {
        *self = Self { next, ..Self::default() };
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.until == 0 {
            FREE.put(out);
            return self.next.put(out);
        }
        (self.kind as u8 | if self.replaced { REPLACED } else { 0 }).put(out);
        self.next.put(out);
        let [first, second] = self.key;
        for word in [first, second, self.until, self.number] {
            word.put(out);
        }
        let items = self.items();
        u32::try_from(items.len()).expect("a command has ten jobs at most").put(out);
        items.iter().flatten().for_each(|number| number.put(out));
    }
}

impl Chained<0> for Entry {
    fn hash(&self) -> u64 {
        hash(self.kind, self.key)
    }
    fn chain(&self) -> u32 {
        self.chain
    }
    fn set_chain(&mut self, next: u32) {
        self.chain = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: u64) -> LogTime {
        LogTime(seconds * 1_000_000)
    }

    #[test]
    fn a_record_is_found_until_its_time_has_passed() {
        let mut recent = Recent::default();
        recent.note(Kind::Sent, [1, 2], second(10), 7, &[[1, 2, 3, 4]]);
        let found = |recent: &Recent, at: u64| {
            recent.find(Kind::Sent, [1, 2], second(at)).map(|entry| (entry.number, entry.items().to_vec()))
        };
        assert_eq!(found(&recent, 309), Some((7, vec![[1, 2, 3, 4]])));
        assert_eq!(found(&recent, 310), None);
        assert!(recent.find(Kind::Call, [1, 2], second(11)).is_none(), "of another kind");
        assert!(recent.find(Kind::Sent, [1, 3], second(11)).is_none());
        let due = recent.next_due().unwrap();
        assert!(due >= second(310) && due < second(330), "{due:?}");
        recent.expire(second(309));
        assert_eq!(recent.sent(), 1);
        recent.expire(due);
        assert_eq!((recent.sent(), recent.next_due()), (0, None));
        assert_eq!(recent.audit(), Ok(()));
    }

    #[test]
    fn the_newest_of_equal_keys_is_found_also_after_a_restoration() {
        let mut recent = Recent::default();
        recent.note(Kind::Attempt, [5, 5], second(1), 1, &[]);
        recent.note(Kind::Attempt, [5, 5], second(2), 2, &[[0; 4], [1; 4]]);
        let number = |recent: &Recent| recent.find(Kind::Attempt, [5, 5], second(3)).map(|entry| entry.number);
        assert_eq!(number(&recent), Some(2));
        let again = copy(&mut recent);
        assert_eq!((number(&again), again.digest()), (Some(2), recent.digest()));
        assert_eq!(again.audit(), Ok(()));
    }

    fn copy(recent: &mut Recent) -> Recent {
        recent.begin_drain(true);
        let mut again = Recent::default();
        while !recent.drain(&mut 1_000_000, &mut |slot, bytes| {
            assert!(again.restore(slot, &mut Reader::new(bytes)).unwrap());
        }) {}
        assert!(again.restored(recent.outline()));
        again
    }

    #[test]
    fn calls_keep_within_their_budget() {
        let mut recent = Recent::default();
        let count = limits::CALLS_BYTES_MAX / 72 + 1_000;
        for number in 0..count {
            recent.note(Kind::Call, [number, 1], LogTime(number), number, &[[0; 4]]);
        }
        assert!(recent.call_bytes <= limits::CALLS_BYTES_MAX);
        assert!(recent.find(Kind::Call, [0, 1], LogTime(count)).is_none(), "the oldest went");
        assert!(recent.find(Kind::Call, [count - 1, 1], LogTime(count)).is_some());
        assert_eq!(recent.audit(), Ok(()));
    }
}
