//! `RotateKey`: a new secret, and some time to bring it to all who sign.

use super::{Keys, NoSuchKey};
use crate::Event;
use evenkeel_types::{Micros, WallTime};

impl Keys {
    /// Gives a key a new secret. The one before counts for `grace` more; the one before that no longer.
    pub(crate) fn rotate(
        &mut self,
        now: WallTime,
        id: &str,
        sealed: &[u8],
        grace: Micros,
        events: &mut Vec<Event>,
    ) -> Result<(), NoSuchKey> {
        let slot = self.find(id).ok_or(NoSuchKey)?;
        let key = self.keys.edit(slot);
        let before = std::mem::replace(&mut key.sealed, sealed.into());
        let until = WallTime(now.0.saturating_add(grace.0 / 1_000));
        key.sealed_before = if grace == Micros(0) { (Box::default(), WallTime(0)) } else { (before, until) };
        key.rotated_at = now;
        events.push(Event::KeyChanged(slot));
        Ok(())
    }
}
