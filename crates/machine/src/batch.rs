//! A batch: the commands of one log entry under one pair of times.
//!
//! ```text
//!  0  u8   format, 1
//!  1  u64  log time, microseconds
//!  9  u64  wall time, milliseconds
//! 17  u32  count of commands
//! 21  ...  the commands, one behind the other
//! ```

use crate::{
    codec::{DecodeError, Plain, Reader},
    command::Command,
};
use evenkeel_types::{LogIndex, LogTime, WallTime};
use std::{collections::BTreeMap, fmt};
use xxhash_rust::xxh3::xxh3_64;

/// The format of batches that this version writes and reads.
const FORMAT: u8 = 1;
const COUNT_AT: usize = 17;
/// An empty batch's size; it still carries the times, so it can serve as a tick.
pub const HEADER_BYTES: usize = 21;

/// An entry that says of another that it is passed over: a kind, and an index.
const SKIP_BYTES: usize = HEADER_BYTES + 9;

/// What stands directly before each body in an entry: its XXH3-64 (`u64`) and its length (`u32`).
pub const BODY_FRAME_BYTES: u32 = 12;

/// A body of so many bytes out of what was read from its frame's first byte on, if length and checksum say that it is
/// that body, whole. The bytes read start [`BODY_FRAME_BYTES`] before [`evenkeel_types::BodyRef::offset`]; more than the
/// body behind it are let alone.
#[must_use]
pub fn open_body(frame_and_body: &[u8], bytes: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(frame_and_body);
    let hash = u64::get(&mut reader).ok()?;
    let body = reader.bytes("a body").ok()?;
    (u32::try_from(body.len()) == Ok(bytes) && xxh3_64(body) == hash).then_some(body)
}

/// Collects commands for one log entry.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    count: u32,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::with_capacity(HEADER_BYTES)
    }
}

impl BatchBuilder {
    /// An empty batch with room for so many bytes, so that it need not move while it grows.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes.max(HEADER_BYTES));
        buffer.resize(HEADER_BYTES, 0);
        Self { bytes: buffer, count: 0 }
    }

    /// Adds a command that was encoded elsewhere (on the thread that parsed the request).
    pub fn push_encoded(&mut self, command: &[u8]) {
        self.bytes.extend_from_slice(command);
        self.count += 1;
    }

    /// Adds a command.
    pub fn push(&mut self, command: &Command<'_>) {
        command.encode(&mut self.bytes);
        self.count += 1;
    }

    /// How many commands were added.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The size so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it. Its memory stays, for the next batch.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.count = 0;
    }

    /// Closes the batch at these times.
    #[must_use]
    pub fn finish(mut self, log_time: LogTime, wall_time: WallTime) -> Vec<u8> {
        self.close(log_time, wall_time);
        self.bytes
    }

    /// Closes the batch at these times, and lends its bytes.
    pub fn close(&mut self, log_time: LogTime, wall_time: WallTime) -> &[u8] {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        FORMAT.put(&mut header);
        log_time.put(&mut header);
        wall_time.put(&mut header);
        self.count.put(&mut header);
        for (slot, byte) in self.bytes.iter_mut().zip(header) {
            *slot = byte;
        }
        &self.bytes
    }
}

/// A batch being read.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The log's own time when it was closed.
    pub log_time: LogTime,
    /// The calendar's.
    pub wall_time: WallTime,
    left: u32,
    reader: Reader<'a>,
}

impl<'a> Batch<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// The bytes are no batch of this version.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let unknown = reader.malformed("a batch of format 1");
        if u8::get(&mut reader)? != FORMAT {
            return Err(unknown);
        }
        let log_time = LogTime::get(&mut reader)?;
        let wall_time = WallTime::get(&mut reader)?;
        debug_assert_eq!(reader.position(), COUNT_AT);
        let left = u32::get(&mut reader)?;
        Ok(Self { log_time, wall_time, left, reader })
    }

    /// The next command; `None` at the end.
    ///
    /// # Errors
    /// What follows is no command, or bytes are left over after the last.
    pub fn next_command(&mut self) -> Result<Option<Command<'a>>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            self.reader.finish()?;
            return Ok(None);
        };
        self.left = left;
        Command::decode(&mut self.reader).map(Some)
    }
}

/// Which entry this one says is to be passed over; `None` if it says nothing of the kind. O(1).
#[must_use]
pub fn skipped_by(bytes: &[u8]) -> Option<LogIndex> {
    if bytes.len() != SKIP_BYTES {
        return None;
    }
    let mut batch = Batch::open(bytes).ok()?;
    match (batch.next_command().ok()??, batch.next_command()) {
        (Command::Skip { entry }, Ok(None)) => Some(entry),
        _ => None,
    }
}

/// What is in an entry, as far as it can be read: for people who decide about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many bytes it has.
    pub bytes: usize,
    /// How many commands it says it has; `None` if it is no batch.
    pub commands: Option<u32>,
    /// Those that can be read: how many there are of each kind, by name.
    pub read: BTreeMap<&'static str, u32>,
}

