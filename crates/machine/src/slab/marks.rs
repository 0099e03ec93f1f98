//! Which records of a page changed: since the last checkpoint began, and of those that this one must still write.
//!
//! Two sets take turns: the one in which changes are noted becomes, when a checkpoint begins, the one that it works
//! off, and the other, empty by then, takes its place. So beginning costs nothing, however much there is. What was worked
//! off is remembered until the next one begins: if the checkpoint is lost after all, it counts as changed again.

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
    /// Those that were handed out to the checkpoint of `PageMarks::taken_by`.
    taken: u64,
}

/// The marks of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PageMarks {
    words: [Marks; WORDS],
    /// The checkpoint that the taken ones were handed out to, by its number; those of earlier ones do not count.
    taken_by: u64,
}

/// The number of a checkpoint. By it the two sets take turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn(u64);

impl Turn {
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Marks {
    fn noted(&mut self, turn: Turn) -> &mut u64 {
        let [first, second] = &mut self.changed;
        if turn.0.is_multiple_of(2) { first } else { second }
    }

    fn due(&mut self, turn: Turn) -> &mut u64 {
        self.noted(turn.next())
    }
}

/// What noting a change found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    /// The record had not changed since the last checkpoint began.
    pub(super) is_first: bool,
    /// The checkpoint under way still needs the record as it is now.
    pub(super) needs_image: bool,
}

impl PageMarks {
    /// Notes a change.
    pub(super) fn note(&mut self, at: usize, turn: Turn) -> Noted {
        let Some(marks) = self.words.get_mut(at / 64) else { return Noted { is_first: false, needs_image: false } };
        let bit = 1 << (at % 64);
        let is_first = *marks.noted(turn) & bit == 0;
        *marks.noted(turn) |= bit;
        let needs_image = *marks.due(turn) & !marks.imaged & bit != 0;
        if needs_image {
            marks.imaged |= bit;
        }
        Noted { is_first, needs_image }
    }

    /// Takes the first record that is due, and whether its image was put aside.
    pub(super) fn take_due(&mut self, turn: Turn) -> Option<(usize, bool)> {
        let (word, marks) = self.words.iter_mut().enumerate().find_map(|(word, marks)| {
            let is_due = *marks.due(turn) != 0;
            is_due.then_some((word, marks))
        })?;
        let at = marks.due(turn).trailing_zeros();
        let bit = 1 << at;
        *marks.due(turn) &= !bit;
        let imaged = marks.imaged & bit != 0;
        marks.imaged &= !bit;
        if self.taken_by != turn.0 {
            self.taken_by = turn.0;
            self.words.iter_mut().for_each(|marks| marks.taken = 0);
        }
        if let Some(marks) = self.words.get_mut(word) {
            marks.taken |= bit;
        }
        Some((word * 64 + at as usize, imaged))
    }

    /// Makes the first `count` records due, whatever changed.
    pub(super) fn make_due(&mut self, count: usize, turn: Turn) {
        for (word, marks) in self.words.iter_mut().enumerate() {
            let due = count.saturating_sub(word * 64).min(64);
            *marks.due(turn) = if due == 64 { u64::MAX } else { (1 << due) - 1 };
            marks.imaged = 0;
        }
    }

    /// Counts what this checkpoint has taken, and what it has not come to, as changed again. Returns how many records
    /// count as changed now.
    pub(super) fn take_back(&mut self, turn: Turn) -> u32 {
        let is_taken = self.taken_by == turn.0;
        let mut changed = 0;
        for marks in &mut self.words {
            let again = *marks.due(turn) | if is_taken { marks.taken } else { 0 };
            *marks.noted(turn) |= again;
            changed += marks.noted(turn).count_ones();
            *marks.due(turn) = 0;
            marks.imaged = 0;
            marks.taken = 0;
        }
        changed
    }
}
