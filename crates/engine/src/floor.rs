//! The floor: below which index no living job's body lies, so that the log may let go.

use evenkeel_types::{BodyRef, LogIndex};
use std::collections::BTreeMap;

/// Indexes counted together: the floor is exact to this many entries.
const SPAN_BITS: u32 = 8;

/// How many living bodies lie in each span of the log.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    spans: BTreeMap<u64, u64>,
}

impl Floor {
    pub(crate) fn keep(&mut self, body: BodyRef) {
        *self.spans.entry(body.index.0 >> SPAN_BITS).or_default() += 1;
    }

    pub(crate) fn release(&mut self, body: BodyRef) {
        let span = body.index.0 >> SPAN_BITS;
        if let Some(count) = self.spans.get_mut(&span) {
            *count -= 1;
            if *count == 0 {
                self.spans.remove(&span);
            }
        }
    }

    /// No living body lies below this index; `None` if there are none at all.
    pub(crate) fn index(&self) -> Option<LogIndex> {
        self.spans.first_key_value().map(|(span, _)| LogIndex(span << SPAN_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_rises_when_the_oldest_body_goes() {
        let body = |index| BodyRef { index: LogIndex(index), offset: 0, bytes: 1 };
        let mut floor = Floor::default();
        assert_eq!(floor.index(), None);
        floor.keep(body(300));
        floor.keep(body(301));
        floor.keep(body(5_000));
        assert_eq!(floor.index(), Some(LogIndex(256)));
        floor.release(body(300));
        floor.release(body(301));
        assert_eq!(floor.index(), Some(LogIndex(4_864)));
    }
}
