//! Keys as records, and back.
//!
//! ```text
//! u32  the next free slot's, if the next is 0     bytes  sealed
//! text the id; empty in a free slot, which ends   bytes  sealed before, u64 until when
//! u64  account                                    u64    created, u64 rotated
//! text name, text description                     option u64 expires
//! u32  count of actions, texts; u32 count of prefixes, texts
//! ```

use super::{Key, Keys, Rights};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    limits,
    slab::Outline,
};
use evenkeel_types::{AccountId, WallTime};

/// What a checkpoint says of the keys beside their records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeysOutline(Outline);

impl Plain for KeysOutline {
    fn put(self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Outline::get(reader).map(Self)
    }
}

impl Keys {
    pub(crate) fn outline(&self) -> KeysOutline {
        KeysOutline(self.keys.outline())
    }

    /// Takes in the next record of a checkpoint. False if it is not the next.
    pub(crate) fn restore(&mut self, slot: u32, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        Ok(self.keys.restore(slot, Key::decode(reader)?))
    }

    /// Makes what follows from the records. False if they are not all there.
    pub(crate) fn restored(&mut self, outline: KeysOutline) -> bool {
        if !self.keys.restored(outline.0) {
            return false;
        }
        for slot in 0..self.keys.used() {
            let Some(key) = self.at(slot) else { continue };
            let hash = self.hash_of(&key.id);
            self.keys.derived(slot).hash = hash;
            self.ids.insert(&mut self.keys, slot);
        }
        true
    }
}

impl Key {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.next_free.put(out);
        put_bytes(self.id.as_bytes(), out);
        if !self.is_live() {
            return;
        }
        self.account.put(out);
        put_bytes(self.name.as_bytes(), out);
        put_bytes(self.description.as_bytes(), out);
        put_texts(&self.rights.actions, out);
        put_texts(&self.rights.queues, out);
        put_bytes(&self.sealed, out);
        put_bytes(&self.sealed_before.0, out);
        self.sealed_before.1.put(out);
        self.created_at.put(out);
        self.rotated_at.put(out);
        self.expires_at.put(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let next_free = u32::get(reader)?;
        let id = reader.text(limits::KEY_ID_BYTES_MAX, "a key's id")?.into();
        let mut key = Self { id, next_free, ..Self::default() };
        if !key.is_live() {
            return Ok(key);
        }
        key.account = AccountId::get(reader)?;
        key.name = reader.text(limits::KEY_NAME_BYTES_MAX, "a key's name")?.into();
        key.description = reader.text(limits::KEY_DESCRIPTION_BYTES_MAX, "a key's description")?.into();
        let owned = |texts: Vec<&str>| texts.into_iter().map(Into::into).collect();
        key.rights = Rights { actions: owned(texts(reader)?), queues: owned(texts(reader)?) };
        key.sealed = sealed(reader)?.into();
        key.sealed_before = (sealed(reader)?.into(), WallTime::get(reader)?);
        key.created_at = WallTime::get(reader)?;
        key.rotated_at = WallTime::get(reader)?;
        key.expires_at = Option::<WallTime>::get(reader)?;
        Ok(key)
    }
}

/// Appends texts behind their count.
pub(crate) fn put_texts<T: AsRef<str>>(texts: &[T], out: &mut Vec<u8>) {
    u32::try_from(texts.len()).expect("doors send few").put(out);
    texts.iter().for_each(|text| put_bytes(text.as_ref().as_bytes(), out));
}

/// The fewest bytes that a text takes.
const TEXT_BYTES_MIN: usize = 4;

/// Patterns or prefixes of a key's rights.
pub(crate) fn texts<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a str>, DecodeError> {
    let error = reader.malformed("as many texts as a key's rights may have");
    let count = reader.count(TEXT_BYTES_MIN, "as many texts as counted")?;
    if count > limits::KEY_RIGHTS_MAX {
        return Err(error);
    }
    (0..count).map(|_| reader.text(limits::KEY_RIGHT_BYTES_MAX, "a pattern or prefix")).collect()
}

/// A sealed secret.
pub(crate) fn sealed<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let error = reader.malformed("a sealed secret");
    let bytes = reader.bytes("a sealed secret")?;
    if bytes.len() > limits::SEALED_BYTES_MAX { Err(error) } else { Ok(bytes) }
}
