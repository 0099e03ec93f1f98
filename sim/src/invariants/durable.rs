//! **Committed means durable: an entry that was committed once is there for ever, the same,** until it is trimmed.

use super::Broken;
use evenkeel_log::Entry;
use evenkeel_types::LogIndex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hash of each entry that was committed, from the first on.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    hashes: Vec<u64>,
}

impl Committed {
    /// The last one.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        LogIndex(self.hashes.len() as u64)
    }

    /// Adds the next one.
    pub fn push(&mut self, entry: &Entry) {
        self.hashes.push(hash(entry));
    }

    /// Compares an entry that was read back.
    ///
    /// # Errors
    /// It is another.
    pub fn check(&self, entry: &Entry) -> Result<(), Broken> {
        let at = usize::try_from(entry.index.0).ok().and_then(|index| index.checked_sub(1));
        match at.and_then(|at| self.hashes.get(at)) {
            Some(&was) if was != hash(entry) => {
                Err(Broken::new("durable", format!("entry {} is another than was committed", entry.index)))
            }
            _ => Ok(()),
        }
    }

    /// Judges where the log ends after a restart.
    ///
    /// # Errors
    /// Committed entries are missing.
    pub fn check_end(&self, last: LogIndex) -> Result<(), Broken> {
        if last >= self.last() {
            return Ok(());
        }
        Err(Broken::new("durable", format!("the log ends at {last}, {} was committed", self.last())))
    }
}

fn hash(entry: &Entry) -> u64 {
    xxh3_64_with_seed(&entry.batch, entry.epoch.0)
}
