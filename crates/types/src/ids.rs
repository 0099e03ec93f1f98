//! Identifiers: what a thing is called, and for how long the name stays true.

use std::{fmt, str::FromStr};

/// The position of an entry in the log, counted from 1. Never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// The index that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reign of one owner of the log (a term, in Raft's words). A new owner takes a larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The account that signs a request: twelve digits, as in a queue's URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

/// The text was not twelve decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account id is twelve decimal digits, such as 000000000000")]
pub struct ParseAccountIdError;

impl AccountId {
    /// The account as a number below 10^12.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The account of that number, if it has at most twelve digits.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number < 1_000_000_000_000 { Some(Self(number)) } else { None }
    }
}

impl FromStr for AccountId {
    type Err = ParseAccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseAccountIdError);
        }
        text.parse().map(Self).map_err(|_| ParseAccountIdError)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// A queue: its slot in the slab and the slot's generation.
///
/// An id outlives its queue harmlessly: a later queue in the same slot, also one of the same name, has another generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId {
    /// Where the record lies.
    pub slot: u32,
    /// How often the slot had been freed when the queue took it.
    pub generation: u32,
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// A job: its slot in the slab and the slot's generation, so that it needs no index.
///
/// An id outlives its job harmlessly: once the slot is reused the generation differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// Where the record lies.
    pub slot: u32,
    /// How often the slot had been freed when the job took it.
    pub generation: u32,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// The fencing token of a lease: the number of the grant, counted from 1 for each job.
///
/// Each grant draws a larger one, so that a late worker cannot finish a job that was granted again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(pub u32);

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a job's body lies: in which log entry, and how many bytes into that entry's payload.
///
/// It names no file, so that the state is equal on all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyRef {
    /// The entry.
    pub index: LogIndex,
    /// The first byte, counted from the start of the entry's payload.
    pub offset: u32,
    /// How many bytes.
    pub bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_exactly_twelve_digits() {
        assert_eq!("000000000000".parse(), Ok(AccountId::default()));
        assert_eq!("012345678901".parse::<AccountId>().unwrap().to_string(), "012345678901");
        for wrong in ["", "1", "0000000000000", "00000000000x", "+00000000000", "-00000000001"] {
            assert_eq!(wrong.parse::<AccountId>(), Err(ParseAccountIdError), "{wrong}");
        }
        assert_eq!(AccountId::from_number(1_000_000_000_000), None);
    }
}