impl Contents {
    /// Looks into an entry.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let Ok(mut batch) = Batch::open(bytes) else { return Self { bytes: bytes.len(), ..Self::default() } };
        let mut contents = Self { bytes: bytes.len(), commands: Some(batch.left), read: BTreeMap::new() };
        while let Ok(Some(command)) = batch.next_command() {
            *contents.read.entry(command.name()).or_default() += 1;
        }
        contents
    }
}

impl fmt::Display for Contents {
    /// In words, beginning in small letters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, commands, read } = self;
        let Some(commands) = commands else { return write!(f, "{bytes} bytes that are no batch of commands") };
        let known: u32 = read.values().sum();
        write!(f, "{bytes} bytes, {commands} command(s)")?;
        for (at, (name, count)) in read.iter().enumerate() {
            write!(f, "{} {count} {name}", if at == 0 { ":" } else { "," })?;
        }
        match commands.saturating_sub(known) {
            0 => Ok(()),
            rest => write!(f, "; {rest} cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Body, NewJob, QueueKey};
    use evenkeel_types::AccountId;

    #[test]
    fn an_entry_says_that_another_is_passed_over_if_it_says_nothing_else() {
        let entry = |commands: &[Command<'_>]| {
            let mut builder = BatchBuilder::default();
            commands.iter().for_each(|command| builder.push(command));
            builder.finish(LogTime(1), WallTime(2))
        };
        let (skip, other) = (Command::Skip { entry: LogIndex(7) }, Command::RevokeKey { id: "four" });
        assert_eq!(skipped_by(&entry(std::slice::from_ref(&skip))), Some(LogIndex(7)));
        assert_eq!(skipped_by(&entry(&[skip.clone(), skip.clone()])), None);
        assert_eq!(skipped_by(&entry(&[skip, other.clone()])), None);
        assert_eq!(entry(std::slice::from_ref(&other)).len(), SKIP_BYTES, "only its kind tells it apart");
        assert_eq!(skipped_by(&entry(&[other])), None);
        assert_eq!(skipped_by(&[]), None);
    }

    #[test]
    fn what_is_in_an_entry_is_told_as_far_as_it_can_be_read() {
        let mut builder = BatchBuilder::default();
        builder.push(&Command::RevokeKey { id: "a" });
        builder.push(&Command::RevokeKey { id: "b" });
        builder.push(&Command::RaiseFeatureLevel { level: 9 });
        let mut entry = builder.finish(LogTime(1), WallTime(2));
        let told = Contents::of(&entry).to_string();
        assert_eq!(told, "38 bytes, 3 command(s): 1 RaiseFeatureLevel, 2 RevokeKey");
        let last = entry.len() - 5;
        entry[last] = 255;
        assert_eq!(Contents::of(&entry).to_string(), "38 bytes, 3 command(s): 2 RevokeKey; 1 cannot be read");
        assert_eq!(Contents::of(b"garbage").to_string(), "7 bytes that are no batch of commands");
    }

    #[test]
    fn a_body_can_be_read_and_checked_alone() {
        let bodies: [&[u8]; 3] = [b"first", b"", b"the third"];
        let job = |bytes| NewJob { group: "g", delay: None, dedup: None, counted_bytes: 1, body: Body::new(bytes) };
        let queue = QueueKey { account: AccountId::default(), name: "q" };
        let mut builder = BatchBuilder::default();
        builder.push(&Command::Enqueue { queue, jobs: bodies.map(job).into(), call: None });
        let entry = builder.finish(LogTime(1), WallTime(2));
        let Ok(Some(Command::Enqueue { jobs, .. })) = Batch::open(&entry).unwrap().next_command() else {
            panic!("one command was encoded")
        };
        for (job, body) in jobs.iter().zip(bodies) {
            let bytes = u32::try_from(body.len()).unwrap();
            let (start, end) = ((job.body.offset - BODY_FRAME_BYTES) as usize, (job.body.offset + bytes) as usize);
            let framed = &entry[start..end];
            assert_eq!(open_body(framed, bytes), Some(body));
            assert_eq!(open_body(&entry[start..], bytes), Some(body), "what follows is let alone");
            assert_eq!(open_body(framed, bytes + 1), None);
            for cut in 0..framed.len() {
                assert_eq!(open_body(&framed[..cut], bytes), None, "cut at {cut}");
                for bit in 0..8 {
                    let mut damaged = framed.to_vec();
                    damaged[cut] ^= 1 << bit;
                    assert_eq!(open_body(&damaged, bytes), None, "bit {bit} of byte {cut}");
                }
            }
        }
    }

    #[test]
    fn the_frame_of_a_body_never_changes() {
        let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"body") };
        let mut bytes = Vec::new();
        let queue = QueueKey { account: AccountId::default(), name: "" };
        Command::Enqueue { queue, jobs: vec![job], call: None }.encode(&mut bytes);
        let framed = [&xxh3_64(b"body").to_le_bytes()[..], &[4, 0, 0, 0], b"body"].concat();
        assert!(bytes.ends_with(&framed));
        assert_eq!(xxh3_64(b"body"), 9_579_940_282_309_272_058, "XXH3 is what it was");
    }
}
