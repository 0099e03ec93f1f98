//! Whoever wants to know of access keys is told, on the engine's own thread, as they change.

use evenkeel_machine::account::{Key, Keys};
use std::fmt;

/// Told what a slot of the machine's keys holds now. Must be quick, and must not wait for whoever waits for the engine.
pub type KeyWatcher = Box<dyn FnMut(u32, Option<&Key>) + Send>;

/// The watcher, if there is one.
#[derive(Default)]
pub(crate) struct KeyWatch(Option<KeyWatcher>);

impl KeyWatch {
    /// A watcher, told of all keys there are.
    pub(crate) fn new(mut watcher: KeyWatcher, keys: &Keys) -> Self {
        keys.iter().for_each(|(slot, key)| watcher(slot, Some(key)));
        Self(Some(watcher))
    }

    /// Something happened to the key in that slot.
    pub(crate) fn changed(&mut self, keys: &Keys, slot: u32) {
        if let Some(watcher) = &mut self.0 {
            watcher(slot, keys.at(slot));
        }
    }
}

impl fmt::Debug for KeyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyWatch")
    }
}
