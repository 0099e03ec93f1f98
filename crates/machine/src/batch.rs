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
use evenkeel_types::{LogTime, WallTime};

/// The format of batches that this version writes and reads.
const FORMAT: u8 = 1;
const COUNT_AT: usize = 17;
/// An empty batch's size; it still carries the times, so it can serve as a tick.
pub const HEADER_BYTES: usize = 21;

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

    /// Closes the batch at these times.
    #[must_use]
    pub fn finish(mut self, log_time: LogTime, wall_time: WallTime) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        FORMAT.put(&mut header);
        log_time.put(&mut header);
        wall_time.put(&mut header);
        self.count.put(&mut header);
        for (slot, byte) in self.bytes.iter_mut().zip(header) {
            *slot = byte;
        }
        self.bytes
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
