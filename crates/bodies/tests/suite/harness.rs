//! A shelf on a disk in memory, and bodies that tell from their reference what they must be.

use evenkeel_bodies::{Carry, Extent, OpenReport, Shelf, ShelfReadError, ShelfReader};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_types::{BodyRef, LogIndex};
use std::{
    io,
    path::{Path, PathBuf},
};

pub(super) type MemShelf = Shelf<MemDisk>;

pub(super) fn folder() -> &'static Path {
    Path::new("data/bodies")
}

pub(super) fn path(first: u64, last: u64) -> PathBuf {
    folder().join(format!("{first:016x}-{last:016x}.bodies"))
}

pub(super) fn open(disk: &MemDisk) -> (MemShelf, OpenReport) {
    Shelf::open(disk.clone(), folder()).unwrap()
}

/// A reference; the length follows from the place.
pub(super) fn body(index: u64, offset: u32) -> BodyRef {
    let bytes = match (index % 7 + u64::from(offset)) % 7 {
        0 => 0,
        1 => 700,
        n => u32::try_from(n).unwrap() * 9,
    };
    BodyRef { index: LogIndex(index), offset, bytes }
}

/// The bytes of any body: different for each, and known from its reference.
pub(super) fn bytes_of(body: BodyRef) -> Vec<u8> {
    let mut state = body.index.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(body.offset) << 7 | 1;
    let next = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 56) as u8
    };
    (0..body.bytes).map(next).collect()
}

/// Three bodies for each index of a range.
pub(super) fn bodies(first: u64, last: u64) -> Vec<BodyRef> {
    (first..=last).flat_map(|index| [body(index, 33), body(index, 900), body(index, 7000)]).collect()
}

pub(super) fn push_all<D: Disk>(carry: &mut Carry<D>, bodies: &[BodyRef]) -> io::Result<()> {
    bodies.iter().try_for_each(|body| carry.push(*body, &bytes_of(*body)))
}

pub(super) fn carry<D: Disk>(
    shelf: &Shelf<D>,
    first: u64,
    last: u64,
    bodies: &[BodyRef],
) -> io::Result<Option<Extent>> {
    let mut carry = shelf.begin(LogIndex(first), LogIndex(last))?;
    push_all(&mut carry, bodies)?;
    carry.finish()
}

pub(super) fn remove(shelf: &MemShelf, first: u64, last: u64) -> io::Result<()> {
    shelf.remove(LogIndex(first), LogIndex(last))
}

/// The ranges of all files.
pub(super) fn ranges<D: Disk>(shelf: &Shelf<D>) -> Vec<(u64, u64)> {
    shelf.extents().iter().map(|extent| (extent.first.0, extent.last.0)).collect()
}

pub(super) fn expect_there<D: Disk>(reader: &ShelfReader<D>, bodies: &[BodyRef], when: &str) {
    for body in bodies {
        match reader.read(*body) {
            Ok(bytes) => assert!(bytes == bytes_of(*body), "{when}: {body:?} has other bytes"),
            Err(error) => panic!("{when}: {body:?}: {error}"),
        }
    }
}

pub(super) fn expect_gone<D: Disk>(reader: &ShelfReader<D>, bodies: &[BodyRef], when: &str) {
    for body in bodies {
        let read = reader.read(*body);
        assert!(matches!(read, Err(ShelfReadError::NotThere(named)) if named == *body), "{when}: {body:?}");
    }
}

/// All files in the folder with their bytes.
pub(super) fn contents(disk: &MemDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list(folder()).unwrap();
    names.into_iter().map(|name| (name.clone(), disk.contents(&folder().join(&name)).unwrap())).collect()
}
