//! An engine that has come to an entry which cannot be applied: it stands before it, and says so.

use evenkeel_machine::batch::Contents;
use evenkeel_types::LogIndex;
use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
};

/// Where an engine stands, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The entry that cannot be applied.
    pub entry: LogIndex,
    /// Why not.
    pub why: String,
    /// What is in it, as far as it can be told.
    pub contents: Contents,
}

/// Whether an engine has halted, readable while it is there.
#[derive(Debug, Default)]
pub struct Halted(Mutex<Option<Halt>>);

impl Halted {
    /// Where, if it has. For good: only another life goes on.
    #[must_use]
    pub fn get(&self) -> Option<Halt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, halt: Halt) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(halt);
    }
}

thread_local! {
    static APPLYING: Cell<LogIndex> = const { Cell::new(LogIndex::ZERO) };
}

/// The entry that this thread's machine is applying, if it does: for who hears of a panic.
#[must_use]
pub fn applying() -> Option<LogIndex> {
    Some(APPLYING.get()).filter(|entry| *entry > LogIndex::ZERO)
}

/// Applies an entry, so that [`applying`] tells it meanwhile. A panic leaves it told.
pub(crate) fn while_applying<T>(entry: LogIndex, apply: impl FnOnce() -> T) -> T {
    APPLYING.set(entry);
    let applied = apply();
    APPLYING.set(LogIndex::ZERO);
    applied
}

/// Entries that are made poison, so that tests of a whole server see what one does: `EVENKEEL_POISON=refuse:TEXT` has entries refused in which these
/// bytes stand, and `panic:TEXT` has them panic. In builds with assertions only, which no release is.
#[cfg(debug_assertions)]
pub(crate) fn poison(batch: &[u8]) -> Option<&'static str> {
    use std::sync::LazyLock;
    static POISON: LazyLock<Option<(bool, Vec<u8>)>> = LazyLock::new(|| {
        let told = std::env::var("EVENKEEL_POISON").ok()?;
        let (what, text) = told.split_once(':').filter(|(_, text)| !text.is_empty())?;
        Some((what == "panic", text.as_bytes().to_vec()))
    });
    let (panics, text) = POISON.as_ref()?;
    if !batch.windows(text.len()).any(|window| window == text) {
        return None;
    }
    assert!(!panics, "it was poisoned, for a test");
    Some("it was poisoned, for a test")
}

/// None, in this build.
#[cfg(not(debug_assertions))]
pub(crate) const fn poison(_batch: &[u8]) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hears_of_a_panic_is_told_which_entry_was_being_applied() {
        assert_eq!(applying(), None);
        assert_eq!(while_applying(LogIndex(3), applying), Some(LogIndex(3)));
        assert_eq!(applying(), None);
    }
}
