//! Whoever wants to know of bodies that are damaged is told, on the engine's own thread.

use std::fmt;

/// Told what is damaged, in words. Must be quick, and must not wait for whoever waits for the engine.
pub type DamageWatcher = Box<dyn FnMut(&str) + Send>;

/// The watcher, if there is one.
#[derive(Default)]
pub(crate) struct DamageWatch(Option<DamageWatcher>);

impl DamageWatch {
    pub(crate) fn new(watcher: DamageWatcher) -> Self {
        Self(Some(watcher))
    }

    pub(crate) fn found(&mut self, what: &str) {
        if let Some(watcher) = &mut self.0 {
            watcher(what);
        }
    }
}

impl fmt::Debug for DamageWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DamageWatch")
    }
}
