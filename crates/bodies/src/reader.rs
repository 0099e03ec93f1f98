//! Reads single bodies back, from any thread, while files come and go.

use crate::{
    error::ShelfReadError,
    format::decode_frame,
    limits::{COALESCE_BYTES_MAX, COALESCE_GAP_BYTES_MAX},
    shared::{Held, Shared},
    table::{Key, Place, key},
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_types::BodyRef;
use std::sync::Arc;

/// A handle for reading bodies. Clones share the open files.
pub struct ShelfReader<D: Disk> {
    shared: Arc<Shared<D>>,
}

impl<D: Disk> Clone for ShelfReader<D> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

/// Where a wanted body lies.
type Found<D> = Result<(Held<D>, Place), ShelfReadError>;

impl<D: Disk> ShelfReader<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>) -> Self {
        Self { shared }
    }

    /// The body, checked. Two reads: about 1 KiB of the file's table, and the body.
    ///
    /// # Errors
    /// [`ShelfReadError::NotThere`] if no file has it; the log may. Otherwise it is damaged or the disk failed.
    pub fn read(&self, body: BodyRef) -> Result<Bytes, ShelfReadError> {
        self.shared.find(body.index).ok_or(ShelfReadError::NotThere(body))?.read(body)
    }

    /// Several bodies, each as [`ShelfReader::read`] gives it, in the order asked for. Ascending ones that lie together
    /// cost one read of the table for each 64 and one read for each stretch of at most 1 MiB, whose memory they share.
    pub fn read_many(&self, bodies: &[BodyRef]) -> Vec<Result<Bytes, ShelfReadError>> {
        let mut known = None;
        let found: Vec<Found<D>> = bodies.iter().map(|body| self.find(*body, &mut known)).collect();
        let mut read = Vec::with_capacity(bodies.len());
        while let Some(first) = found.get(read.len()) {
            let (file, start) = match first {
                Ok((file, place)) => (file, place.at),
                Err(error) => {
                    read.push(Err(error.clone()));
                    continue;
                }
            };
            let rest = found.get(read.len()..).unwrap_or(&[]);
            let places = stretch::<D>(rest, file);
            let end = places.last().map_or(start, Place::end);
            let piece = file.read_piece(start, end);
            read.extend(places.iter().map(|place| {
                let piece = piece.clone()?;
                let at = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
                let frame = piece.slice(at(place.at)..at(place.end()));
                decode_frame(&frame, place.body, place.at).map_err(|flaw| flaw.reading(&file.name()))
            }));
        }
        read
    }

    /// Finds a body, by the block of the one before if it lies there too.
    fn find(&self, body: BodyRef, known: &mut Option<(Held<D>, Vec<Place>)>) -> Found<D> {
        let within = |places: &[Place], wanted: Key| {
            let ends = places.first().zip(places.last());
            ends.is_some_and(|(first, last)| key(first.body) <= wanted && wanted <= key(last.body))
        };
        if let Some((file, places)) = known
            && within(places, key(body))
        {
            return file.place(places, body).map(|place| (file.clone(), place));
        }
        let file = self.shared.find(body.index).ok_or(ShelfReadError::NotThere(body))?;
        let (file, places) = known.insert((file.clone(), file.group_places(body)?));
        file.place(places, body).map(|place| (file.clone(), place))
    }
}

/// The first places that are worth one read together: of one file, ascending, close by, not too much.
fn stretch<D: Disk>(found: &[Found<D>], file: &Held<D>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for next in found {
        let Ok((other, next)) = next else { break };
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            let close = next.at >= last.end() && next.at - last.end() <= COALESCE_GAP_BYTES_MAX;
            if !Arc::ptr_eq(file, other) || !close || next.end() - first.at > COALESCE_BYTES_MAX {
                break;
            }
        }
        places.push(*next);
    }
    places
}
