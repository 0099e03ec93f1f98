//! What removes entries that are not wanted: truncation, and the reset to a snapshot.

use super::{
    Segments, make_segment,
    open::{remove_segments, remove_sidecars, zero_rubbish},
};
use crate::{
    error::Doing,
    fault::{self, Fault},
    format::EntryHeader,
    intent::{self, Intent},
    limits::ENTRY_EXTENT_MIN,
    places::{Offsets, Places},
    scan::{Last, Running, read_header, scan},
    spare::Need,
    table::TableSegment,
    window::Window,
};
use evenkeel_disk::Disk;
use evenkeel_log::{IndexRanges, LogError};
use evenkeel_types::{Epoch, LogIndex};

impl<D: Disk> Segments<D> {
    /// Sees to it that [`Segments::truncate_after`] and [`Segments::reset_to`] find room for what they write down first, however full the disk is
    /// then. `false` if it is full now. For a log that others may contradict; one that is alone is never truncated.
    ///
    /// # Errors
    /// The disk failed otherwise than by being full.
    pub fn keep_room_for_intents(&self) -> Result<bool, LogError> {
        intent::keep_room(&self.disk, &self.dir)
    }

    /// Removes all entries after `index`, durably.
    ///
    /// # Errors
    /// `index` is not in the log, or the disk failed.
    pub fn truncate_after(&mut self, index: LogIndex) -> Result<(), LogError> {
        if index > self.last() || index.next() < self.first() {
            return Err(LogError::Misuse("a log is truncated after one of its entries"));
        }
        // What stays must be durable before the intent says that it is.
        self.sync()?;
        let keeper = self.keeper.clone();
        let _held_off = keeper.busy();
        let intent = Intent::Truncate { after: index };
        if !fault::on(Fault::SkipIntent) {
            intent.write(&self.disk, &self.dir, self.options.log)?;
        }
        loop {
            let first = {
                let mut table = self.table.write();
                table.committed = table.committed.min(index);
                match table.segments.back() {
                    Some(segment) if segment.first() > index.next() => {}
                    _ => break,
                }
                match table.segments.pop_back() {
                    Some(segment) => segment.first(),
                    None => break,
                }
            };
            remove_segments(&self.disk, &self.dir, std::iter::once(first))?;
        }
        // Those of segments that are gone, and of the one that will be written again.
        let in_use = self.table.read().segments.back().map_or(LogIndex(1), TableSegment::first);
        keeper.forget_sealed(in_use);
        remove_sidecars(&self.disk, &self.dir, |first| first >= in_use)?;
        let (name, file) = match self.table.read().segments.back() {
            Some(segment) => (segment.name.clone(), segment.file.clone()),
            None => return Err(LogError::Misuse("a log has at least one segment")),
        };
        self.active.name.clone_from(&name);
        let mut window = Window::new(&*file).doing(|| format!("reading {name}"))?;
        let mut offsets = Offsets::default();
        let scanned = read_header(&mut window).and_then(|header| {
            let visit = &mut |_: &EntryHeader, offset, _: &[u8]| offsets.push(offset);
            Ok((scan(&mut window, &header, Last::Until(index), visit)?, header))
        });
        let (end, header) = scanned.map_err(|error| super::open::named(error, &name))?;
        if let Some(segment) = self.table.write().segments.back_mut() {
            segment.places = Places::Memory(offsets);
            segment.sidecar_bytes = 0;
            segment.end = end.position;
        }
        zero_rubbish(&*file, &name, &end)?;
        self.active.file = file;
        self.active.position = end.position;
        self.active.header = header;
        self.running = end.running;
        self.synced_below = end.running.next;
        if fault::on(Fault::SkipIntent) { Ok(()) } else { intent::forget(&self.disk, &self.dir) }
    }

    /// Throws all entries away and goes on after `at`, which is of `epoch`.
    ///
    /// # Errors
    /// The disk failed, or is full even so.
    pub fn reset_to(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        let keeper = self.keeper.clone();
        let _held_off = keeper.busy();
        keeper.forget_sealed(LogIndex::ZERO);
        let intent = Intent::Reset { at, epoch };
        if !fault::on(Fault::SkipIntent) {
            intent.write(&self.disk, &self.dir, self.options.log)?;
        }
        let removed: Vec<_> = {
            let mut table = self.table.write();
            table.committed = LogIndex::ZERO;
            table.segments.drain(..).map(|segment| segment.first()).collect()
        };
        remove_segments(&self.disk, &self.dir, removed.into_iter().rev())?;
        remove_sidecars(&self.disk, &self.dir, |_| true)?;
        self.running = Running { next: at.next(), epoch, chain: 0 };
        self.synced_below = self.running.next;
        let made = make_segment(
            &self.disk,
            &self.dir,
            &self.options,
            &self.spare,
            self.running,
            ENTRY_EXTENT_MIN,
            Need::Must,
        )?;
        let Some(active) = made else {
            return Err(self.damage_at(0, "the disk is full, even for the first segment after a snapshot"));
        };
        let segment = active.as_table_segment();
        self.active = active;
        {
            let mut table = self.table.write();
            table.segments.push_back(segment);
            table.committed = at;
            table.floor = at.next();
            table.released = IndexRanges::default();
        }
        if fault::on(Fault::SkipIntent) { Ok(()) } else { intent::forget(&self.disk, &self.dir) }
    }
}
