//! **A send that was numbered, or has a de-duplication id, is there once, however often it was made.** By what clients see: the message's id.

use crate::{
    ask::NewMessage,
    invariants::{Broken, told::broken},
};
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Account {
    once: BTreeSet<u64>,
    ids: BTreeMap<u64, String>,
    is_off: bool,
}

impl Account {
    /// An account; one that is off judges nothing, as what is noted of calls may be forgotten too early by clocks that jump.
    pub(crate) fn new(is_off: bool) -> Self {
        Self { is_off, ..Self::default() }
    }

    /// A client is about to send these, perhaps in a way that makes repetitions known.
    pub(crate) fn sends(&mut self, messages: &[NewMessage], is_once: bool) {
        if is_once {
            self.once.extend(messages.iter().map(|message| message.number));
        }
    }

    /// The number of a message that somebody heard of.
    pub(crate) fn number_of(&self, id: &str) -> u64 {
        self.ids.iter().find(|(_, known)| *known == id).map_or(0, |(number, _)| *number)
    }

    /// A client heard of a message under an id.
    ///
    /// # Errors
    /// It has another.
    pub(crate) fn is_known_as(&mut self, number: u64, id: &str) -> Result<(), Broken> {
        if self.is_off || !self.once.contains(&number) {
            return Ok(());
        }
        let known = self.ids.entry(number).or_insert_with(|| id.to_owned());
        if known == id {
            return Ok(());
        }
        broken(format!("job {number} was sent once, and is there as {known} and as {id}"))
    }
}
