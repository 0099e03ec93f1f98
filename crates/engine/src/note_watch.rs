//! Whoever wants to know of queues' notes is told, on the engine's own thread, as they change.

use evenkeel_machine::{
    command::QueueKey,
    queue::{Papers, Queues},
};
use std::fmt;

/// Told which queue with notes is in a slot now, and its papers; `None` if there is none any more. Must be quick, and must not
/// wait for whoever waits for the engine.
pub type NoteWatcher = Box<dyn FnMut(u32, Option<(QueueKey<'_>, &Papers)>) + Send>;

/// The watcher, if there is one.
#[derive(Default)]
pub(crate) struct NoteWatch(Option<NoteWatcher>);

impl NoteWatch {
    /// A watcher, told of all notes there are. O(queues).
    pub(crate) fn new(mut watcher: NoteWatcher, queues: &Queues) -> Self {
        queues.noted().for_each(|(slot, queue, papers)| watcher(slot, Some((queue, papers))));
        Self(Some(watcher))
    }

    /// Something happened to the notes in that slot.
    pub(crate) fn changed(&mut self, queues: &Queues, slot: u32) {
        if let Some(watcher) = &mut self.0 {
            watcher(slot, queues.noted_at(slot));
        }
    }
}

impl fmt::Debug for NoteWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteWatch")
    }
}
