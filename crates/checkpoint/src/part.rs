//! A slice of a checkpoint on its way from the machine to the writer.

/// Bytes before each record: section, slot, length.
const HEAD_BYTES: usize = 9;

/// Records in memory, in ascending order of (section, slot).
///
/// Cheap to fill, since the machine's thread does it; the writer's thread packs them tighter. The order and
/// lengths are checked by [`crate::Checkpoints::append`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    bytes: Vec<u8>,
}

impl Part {
    /// An empty part with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Adds a record of at most [`crate::RECORD_BYTES_MAX`] bytes. It must be above all records of this
    /// checkpoint so far, those of earlier parts included.
    pub fn push(&mut self, section: u8, slot: u32, bytes: &[u8]) {
        // A record too long even to say so is refused by its length when it is appended.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let [s0, s1, s2, s3] = slot.to_le_bytes();
        let [l0, l1, l2, l3] = len.to_le_bytes();
        self.bytes.extend_from_slice(&[section, s0, s1, s2, s3, l0, l1, l2, l3]);
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes it takes in memory: those of the records and 9 for each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets its records and keeps its room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The records: section, slot, bytes. Ends early at a record too long to be there.
    pub(crate) fn records(&self) -> impl Iterator<Item = Option<(u8, u32, &[u8])>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let record = split(rest);
            rest = record.map_or(&[], |(_, rest)| rest);
            Some(record.map(|(record, _)| record))
        })
    }
}

type Record<'a> = (u8, u32, &'a [u8]);

fn split(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (&[section, s0, s1, s2, s3, l0, l1, l2, l3], rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
    let (bytes, rest) = rest.split_at_checked(len)?;
    Some(((section, u32::from_le_bytes([s0, s1, s2, s3]), bytes), rest))
}
