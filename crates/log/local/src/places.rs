//! Where the entries of one segment lie: in memory, or in its sidecar.

use crate::{
    limits::{ALIGN_BYTES, ENTRY_EXTENT_MIN, OFFSETS_KEPT_MAX, SEGMENT_HEADER_BYTES},
    sidecar::{BLOCK_BYTES, BLOCK_ENTRIES, SIDECAR_HEADER_BYTES, decode_block},
};
use evenkeel_disk::DiskFile;
use std::{io, sync::Arc};

/// Where each entry of a segment begins, in units of `ALIGN_BYTES`: four bytes of memory per entry. 0 is one that was not
/// found when a damaged segment was walked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets(Vec<u32>);

impl Offsets {
    pub(crate) fn new(offsets: Vec<u32>) -> Self {
        Self(offsets)
    }

    pub(crate) fn push(&mut self, offset: u64) {
        // Segments are at most 16 GiB long, far below 2^32 times 64.
        self.0.push(u32::try_from(offset / ALIGN_BYTES).unwrap_or(u32::MAX));
    }

    /// Places the entry of that number; those before it that are missing were not found.
    pub(crate) fn place(&mut self, number: u64, offset: u64) {
        // Each one before it takes this much at least, so a number beyond cannot be.
        let possible = number <= offset.saturating_sub(SEGMENT_HEADER_BYTES) / ENTRY_EXTENT_MIN;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if possible && number >= self.0.len() {
            self.0.resize(number, 0);
            self.push(offset);
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Makes it so many entries; the new ones were not found.
    pub(crate) fn pad(&mut self, entries: u64) {
        self.0.resize(usize::try_from(entries).unwrap_or(usize::MAX).max(self.0.len()), 0);
    }

    pub(crate) fn truncate(&mut self, entries: u64) {
        self.0.truncate(usize::try_from(entries).unwrap_or(usize::MAX));
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.0
    }

    pub(crate) fn find(&self, number: u64) -> Option<u64> {
        self.0.get(usize::try_from(number).ok()?).map(|offset| u64::from(*offset) * ALIGN_BYTES)
    }
}

/// The sidecar of a sealed segment, open for looking entries up.
pub(crate) struct SidecarFile<F> {
    pub(crate) file: F,
    pub(crate) name: String,
    /// The checksum of its header, which seeds those of its blocks.
    pub(crate) seed: u64,
    pub(crate) entries: u64,
}

impl<F: DiskFile> SidecarFile<F> {
    /// Where an entry and the next one begin, by one read; 0 for one that is not there. `None` if the sidecar does not check.
    pub(crate) fn find(&self, number: u64) -> io::Result<Option<(u64, u64)>> {
        let block = number / BLOCK_ENTRIES;
        let two = number % BLOCK_ENTRIES == BLOCK_ENTRIES - 1 && number + 1 < self.entries;
        let mut bytes = [0; 128];
        let (wanted, _) = bytes.split_at_mut(if two { 128 } else { 64 });
        match self.file.read_exact_at(wanted, SIDECAR_HEADER_BYTES + block * BLOCK_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut offsets = [0; 30];
        let blocks = (block..).zip(wanted.chunks(64));
        for ((number, bytes), offsets) in blocks.zip(offsets.chunks_mut(15)) {
            let Some(found) = decode_block(self.seed, number, bytes) else { return Ok(None) };
            offsets.iter_mut().zip(found).for_each(|(to, from)| *to = from);
        }
        let at = usize::try_from(number % BLOCK_ENTRIES).unwrap_or(usize::MAX);
        let offset = |at: usize| offsets.get(at).map_or(0, |offset| u64::from(*offset) * ALIGN_BYTES);
        Ok(Some((offset(at), offset(at + 1))))
    }
}

/// Where the entries of a segment lie.
pub(crate) enum Places<F> {
    Memory(Offsets),
    Sidecar(Arc<SidecarFile<F>>),
}

/// Where an entry lies, as far as memory tells.
pub(crate) enum Spot<F> {
    /// Where it begins, and where the next one does (0 if that is not known).
    At(u64, u64),
    /// To be looked up: the entry of this number.
    Ask(Arc<SidecarFile<F>>, u64),
}

impl<F> Places<F> {
    /// Those of a sealed segment: in memory if they are few.
    pub(crate) fn sealed(offsets: Offsets, sidecar: SidecarFile<F>) -> Self {
        if offsets.len() > OFFSETS_KEPT_MAX { Self::Sidecar(Arc::new(sidecar)) } else { Self::Memory(offsets) }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(offsets) => offsets.len(),
            Self::Sidecar(sidecar) => sidecar.entries,
        }
    }

    pub(crate) fn find(&self, number: u64) -> Option<Spot<F>> {
        match self {
            Self::Memory(offsets) => Some(Spot::At(offsets.find(number)?, offsets.find(number + 1).unwrap_or(0))),
            Self::Sidecar(sidecar) => (number < sidecar.entries).then(|| Spot::Ask(sidecar.clone(), number)),
        }
    }
}
