//! Reads committed entries back, from any thread, while the writer goes on.

use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    format::{EntryHeader, EntryKind, LogId, decode_entry_header, payload_checks},
    limits::HEADER_BYTES,
    places::Places,
    salvage::walk,
    table::{Lookup, Place, SharedTable},
    window::Window,
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

    /// Lets all see the written entries up to `index`.
    pub(crate) fn commit(&self, index: LogIndex) {
        self.table.write().commit(index);
    }

    pub(crate) fn log(&self) -> LogId {
        self.log
    }

    /// Where the entries of the segment end that an index belongs to.
    pub(crate) fn end_of(&self, index: LogIndex) -> Option<u64> {
        self.table.read().segment_of(index).map(|segment| segment.end)
    }

    pub(crate) fn retired(&self) -> Vec<Extent> {
        self.table.read().retired()
    }

    pub(crate) fn find(&self, index: LogIndex) -> Result<Place<D::File>, ReadError> {
        let found = self.table.read().find(index);
        self.place(index, found)
    }

    /// The entry at `index` as it was written, committed or not: for who keeps the log with others.
    ///
    /// # Errors
    /// As [`LogReader::read`].
    pub fn read_written(&self, index: LogIndex) -> Result<(EntryHeader, Bytes), ReadError> {
        let found = self.table.read().find_written(index);
        self.whole(index, self.place(index, found)?)
    }

    fn place(&self, index: LogIndex, found: Lookup<D::File>) -> Result<Place<D::File>, ReadError> {
        let place = match found {
            Lookup::Here(place) => place,
            Lookup::Ask(place, sidecar, number) => {
                match sidecar.find(number).doing(|| format!("reading {}", sidecar.name))? {
                    Some((offset, next)) => {
                        Place { offset, end: if next > offset { next } else { place.end }, ..place }
                    }
                    None => self.find_without_sidecar(index)?,
                }
            }
            Lookup::Trimmed => return Err(ReadError::Trimmed(index)),
            Lookup::NotThere => return Err(ReadError::NotThere(index)),
        };
        if place.offset == 0 {
            let what = format!("entry {index} was not found when the segment was walked through");
            return Err(damaged(&place.name, 0, what).into());
        }
        Ok(place)
    }

    /// The sidecar does not check any more: the segment itself tells, and from now on memory.
    fn find_without_sidecar(&self, index: LogIndex) -> Result<Place<D::File>, ReadError> {
        let found = self.table.read().segment_of(index).map(|it| (it.header, it.name.clone(), it.file.clone()));
        let Some((header, name, file)) = found else { return Err(ReadError::Trimmed(index)) };
        let mut window = Window::new(&*file).doing(|| format!("reading {name}"))?;
        let walked = walk(&mut window, &header).doing(|| format!("reading {name}"))?;
        let mut table = self.table.write();
        if let Some(segment) = table.segment_mut(header.first) {
            segment.places = Places::Memory(walked.offsets);
        }
        match table.find(index) {
            Lookup::Here(place) => Ok(place),
            Lookup::Ask(..) | Lookup::Trimmed | Lookup::NotThere => Err(ReadError::Trimmed(index)),
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

    /// An entry's header and payload, both checked.
    fn whole(&self, index: LogIndex, place: Place<D::File>) -> Result<(EntryHeader, Bytes), ReadError> {
        let header = self.header(&place, index)?;
        let payload = Self::payload(&place, 0, header.payload_bytes)?;
        if !payload_checks(&header, &payload) && !fault::on(Fault::SkipChecksum) {
            let what = format!("the payload of entry {index} does not check");
            return Err(damaged(&place.name, place.offset + HEADER_BYTES, what).into());
        }
        Ok((header, payload))
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
        let (header, batch) = self.whole(index, self.find(index)?)?;
        let batch = if header.kind == EntryKind::Membership { Bytes::new() } else { batch };
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
