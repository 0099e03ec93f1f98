//! Which records of a page changed: since the last checkpoint began, and of those that this one must still write.
//!
//! Two sets take turns: the one in which changes are noted becomes, when a checkpoint begins, the one that it works
//! off, and the other, empty by then, takes its place. So beginning costs nothing, however much there is.

/// Records per page: large enough to make pages rare, small enough to allocate in microseconds.
pub(super) const PAGE_RECORDS: usize = 1_024;
const WORDS: usize = PAGE_RECORDS / 64;

/// The marks of 64 neighbours, together in one cache line with the next ones.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// The two sets that take turns.
    changed: [u64; 2],
    /// Those whose image was put aside because they changed again.
    imaged: u64,
}

/// The marks of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PageMarks([Marks; WORDS]);

/// Which of the two sets changes are noted in; the other is worked off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn(bool);

impl Turn {
    pub(super) fn next(self) -> Self {
        Self(!self.0)
    }
}

impl Marks {
    fn noted(&mut self, turn: Turn) -> &mut u64 {
        let [first, second] = &mut self.changed;
        if turn.0 { second } else { first }
    }

    fn due(&mut self, turn: Turn) -> &mut u64 {
        self.noted(turn.next())
    }
}

impl PageMarks {
    /// Notes a change. True if the checkpoint under way still needs the record as it is now.
    pub(super) fn note(&mut self, at: usize, turn: Turn) -> bool {
        let Some(marks) = self.0.get_mut(at / 64) else { return false };
        let bit = 1 << (at % 64);
        *marks.noted(turn) |= bit;
        let needs_image = *marks.due(turn) & !marks.imaged & bit != 0;
        if needs_image {
            marks.imaged |= bit;
        }
        needs_image
    }

    /// Takes the first record that is due, and whether its image was put aside.
    pub(super) fn take_due(&mut self, turn: Turn) -> Option<(usize, bool)> {
        for (word, marks) in self.0.iter_mut().enumerate() {
            let due = marks.due(turn);
            if *due == 0 {
                continue;
            }
            let at = due.trailing_zeros();
            let bit = 1 << at;
            *due &= !bit;
            let imaged = marks.imaged & bit != 0;
            marks.imaged &= !bit;
            return Some((word * 64 + at as usize, imaged));
        }
        None
    }

    /// Makes the first `count` records due, whatever changed; changes noted so far are covered by that.
    pub(super) fn make_due(&mut self, count: usize, turn: Turn) {
        for (word, marks) in self.0.iter_mut().enumerate() {
            let due = count.saturating_sub(word * 64).min(64);
            *marks.due(turn) = if due == 64 { u64::MAX } else { (1 << due) - 1 };
            marks.imaged = 0;
        }
    }
}
