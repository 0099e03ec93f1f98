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
use evenkeel_log::{Entry, LogError, LogReader, ReadError};
use evenkeel_types::LogIndex;
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
        self.table.read().first()
    }

    /// Finds an entry and reads its header, which must be the one that was asked for.
    fn find(&self, index: LogIndex) -> Result<(Place<D::File>, EntryHeader), ReadError> {
        let place = {
            let table = self.table.read();
            match table.find(index) {
                Lookup::Here(_) if index > table.committed => return Err(ReadError::NotThere(index)),
                Lookup::Here(place) => place,
                Lookup::Trimmed => return Err(ReadError::Trimmed(index)),
                Lookup::NotThere => return Err(ReadError::NotThere(index)),
            }
        };
        let mut bytes = [0; 64];
        place.file.read_exact_at(&mut bytes, place.offset).doing(|| format!("reading {}", place.name))?;
        match decode_entry_header(&bytes, self.log).filter(|header| header.index == index) {
            Some(header) => Ok((place, header)),
            None => {
                Err(damaged(&place.name, place.offset, format!("the header of entry {index} does not check")).into())
            }
        }
    }

    fn payload(place: &Place<D::File>, offset: u64, bytes: u32) -> Result<Bytes, ReadError> {
        // At most `ENTRY_BYTES_MAX`: the header that says so was checked.
        let mut payload = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        let at = place.offset + HEADER_BYTES + offset;
        place.file.read_exact_at(&mut payload, at).doing(|| format!("reading {}", place.name))?;
        Ok(payload.into())
    }
}

impl<D: Disk> LogReader for Reader<D> {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        let (place, header) = self.find(index)?;
        let batch = Self::payload(&place, 0, header.payload_bytes)?;
        if !payload_checks(&header, &batch) && !fault::on(Fault::SkipChecksum) {
            let what = format!("the payload of entry {index} does not check");
            return Err(damaged(&place.name, place.offset + HEADER_BYTES, what).into());
        }
        Ok(Entry { index, epoch: header.epoch, batch })
    }

    /// Reads only the range itself, after the entry's header; what it returns is not checked.
    fn read_range(&self, index: LogIndex, offset: u32, bytes: u32) -> Result<Bytes, ReadError> {
        let (place, header) = self.find(index)?;
        if offset.checked_add(bytes).is_none_or(|end| end > header.payload_bytes) {
            return Err(LogError::Misuse("the range lies beyond the entry").into());
        }
        Self::payload(&place, u64::from(offset), bytes)
    }
}
