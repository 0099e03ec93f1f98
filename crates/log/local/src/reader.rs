//! Reads committed entries back, from any thread, while the writer goes on.

use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    format::{EntryHeader, LogId, decode_entry_header, payload_checks},
    limits::HEADER_BYTES,
    table::{Lookup, Place, SharedTable},
};
use bytes::Bytes;
use evenkeel_disk::{Disk, DiskFile};
use evenkeel_log::{Entry, Extent, LogError, LogReader, ReadError};
use evenkeel_types::{LogIndex, limits::ENTRY_BYTES_MAX};
use std::sync::Arc;

/// A handle for reading entries back. Clones share the open files.
pub struct Reader<D: Disk> {
    table: Arc<SharedTable<D::File>>,
    log: LogId,
}

impl<D: Disk> Clone for Reader<D> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), log: self.log }
    }
}

impl<D: Disk> Reader<D> {
    pub(crate) fn new(table: Arc<SharedTable<D::File>>, log: LogId) -> Self {
        Self { table, log }
    }

    pub(crate) fn first_index(&self) -> LogIndex {
        self.table.read().floor
    }

    pub(crate) fn retired(&self) -> Vec<Extent> {
        self.table.read().retired()
    }

    fn find(&self, index: LogIndex) -> Result<Place<D::File>, ReadError> {
        match self.table.read().find(index) {
            Lookup::Here(place) => Ok(place),
            Lookup::Trimmed => Err(ReadError::Trimmed(index)),
            Lookup::NotThere => Err(ReadError::NotThere(index)),
        }
    }

    /// Reads an entry's header, which must be the one that was asked for.
    fn header(&self, place: &Place<D::File>, index: LogIndex) -> Result<EntryHeader, ReadError> {
        let mut bytes = [0; 64];
        place.file.read_exact_at(&mut bytes, place.offset).doing(|| format!("reading {}", place.name))?;
        let header = decode_entry_header(&bytes, self.log).filter(|header| header.index == index);
        header.ok_or_else(|| {
            damaged(&place.name, place.offset, format!("the header of entry {index} does not check")).into()
        })
    }

    /// At most `ENTRY_BYTES_MAX` bytes, as its callers see to.
    fn payload(place: &Place<D::File>, offset: u64, bytes: u32) -> Result<Bytes, ReadError> {
        let mut payload = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        let at = place.offset + HEADER_BYTES + offset;
        place.file.read_exact_at(&mut payload, at).doing(|| format!("reading {}", place.name))?;
        Ok(payload.into())
    }
}

impl<D: Disk> LogReader for Reader<D> {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        let place = self.find(index)?;
        let header = self.header(&place, index)?;
        let batch = Self::payload(&place, 0, header.payload_bytes)?;
        if !payload_checks(&header, &batch) && !fault::on(Fault::SkipChecksum) {
            let what = format!("the payload of entry {index} does not check");
            return Err(damaged(&place.name, place.offset + HEADER_BYTES, what).into());
        }
        Ok(Entry { index, epoch: header.epoch, batch })
    }

    /// Reads only the range itself. Neither the entry's header nor a checksum is looked at: of what lies beyond the entry
    /// only that is noticed which is beyond its padding, or longer than any entry.
    fn read_range(&self, index: LogIndex, offset: u32, bytes: u32) -> Result<Bytes, ReadError> {
        let place = self.find(index)?;
        let end = place.offset + HEADER_BYTES + u64::from(offset) + u64::from(bytes);
        if end >= place.end || usize::try_from(bytes).unwrap_or(usize::MAX) > ENTRY_BYTES_MAX {
            return Err(LogError::Misuse("the range lies beyond the entry").into());
        }
        Self::payload(&place, u64::from(offset), bytes)
    }
}
