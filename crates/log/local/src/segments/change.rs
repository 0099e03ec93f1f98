//! What removes entries: trimming, truncation, and the reset to a snapshot.

use super::{
    Segments, make_segment,
    open::{forget_intent, remove_segments, zero_rubbish},
};
use crate::{
    error::Doing,
    fault::{self, Fault},
    intent::Intent,
    limits::ENTRY_EXTENT_MIN,
    scan::{Last, Running, read_header, scan},
    table::TableSegment,
    window::Window,
};
use evenkeel_disk::Disk;
use evenkeel_log::LogError;
use evenkeel_types::{Epoch, LogIndex};

impl<D: Disk> Segments<D> {
    /// Removes the segments that lie wholly below `floor`, the oldest first; never the one in use.
    ///
    /// # Errors
    /// The disk failed.
    pub fn trim(&mut self, floor: LogIndex) -> Result<(), LogError> {
        while self.trim_one(floor)? {}
        Ok(())
    }

    /// Removes the first segment if it lies wholly below `floor`: the work of [`Segments::trim`] in pieces. `false` if
    /// there was none.
    ///
    /// # Errors
    /// The disk failed.
    pub fn trim_one(&mut self, floor: LogIndex) -> Result<bool, LogError> {
        let extra = usize::from(fault::on(Fault::TrimTooFar));
        let first = {
            let mut table = self.table.write();
            match table.segments.get(1) {
                Some(second) if second.first <= floor || extra > 0 && table.segments.len() > 2 => {}
                _ => return Ok(false),
            }
            // First out of the readers' sight, then off the disk. Who reads it now keeps it open.
            match table.segments.pop_front() {
                Some(segment) => segment.first,
                None => return Ok(false),
            }
        };
        remove_segments(&self.disk, &self.dir, std::iter::once(first))?;
        Ok(true)
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
        let intent = Intent::Truncate { after: index };
        if !fault::on(Fault::SkipIntent) {
            intent.write(&self.disk, &self.dir, self.options.log)?;
        }
        loop {
            let first = {
                let mut table = self.table.write();
                table.committed = table.committed.min(index);
                match table.segments.back() {
                    Some(segment) if segment.first > index.next() => {}
                    _ => break,
                }
                match table.segments.pop_back() {
                    Some(segment) => segment.first,
                    None => break,
                }
            };
            remove_segments(&self.disk, &self.dir, std::iter::once(first))?;
        }
        let (name, file) = {
            let mut table = self.table.write();
            let Some(segment) = table.segments.back_mut() else {
                return Err(LogError::Misuse("a log has at least one segment"));
            };
            segment.keep_until(index);
            (segment.name.clone(), segment.file.clone())
        };
        self.active.name.clone_from(&name);
        let mut window = Window::new(&*file).doing(|| format!("reading {name}"))?;
        let scanned = read_header(&mut window).and_then(|header| {
            Ok((scan(&mut window, &header, Last::Until(index), &mut |_, _| {})?, header.file_bytes))
        });
        let (end, file_bytes) = scanned.map_err(|error| super::open::named(error, &name))?;
        zero_rubbish(&*file, &name, &end)?;
        self.active.file = file;
        self.active.position = end.position;
        self.active.file_bytes = file_bytes;
        self.running = end.running;
        self.synced_below = end.running.next;
        if fault::on(Fault::SkipIntent) { Ok(()) } else { forget_intent(&self.disk, &self.dir) }
    }

    /// Throws all entries away and goes on after `at`, which is of `epoch`.
    ///
    /// # Errors
    /// The disk failed, or is full even so.
    pub fn reset_to(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        let intent = Intent::Reset { at, epoch };
        if !fault::on(Fault::SkipIntent) {
            intent.write(&self.disk, &self.dir, self.options.log)?;
        }
        let removed: Vec<_> = {
            let mut table = self.table.write();
            table.committed = LogIndex::ZERO;
            table.segments.drain(..).map(|segment| segment.first).collect()
        };
        remove_segments(&self.disk, &self.dir, removed.into_iter().rev())?;
        self.running = Running { next: at.next(), epoch, chain: 0 };
        self.synced_below = self.running.next;
        let made = make_segment(&self.disk, &self.dir, &self.options, &self.spare, self.running, ENTRY_EXTENT_MIN)?;
        let Some(active) = made else {
            return Err(self.damage_at(0, "the disk is full, even for the first segment after a snapshot"));
        };
        let segment = TableSegment::new(self.running.next, active.name.clone(), active.file.clone());
        self.active = active;
        {
            let mut table = self.table.write();
            table.segments.push_back(segment);
            table.committed = at;
        }
        if fault::on(Fault::SkipIntent) { Ok(()) } else { forget_intent(&self.disk, &self.dir) }
    }
}
