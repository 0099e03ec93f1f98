//! The tail: the newest committed entries, kept in memory so that a receiver that keeps up never
//! waits for the disk.

use crate::limits;
use bytes::Bytes;
use evenkeel_types::{BodyRef, LogIndex};
use std::collections::VecDeque;

/// Consecutive entries, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    first: LogIndex,
    entries: VecDeque<Bytes>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    /// An empty one that keeps so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Adds the next entry; the oldest go when there are too many.
    pub(crate) fn push(&mut self, index: LogIndex, batch: Bytes) {
        if self.first.0 + self.entries.len() as u64 != index.0 {
            *self = Self { first: index, ..Self::new(self.bytes_max) };
        }
        self.bytes += batch.len();
        self.entries.push_back(batch);
        while self.bytes > self.bytes_max || self.entries.len() > limits::TAIL_ENTRIES {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= gone.len();
            self.first = self.first.next();
        }
    }

    /// The body, without copying it, if its entry is still here.
    pub(crate) fn body(&self, body: BodyRef) -> Option<Bytes> {
        let at = usize::try_from(body.index.0.checked_sub(self.first.0)?).ok()?;
        slice(self.entries.get(at)?, body)
    }
}

/// The part of an entry that is a job's body; `None` if the entry is too short to have it.
pub(crate) fn slice(entry: &Bytes, body: BodyRef) -> Option<Bytes> {
    let start = body.offset as usize;
    let end = start.checked_add(body.bytes as usize)?;
    (end <= entry.len()).then(|| entry.slice(start..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(index: u64, offset: u32, bytes: u32) -> BodyRef {
        BodyRef { index: LogIndex(index), offset, bytes }
    }

    #[test]
    fn bodies_are_found_until_their_entry_is_pushed_out() {
        let mut tail = Tail::new(limits::TAIL_BYTES);
        let entry = Bytes::from(vec![7; limits::TAIL_BYTES / 4]);
        for index in 10..16 {
            tail.push(LogIndex(index), entry.clone());
        }
        assert_eq!(tail.body(body(11, 0, 1)), None, "pushed out");
        assert_eq!(tail.body(body(12, 5, 2)), Some(Bytes::from_static(&[7, 7])));
        assert_eq!(tail.body(body(15, 0, 0)), Some(Bytes::new()));
        assert_eq!(tail.body(body(16, 0, 1)), None, "not there yet");
        assert_eq!(tail.body(body(15, u32::MAX, u32::MAX)), None, "outside its entry");
    }

    #[test]
    fn a_gap_empties_it() {
        let mut tail = Tail::new(limits::TAIL_BYTES);
        tail.push(LogIndex(1), Bytes::from_static(b"a"));
        tail.push(LogIndex(5), Bytes::from_static(b"b"));
        assert_eq!(tail.body(body(1, 0, 1)), None);
        assert_eq!(tail.body(body(5, 0, 1)), Some(Bytes::from_static(b"b")));
    }
}
