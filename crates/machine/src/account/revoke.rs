//! `RevokeKey`: nobody signs with it any more.

use super::Keys;
use crate::Event;

/// There is no key of that id, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key of that id")]
pub struct NoSuchKey;

impl Keys {
    /// Removes a key with its secrets.
    pub(crate) fn revoke(&mut self, id: &str, events: &mut Vec<Event>) -> Result<(), NoSuchKey> {
        let slot = self.find(id).ok_or(NoSuchKey)?;
        self.ids.remove(&mut self.keys, slot);
        self.keys.free(slot);
        events.push(Event::KeyChanged(slot));
        Ok(())
    }
}
