//! One open body file.

use crate::{
    error::ShelfReadError,
    format::{decode_frame, frame_bytes},
    names::installed_name,
    source::read,
    table::{Place, Table, key},
};
use bytes::Bytes;
use evenkeel_disk::DiskFile;
use evenkeel_types::BodyRef;

/// An open file and its sparse table. It stays readable when its name is gone.
#[derive(Debug)]
pub(crate) struct BodyFile<F> {
    pub(crate) file: F,
    pub(crate) table: Table,
}

impl<F: DiskFile> BodyFile<F> {
    pub(crate) fn name(&self) -> String {
        installed_name(self.table.range)
    }

    /// The places of the group that would hold the body; empty if none would.
    pub(crate) fn group_places(&self, body: BodyRef) -> Result<Vec<Place>, ShelfReadError> {
        let Some(group) = self.table.group_of(key(body)) else { return Ok(Vec::new()) };
        self.table.read_places(&self.file, group).map_err(|flaw| flaw.reading(&self.name()))
    }

    /// The body among the places of its group.
    pub(crate) fn place(&self, places: &[Place], body: BodyRef) -> Result<Place, ShelfReadError> {
        let found = places.binary_search_by_key(&key(body), |place| key(place.body)).ok();
        let place = *found.and_then(|found| places.get(found)).ok_or(ShelfReadError::NotThere(body))?;
        if place.body.bytes != body.bytes {
            let what = format!(
                "the body of entry {}, offset {}, has {} bytes where {} are looked for",
                body.index, body.offset, place.body.bytes, body.bytes
            );
            return Err(ShelfReadError::Damaged { file: self.name(), offset: place.at, what });
        }
        Ok(place)
    }

    pub(crate) fn read(&self, body: BodyRef) -> Result<Bytes, ShelfReadError> {
        let place = self.place(&self.group_places(body)?, body)?;
        let frame = read(&self.file, place.at, frame_bytes(body.bytes));
        frame.and_then(|frame| decode_frame(&frame, body, place.at)).map_err(|flaw| flaw.reading(&self.name()))
    }

    /// Reads bytes that hold the frames of several bodies.
    pub(crate) fn read_piece(&self, start: u64, end: u64) -> Result<Bytes, ShelfReadError> {
        read(&self.file, start, end.saturating_sub(start)).map_err(|flaw| flaw.reading(&self.name()))
    }
}
