//! The trace: what happened, in words and as a digest, so that two runs of a seed can be compared.

use crate::clock::Time;
use std::{collections::VecDeque, fmt};
use xxhash_rust::xxh3::Xxh3;

/// Lines that a failed seed shows.
const LINES_KEPT: usize = 50;

/// What happened so far.
pub struct Trace {
    verbose: bool,
    lines: VecDeque<String>,
    hasher: Xxh3,
    /// How many lines there were.
    pub count: u64,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Trace {
    /// Nothing yet. A verbose one prints each line at once.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self { verbose, lines: VecDeque::new(), hasher: Xxh3::new(), count: 0 }
    }

    /// Writes a line.
    pub fn line(&mut self, now: Time, what: fmt::Arguments<'_>) {
        let line = format!("{:>4}.{:06} {what}", now / 1_000_000, now % 1_000_000);
        self.hasher.update(line.as_bytes());
        self.count += 1;
        if self.verbose {
            eprintln!("{line}");
        }
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Mixes a number into the digest without a line.
    pub fn mix(&mut self, number: u64) {
        self.hasher.update(&number.to_le_bytes());
    }

    /// One number for all of it.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.hasher.digest()
    }

    /// The last lines.
    #[must_use]
    pub fn last(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
