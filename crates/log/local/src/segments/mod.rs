//! The store: entries in segment files, appended in groups. No threads, no events, no proposals.
//!
//! Rules:
//! 1. A segment is made only once all that came before it is synced, so only the last one can end torn.
//! 2. Beyond its tail the last segment is zeros, durably, before anything is appended.
//! 3. What removes durable entries (a truncation, a reset) is written down first: see `intent.rs`.
//!    The removal of what nobody needs needs no intent: below the floor a segment is there or not.
//! 4. After an error the store is not used again; only opening it anew tells what is there.

mod change;
mod open;
mod retired;

pub(crate) use open::{named, segment_firsts};

use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    format::{EntryKind, NewEntry, SegmentHeader, encode_entry, encode_segment_header, entry_extent},
    keeper::{Keeper, Sealed},
    limits::SEGMENT_HEADER_BYTES,
    options::Options,
    places::{Offsets, Places},
    reader::Reader,
    scan::Running,
    spare::{Fill, Need, SPARE_NAME, Spare},
    table::{SharedTable, TableSegment},
    upkeep::Upkeep,
};
use evenkeel_disk::{Disk, DiskFile};
use evenkeel_log::LogError;
use evenkeel_types::{Epoch, LogIndex};
use std::{path::PathBuf, sync::Arc};

/// An entry to append.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// Under whose reign it is written.
    pub epoch: Epoch,
    /// Whether it begins that reign.
    pub kind: EntryKind,
    /// What it carries; at most `ENTRY_BYTES_MAX`.
    pub payload: &'a [u8],
}

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// So many of its entries were written, not yet synced; the rest goes into the next segment.
    Entries(usize),
    /// The disk is full: nothing was written, and nothing is wrong.
    NoRoom,
}

/// The entries of one log in one folder.
pub struct Segments<D: Disk> {
    disk: D,
    dir: PathBuf,
    options: Options,
    table: Arc<SharedTable<D::File>>,
    spare: Arc<Spare<D>>,
    keeper: Arc<Keeper<D>>,
    active: Active<D::File>,
    running: Running,
    /// The first index that is not known to be synced.
    synced_below: LogIndex,
    buffer: Vec<u8>,
}

/// The segment that is appended to.
struct Active<F> {
    file: Arc<F>,
    name: String,
    position: u64,
    header: SegmentHeader,
    /// Something was written since the last sync.
    dirty: bool,
}

impl<F> Active<F> {
    /// The same as readers see it, before its first entry.
    fn as_table_segment(&self) -> TableSegment<F> {
        let (name, file, header) = (self.name.clone(), self.file.clone(), self.header);
        let places = Places::Memory(Offsets::default());
        TableSegment { header, name, file, end: self.position, places, sidecar_bytes: 0 }
    }
}

/// A segment's name: its first index in 16 hexadecimal digits.
pub(crate) fn segment_name(first: LogIndex) -> String {
    format!("{:016x}.seg", first.0)
}

/// A sidecar's name: that of its segment, with another end.
pub(crate) fn sidecar_name(first: LogIndex) -> String {
    format!("{:016x}.idx", first.0)
}

