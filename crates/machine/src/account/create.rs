//! `CreateKey`: somebody may sign from now on.

use super::{Key, Keys, Rights};
use crate::{Event, command::NewKey, limits, slab::NIL};
use evenkeel_types::WallTime;

/// Why a key was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateKeyError {
    /// There is a key of that id. Draw another.
    #[error("there is a key of that id already")]
    Exists,
    /// An id, a name and a secret are needed.
    #[error("a key needs an id, a name and a secret")]
    Incomplete,
    /// There are as many keys as there may be. Revoke some.
    #[error("there are {} keys already, as many as can be", limits::KEYS_MAX)]
    TooMany,
}

impl Keys {
    /// Makes a key.
    pub(crate) fn create(
        &mut self,
        now: WallTime,
        new: &NewKey<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), CreateKeyError> {
        if new.id.is_empty() || new.name.is_empty() || new.sealed.is_empty() {
            return Err(CreateKeyError::Incomplete);
        }
        if self.find(new.id).is_some() {
            return Err(CreateKeyError::Exists);
        }
        if self.keys.live() >= limits::KEYS_MAX {
            return Err(CreateKeyError::TooMany);
        }
        let hash = self.hash_of(new.id);
        let slot = self.keys.allocate().ok_or(CreateKeyError::TooMany)?;
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.into()).collect();
        *self.keys.edit(slot) = Key {
            id: new.id.into(),
            account: new.account,
            name: new.name.into(),
            description: new.description.into(),
            rights: Rights { actions: owned(&new.actions), queues: owned(&new.queues) },
            sealed: new.sealed.into(),
            sealed_before: (Box::default(), WallTime(0)),
            created_at: now,
            rotated_at: now,
            expires_at: new.expires_at,
            hash,
            chain: NIL,
            next_free: NIL,
        };
        self.ids.insert(&mut self.keys, slot);
        events.push(Event::KeyChanged(slot));
        Ok(())
    }
}
