//! Tells what was there when the log was opened: entry by entry, from large pieces of the segments.
//!
//! Each header and payload is checked once more, because the bytes are read once more; what cost time was two system calls and a
//! copy for each entry. A batch is a slice of the piece it was read with: 60 MiB take 10 to 40 ms, whatever the entries' size
//! (page cache, shared virtual machine).

use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    format::{EntryHeader, EntryKind, decode_entry_header, payload_checks},
    limits::{HEADER_BYTES, SCAN_WINDOW_BYTES},
    reader::Reader,
};
use bytes::{Bytes, BytesMut};
use evenkeel_disk::{Disk, DiskFile};
use evenkeel_log::{Entry, ReadError};
use evenkeel_types::{Epoch, LogIndex};
use std::{io, sync::Arc};

/// The entries that are to be replayed.
pub(crate) struct History<D: Disk> {
    reader: Reader<D>,
    next: LogIndex,
    pub(crate) last: LogIndex,
    /// Under which epoch the log is owned once all is told.
    pub(crate) then: Epoch,
    place: Option<Cursor<D::File>>,
}

/// How far a segment has been read.
struct Cursor<F> {
    file: Arc<F>,
    name: String,
    position: u64,
    end: u64,
    epoch: Epoch,
    window: Bytes,
    window_start: u64,
}

impl<D: Disk> History<D> {
    pub(crate) fn new(reader: Reader<D>, next: LogIndex, last: LogIndex, then: Epoch) -> Self {
        Self { reader, next, last, then, place: None }
    }

    /// The next entry; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        let index = self.next;
        if index > self.last {
            return Ok(None);
        }
        if self.place.as_ref().is_none_or(|place| place.position >= place.end) {
            self.place = Some(self.cursor(index)?);
        }
        let Some(place) = &mut self.place else { return Err(ReadError::NotThere(index)) };
        let entry = place.entry(index, &self.reader)?;
        self.next = index.next();
        Ok(Some(entry))
    }

    fn cursor(&self, index: LogIndex) -> Result<Cursor<D::File>, ReadError> {
        let found = self.reader.find(index)?;
        let end = self.reader.end_of(index).unwrap_or(found.end);
        let (file, name, position) = (found.file, found.name, found.offset);
        Ok(Cursor { file, name, position, end, epoch: Epoch(0), window: Bytes::new(), window_start: 0 })
    }
}

impl<F: DiskFile> Cursor<F> {
    fn entry<D: Disk<File = F>>(&mut self, index: LogIndex, reader: &Reader<D>) -> Result<Entry, ReadError> {
        loop {
            // Dropped at once, so that nobody holds on to the piece but who has a batch of it.
            let header = decode_entry_header(&self.get(self.position, HEADER_BYTES)?, reader.log());
            let Some(header) = header else { return Err(self.damage(format!("the header of entry {index}"))) };
            let start = self.position;
            self.position += header.extent();
            // A late append of a deposed owner, skipped as when the log was opened.
            if header.epoch < self.epoch && !fault::on(Fault::AcceptStale) {
                continue;
            }
            if header.index != index && !fault::on(Fault::SkipChain) {
                return Err(self.damage(format!("the index of entry {index}")));
            }
            self.epoch = header.epoch;
            return self.batch(&header, start, index);
        }
    }

    fn batch(&mut self, header: &EntryHeader, start: u64, index: LogIndex) -> Result<Entry, ReadError> {
        let batch = self.get(start + HEADER_BYTES, u64::from(header.payload_bytes))?;
        if !payload_checks(header, &batch) && !fault::on(Fault::SkipChecksum) {
            return Err(self.damage(format!("the payload of entry {index}")));
        }
        let batch = if header.kind == EntryKind::Membership { Bytes::new() } else { batch };
        Ok(Entry { index, epoch: header.epoch, batch })
    }

    /// `bytes` bytes at `offset`, from the piece that was read last or from a new one that begins there.
    fn get(&mut self, offset: u64, bytes: u64) -> Result<Bytes, ReadError> {
        if offset < self.window_start || offset + bytes > self.window_start + self.window.len() as u64 {
            self.read_on(offset, bytes).doing(|| format!("reading {}", self.name))?;
        }
        let at = |at: u64| usize::try_from(at - self.window_start).unwrap_or(usize::MAX);
        let (from, to) = (at(offset), at(offset + bytes));
        if to > self.window.len() {
            return Err(self.damage("the end of an entry".into()));
        }
        Ok(self.window.slice(from..to))
    }

    fn read_on(&mut self, offset: u64, bytes: u64) -> io::Result<()> {
        let left = self.end.saturating_sub(offset);
        let wanted = usize::try_from(bytes.max(SCAN_WINDOW_BYTES as u64).min(left)).unwrap_or(0);
        // If nobody holds on to the batches before, their memory is used again.
        let mut buffer = std::mem::take(&mut self.window).try_into_mut().unwrap_or_default();
        if buffer.capacity() < wanted {
            buffer = BytesMut::zeroed(wanted);
        }
        buffer.resize(wanted, 0);
        self.file.read_exact_at(&mut buffer, offset)?;
        (self.window, self.window_start) = (buffer.freeze(), offset);
        Ok(())
    }

    fn damage(&self, what: String) -> ReadError {
        damaged(&self.name, self.position, format!("{what} does not check")).into()
    }
}
