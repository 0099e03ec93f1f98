//! Goes through a file's bodies in order, in large reads.

use crate::{
    error::{Flaw, damaged},
    format::{decode_frame, frame_bytes},
    limits::WINDOW_BYTES,
    source::{Source, read},
    table::{Key, Place, Table, key},
};
use bytes::Bytes;
use evenkeel_types::{BodyRef, LogIndex};

/// A place between two bodies of a file. It holds one block and one window: at most 1 MiB, or one body.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// The group whose block comes next.
    group: usize,
    places: std::vec::IntoIter<Place>,
    window_at: u64,
    window: Bytes,
}

impl Cursor {
    /// Before the first body.
    pub(crate) fn first() -> Self {
        Self::default()
    }

    /// Before the first body behind `after`.
    pub(crate) fn after(table: &Table, source: &impl Source, after: Key) -> Result<Self, Flaw> {
        let group = table.group_of(after).unwrap_or(0);
        let mut cursor = Self { group, ..Self::default() };
        let mut places = cursor.next_places(table, source)?;
        places.retain(|place| key(place.body) > after);
        cursor.places = places.into_iter();
        Ok(cursor)
    }

    /// The next body, or `None` at the end and before the first body of an entry behind `last`.
    pub(crate) fn next(
        &mut self,
        table: &Table,
        source: &impl Source,
        last: LogIndex,
    ) -> Result<Option<(BodyRef, Bytes)>, Flaw> {
        if self.places.as_slice().is_empty() && self.group < table.groups() {
            self.places = self.next_places(table, source)?.into_iter();
        }
        let Some(place) = self.places.next().filter(|place| place.body.index <= last) else { return Ok(None) };
        let bytes = frame_bytes(place.body.bytes);
        let frame = match self.windowed(place.at, bytes) {
            Some(frame) => frame,
            None => {
                let until = table.sparse_at.saturating_sub(place.at);
                self.window = read(source, place.at, bytes.max(WINDOW_BYTES).min(until.max(bytes)))?;
                self.window_at = place.at;
                match self.windowed(place.at, bytes) {
                    Some(frame) => frame,
                    None => return damaged(place.at, "the frame lies beyond the file"),
                }
            }
        };
        Ok(Some((place.body, decode_frame(&frame, place.body, place.at)?)))
    }

    /// Where the reading has come to.
    pub(crate) fn position(&self) -> u64 {
        self.window_at + self.window.len() as u64
    }

    fn next_places(&mut self, table: &Table, source: &impl Source) -> Result<Vec<Place>, Flaw> {
        let group = self.group;
        self.group += 1;
        match table.block_of(group).and_then(|(at, bytes)| self.windowed(at, bytes)) {
            Some(block) => table.places(group, &block),
            None => table.read_places(source, group),
        }
    }

    /// Bytes that the window holds.
    fn windowed(&self, at: u64, bytes: u64) -> Option<Bytes> {
        let start = usize::try_from(at.checked_sub(self.window_at)?).ok()?;
        let end = start.checked_add(usize::try_from(bytes).ok()?)?;
        (end <= self.window.len()).then(|| self.window.slice(start..end))
    }
}