impl<D: Disk> Segments<D> {
    /// The last entry, synced or not; the one before the first if there is none.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        LogIndex(self.running.next.0 - 1)
    }

    /// The first entry that can be replayed.
    #[must_use]
    pub fn first(&self) -> LogIndex {
        self.table.read().floor
    }

    /// The epoch of the last entry.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.running.epoch
    }

    /// Whether something was written and not synced.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.active.dirty
    }

    /// A handle for reading entries back. It sees those up to [`Segments::commit`].
    #[must_use]
    pub fn reader(&self) -> Reader<D> {
        Reader::new(self.table.clone(), self.options.log)
    }

    /// Lets readers see the entries up to `index`.
    pub fn commit(&mut self, index: LogIndex) {
        self.table.write().commit(index);
    }

    /// The bytes that the segment in use still has, entry headers included.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        self.active.header.file_bytes - self.active.position
    }

    /// What others than the writer do with the store, from any thread.
    #[must_use]
    pub fn upkeep(&self) -> Upkeep<D> {
        Upkeep::new(self.reader(), self.keeper.clone(), self.spare.clone())
    }

    pub(crate) fn keeper(&self) -> &Arc<Keeper<D>> {
        &self.keeper
    }

    pub(crate) fn spare(&self) -> &Arc<Spare<D>> {
        &self.spare
    }

    /// Does one step of the background's work: removes a segment that is not needed, or makes the next one ready. `false` if
    /// there is nothing to do (or no room).
    ///
    /// # Errors
    /// The disk failed otherwise than by being full.
    pub fn fill(&mut self) -> Result<bool, LogError> {
        if self.keeper.step()? {
            return Ok(true);
        }
        if self.spare.ready_bytes() > 0 && !self.spare.is_full() {
            return Ok(false);
        }
        Ok(self.spare.fill()? != Fill::NoRoom)
    }

    /// Appends as many of the entries as fit into one segment, in one write, and rolls before if not even the first fits.
    ///
    /// # Errors
    /// The disk failed; the store must not be used again.
    ///
    /// # Panics
    /// If a payload is longer than an entry can be.
    pub fn append(&mut self, group: &[Append<'_>]) -> Result<Appended, LogError> {
        let Some(first) = group.first() else { return Ok(Appended::Entries(0)) };
        let extent = entry_extent(first.payload.len() as u64);
        let need = if first.kind == EntryKind::Fence { Need::Must } else { Need::May };
        if extent > self.room_bytes() && !self.roll(extent, need)? {
            return Ok(Appended::NoRoom);
        }
        let start = self.active.position;
        let mut offsets = Vec::new();
        self.buffer.clear();
        for entry in group {
            let offset = start + self.buffer.len() as u64;
            if offset + entry_extent(entry.payload.len() as u64) > self.active.header.file_bytes {
                break;
            }
            let Running { next: index, chain, .. } = self.running;
            let &Append { epoch, kind, payload } = entry;
            let new = NewEntry { kind, index, epoch, chain, synced_below: self.synced_below, payload };
            let chain = encode_entry(self.options.log, &new, offset, &mut self.buffer);
            self.running = Running { next: index.next(), epoch, chain };
            offsets.push(offset);
        }
        let bytes = self.buffer.len() as u64;
        self.spare.keep_up(bytes, start + bytes, self.active.header.file_bytes)?;
        self.active.dirty = true;
        self.active.position += bytes;
        let written = self.active.file.write_all_at(&self.buffer, start);
        written.doing(|| format!("appending to {}", self.active.name))?;
        // A rare large group does not keep its memory.
        self.buffer.shrink_to(1024 * 1024);
        let mut table = self.table.write();
        if let Some(segment) = table.segments.back_mut() {
            if let Places::Memory(places) = &mut segment.places {
                offsets.iter().for_each(|offset| places.push(*offset));
            }
            segment.end = self.active.position;
        }
        Ok(Appended::Entries(offsets.len()))
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// The disk failed; the store must not be used again, and this not tried again.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if !self.active.dirty {
            return Ok(());
        }
        if !fault::on(Fault::DropSync) {
            let mut synced = self.active.file.sync();
            if synced.is_err() && fault::on(Fault::RetryFailedSync) {
                synced = self.active.file.sync();
            }
            synced.doing(|| format!("syncing {}", self.active.name))?;
        }
        self.active.dirty = false;
        self.synced_below = self.running.next;
        Ok(())
    }

    /// Goes on in a new segment with room for an entry of that extent; `false` if the disk is full.
    fn roll(&mut self, extent: u64, need: Need) -> Result<bool, LogError> {
        self.sync()?;
        let made = make_segment(&self.disk, &self.dir, &self.options, &self.spare, self.running, extent, need)?;
        let Some(active) = made else { return Ok(false) };
        let before = self.active.header.first;
        {
            let mut table = self.table.write();
            if before == self.running.next {
                // One without entries, too small for the first: the new one has its name and its place.
                table.segments.pop_back();
            }
            table.segments.push_back(active.as_table_segment());
        }
        if before < self.running.next {
            self.keeper.has_ended(Sealed { first: before, running: self.running });
        }
        self.active = active;
        Ok(true)
    }

    fn damage_at(&self, offset: u64, what: &str) -> LogError {
        damaged(&self.active.name, offset, what)
    }
}

/// Turns the spare into the segment that goes on after `running`; `None` if the disk is full.
fn make_segment<D: Disk>(
    disk: &D,
    dir: &std::path::Path,
    options: &Options,
    spare: &Spare<D>,
    running: Running,
    extent: u64,
    need: Need,
) -> Result<Option<Active<D::File>>, LogError> {
    let name = segment_name(running.next);
    let Running { next: first, epoch, chain } = running;
    spare.take(SEGMENT_HEADER_BYTES + extent, need, |file, file_bytes| {
        let header = SegmentHeader { file_bytes, first, epoch, chain, log: options.log };
        let make = || {
            file.write_all_at(&encode_segment_header(&header), 0)?;
            // The header is durable before the name is, so a segment without one is damaged.
            file.sync()?;
            disk.rename(&dir.join(SPARE_NAME), &dir.join(&name))?;
            if fault::on(Fault::SkipDirSync) { Ok(()) } else { disk.sync_dir(dir) }
        };
        make().doing(|| format!("making the segment {name}"))?;
        Ok(Active { file: Arc::new(file), name, position: SEGMENT_HEADER_BYTES, header, dirty: false })
    })
}
