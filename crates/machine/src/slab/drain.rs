//! A checkpoint's way through a slab: every record that changed, as it was when the checkpoint began, in slices.
//!
//! Between slices the machine goes on. A record that is about to change again before it was written leaves its image
//! behind first. Images are written when their turn comes, so that everything comes in the order of slots.

use super::{PAGE_RECORDS, Record, Slab};
use std::collections::BTreeMap;

/// How far a checkpoint is.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// The page to go on with.
    page: usize,
    /// Records as they were when the checkpoint began, for those that changed since.
    images: Images,
}

/// Records as they were, by their slots.
pub(crate) type Images = BTreeMap<u32, Box<[u8]>>;

impl Drain {
    pub(super) fn keep(&mut self, slot: u32, image: Vec<u8>) {
        self.images.insert(slot, image.into_boxed_slice());
    }
}

/// What looking at a page without due records costs, in records.
const PAGE_COST: usize = 4;

impl<T: Record> Slab<T> {
    /// Begins a checkpoint: of what changed since the last one, or of everything. The last one is over.
    pub(crate) fn begin_drain(&mut self, whole: bool) {
        self.drain = Drain::default();
        self.turn = self.turn.next();
        self.changed = 0;
        if whole {
            for (page, marks) in self.pages.iter().zip(&mut self.marks) {
                marks.make_due(page.len(), self.turn);
            }
        }
    }

    /// How many records changed since the last checkpoint began.
    pub(crate) fn changed(&self) -> u64 {
        self.changed
    }

    /// Gives up the checkpoint: what it took counts as changed again. Returns the images that it needed.
    pub(crate) fn abandon_drain(&mut self) -> Images {
        self.changed = self.marks.iter_mut().map(|marks| u64::from(marks.take_back(self.turn))).sum();
        std::mem::take(&mut self.drain).images
    }

    /// Hands out due records, as they were when the checkpoint began, while `budget` lasts. True once that was all.
    pub(crate) fn drain(&mut self, budget: &mut usize, sink: &mut impl FnMut(u32, &[u8])) -> bool {
        let mut bytes = Vec::new();
        while let Some((page, marks)) = self.pages.get(self.drain.page).zip(self.marks.get_mut(self.drain.page)) {
            while let Some((at, imaged)) = marks.take_due(self.turn) {
                let slot = u32::try_from(self.drain.page * PAGE_RECORDS + at).expect("slots fit 32 bits");
                let image = if imaged { self.drain.images.remove(&slot) } else { None };
                if let Some(image) = image {
                    sink(slot, &image);
                } else if let Some(record) = page.get(at) {
                    bytes.clear();
                    record.encode(&mut bytes);
                    sink(slot, &bytes);
                }
                *budget -= 1;
                if *budget == 0 {
                    return false;
                }
            }
            self.drain.page += 1;
            *budget = budget.saturating_sub(PAGE_COST);
            if *budget == 0 {
                return false;
            }
        }
        true
    }
}
