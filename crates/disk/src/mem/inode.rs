//! One file's contents: what reads see, and what a power cut may bring back.
//!
//! Only the current bytes are kept whole. For each sector written since the last sync, the
//! earlier images are kept beside them, oldest (the durable one) first. A sync drops the images; a
//! power cut picks one of them or the current bytes, for each sector.

use super::{SECTOR_BYTES, random::Random};
use std::collections::BTreeMap;

type Sector = [u8; SECTOR_BYTES];

#[derive(Clone, Debug)]
struct Unsynced {
    /// What the sector held before each pending write; the first is what the medium holds.
    images: Vec<Sector>,
    /// A sync of it failed: the page counts as clean and the medium was never told.
    dropped: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    bytes: Vec<u8>,
    unsynced: BTreeMap<usize, Unsynced>,
    /// Lengths before each pending change of it; the first is the durable one.
    lens: Vec<usize>,
    /// Open handles; the file goes when it has neither a name nor a handle.
    pub(super) handles: usize,
}

impl Inode {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: usize) -> Option<()> {
        let end = offset.checked_add(buffer.len())?;
        buffer.copy_from_slice(self.bytes.get(offset..end)?);
        Some(())
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        self.remember(offset, end, Some(bytes));
        if end > self.bytes.len() {
            self.lens.push(self.bytes.len());
            self.bytes.resize(end, 0);
        }
        if let Some(target) = self.bytes.get_mut(offset..end) {
            target.copy_from_slice(bytes);
        }
    }

    pub(super) fn set_len(&mut self, len: usize) {
        if len == self.bytes.len() {
            return;
        }
        if len < self.bytes.len() {
            self.remember(len, self.bytes.len(), None);
        }
        self.lens.push(self.bytes.len());
        self.bytes.resize(len, 0);
    }

    /// Keeps the images of the sectors that are about to change.
    fn remember(&mut self, start: usize, end: usize, new: Option<&[u8]>) {
        for number in start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let old = self.sector(number);
            // Zeros over zeros (a log's tail made ready ahead of use) are the same on every medium.
            let (from, to) = ((number * SECTOR_BYTES).max(start), ((number + 1) * SECTOR_BYTES).min(end));
            let same = |new: &[u8]| {
                new.get(from - start..to - start).is_some_and(|new| {
                    new == old.get(from % SECTOR_BYTES..).and_then(|o| o.get(..to - from)).unwrap_or(&[])
                })
            };
            if new.is_some_and(same) && !self.unsynced.contains_key(&number) {
                continue;
            }
            let entry = self.unsynced.entry(number).or_insert(Unsynced { images: Vec::new(), dropped: false });
            entry.images.push(old);
            entry.dropped = false;
        }
    }

    fn sector(&self, number: usize) -> Sector {
        let mut image = [0; SECTOR_BYTES];
        let start = (number * SECTOR_BYTES).min(self.bytes.len());
        let end = (start + SECTOR_BYTES).min(self.bytes.len());
        for (to, from) in image.iter_mut().zip(self.bytes.get(start..end).unwrap_or(&[])) {
            *to = *from;
        }
        image
    }

    fn put_sector(&mut self, number: usize, image: &Sector) {
        let start = (number * SECTOR_BYTES).min(self.bytes.len());
        let end = (start + SECTOR_BYTES).min(self.bytes.len());
        for (to, from) in self.bytes.get_mut(start..end).unwrap_or(&mut []).iter_mut().zip(image) {
            *to = *from;
        }
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.retain(|_, sector| sector.dropped);
        self.lens.clear();
    }

    /// The sync fails: some pending sectors reached the medium, and the rest are forgotten.
    pub(super) fn sync_fails(&mut self, random: &mut Random) {
        let mut reverted = Vec::new();
        for (&number, sector) in self.unsynced.iter_mut().filter(|(_, sector)| !sector.dropped) {
            let kept = random.below(sector.images.len());
            let image = sector.images.get(kept).copied().unwrap_or([0; SECTOR_BYTES]);
            sector.images = vec![image];
            sector.dropped = true;
            if random.coin() {
                reverted.push((number, image));
            }
        }
        for (number, image) in reverted {
            self.put_sector(number, &image);
            self.unsynced.remove(&number);
        }
    }

    /// The power goes: what is pending is kept or lost as `random` says, or all lost without it.
    pub(super) fn power_cut(&mut self, mut random: Option<&mut Random>) {
        let len = {
            let choice = random.as_mut().map_or(0, |random| random.below(self.lens.len() + 1));
            self.lens.get(choice).copied().unwrap_or(self.bytes.len())
        };
        for (number, sector) in std::mem::take(&mut self.unsynced) {
            let choice = match &mut random {
                Some(random) if !sector.dropped => random.below(sector.images.len() + 1),
                _ => 0,
            };
            if let Some(image) = sector.images.get(choice) {
                // The sector may lie beyond the present end and inside the length that came back.
                if (number + 1) * SECTOR_BYTES > self.bytes.len() && len > self.bytes.len() {
                    self.bytes.resize(len.min((number + 1) * SECTOR_BYTES).max(self.bytes.len()), 0);
                }
                self.put_sector(number, image);
            }
        }
        self.lens.clear();
        self.bytes.resize(len, 0);
    }

    /// Changes bytes behind the writer's back, on the medium and in the cache alike.
    pub(super) fn damage(&mut self, start: usize, end: usize, change: impl Fn(u8) -> u8) {
        for byte in self.bytes.iter_mut().take(end).skip(start) {
            *byte = change(*byte);
        }
        for (number, sector) in &mut self.unsynced {
            for (at, byte) in sector.images.iter_mut().flat_map(|image| image.iter_mut().enumerate()) {
                if (start..end).contains(&(number * SECTOR_BYTES + at)) {
                    *byte = change(*byte);
                }
            }
        }
    }

    /// Cuts the file on the medium: nothing of it is pending.
    pub(super) fn damage_len(&mut self, len: usize) {
        self.set_len(len);
        self.sync();
    }
}
