//! The plain byte encoding of commands and checkpoints: little-endian integers, and byte strings
//! behind a 32-bit length.
//!
//! Reading never panics, never allocates by a length it has not seen, and refuses what is short,
//! unknown or left over. `docs/format.md` lists every byte.

use evenkeel_types::{AccountId, JobId, LeaseToken, LogIndex, LogTime, Micros, QueueId, WallTime};

/// Bytes that are not what they should be. Where, and what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed at byte {at}: {wanted}")]
pub struct DecodeError {
    /// The position in the bytes given.
    pub at: usize,
    /// What should have stood there.
    pub wanted: &'static str,
}

/// Reads forward through bytes, and knows how far it is.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The error for what stands here.
    pub fn malformed(&self, wanted: &'static str) -> DecodeError {
        DecodeError { at: self.at, wanted }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize, wanted: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(count).ok_or_else(|| self.malformed(wanted))?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.malformed(wanted))?;
        self.at = end;
        Ok(taken)
    }

    /// A fixed number of bytes.
    pub fn array<const N: usize>(&mut self, wanted: &'static str) -> Result<[u8; N], DecodeError> {
        let error = self.malformed(wanted);
        self.take(N, wanted)?.try_into().map_err(|_| error)
    }

    /// Bytes behind a 32-bit length.
    pub fn bytes(&mut self, wanted: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = u32::get(self)?;
        self.take(length as usize, wanted)
    }

    /// A text of at most `bytes_max` bytes behind a 32-bit length.
    pub fn text(&mut self, bytes_max: usize, wanted: &'static str) -> Result<&'a str, DecodeError> {
        let error = self.malformed(wanted);
        let bytes = self.bytes(wanted)?;
        if bytes.len() > bytes_max {
            return Err(error);
        }
        std::str::from_utf8(bytes).map_err(|_| error)
    }

    /// A count of things that each take at least `bytes_each`, so that no count can make a
    /// reader reserve more than the bytes could hold.
    pub fn count(&mut self, bytes_each: usize, wanted: &'static str) -> Result<usize, DecodeError> {
        let error = self.malformed(wanted);
        let count = u32::get(self)? as usize;
        if count.checked_mul(bytes_each).is_none_or(|needed| needed > self.remaining()) {
            return Err(error);
        }
        Ok(count)
    }

    /// Refuses bytes that are left over.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.remaining() == 0 { Ok(()) } else { Err(self.malformed("the end")) }
    }
}

/// A value of fixed size on the wire.
pub trait Plain: Sized {
    /// Appends it.
    fn put(self, out: &mut Vec<u8>);
    /// Reads it.
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

macro_rules! plain_integer {
    ($($integer:ty),*) => {$(
        impl Plain for $integer {
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_le_bytes(reader.array(stringify!($integer))?))
            }
        }
    )*};
}
plain_integer!(u8, u16, u32, u64);

macro_rules! plain_wrapper {
    ($($wrapper:ident),*) => {$(
        impl Plain for $wrapper {
            fn put(self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(Plain::get(reader)?))
            }
        }
    )*};
}
plain_wrapper!(LogIndex, LogTime, Micros, WallTime, LeaseToken);

impl Plain for AccountId {
    fn put(self, out: &mut Vec<u8>) {
        self.number().put(out);
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("an account of at most twelve digits");
        Self::from_number(u64::get(reader)?).ok_or(error)
    }
}

macro_rules! plain_slot {
    ($($id:ident),*) => {$(
        impl Plain for $id {
            fn put(self, out: &mut Vec<u8>) {
                self.slot.put(out);
                self.generation.put(out);
            }
            fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self { slot: u32::get(reader)?, generation: u32::get(reader)? })
            }
        }
    )*};
}
plain_slot!(JobId, QueueId);

impl Plain for bool {
    fn put(self, out: &mut Vec<u8>) {
        u8::from(self).put(out);
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("0 or 1");
        match u8::get(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(error),
        }
    }
}

impl<T: Plain> Plain for Option<T> {
    fn put(self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if bool::get(reader)? { T::get(reader).map(Some) } else { Ok(None) }
    }
}

/// Appends bytes behind their 32-bit length. What is written here was limited at the door.
pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("no single field reaches 4 GiB: doors limit requests");
    length.put(out);
    out.extend_from_slice(bytes);
}
