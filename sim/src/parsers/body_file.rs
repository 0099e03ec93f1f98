//! Any bytes as a body file: the bodies that were carried, or a refusal.

use super::seal;
use evenkeel_bodies::{Scanned, Shelf, scan_body_file_bytes};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_types::{BodyRef, LogIndex};
use std::path::Path;

const FOLDER: &str = "b";

/// Panics if reading them does, or if more is said to be there than there is room for.
pub fn judge(bytes: &[u8]) {
    for bytes in [bytes, &seal::body_file(bytes)] {
        if let Scanned::Sound(extent) = scan_body_file_bytes(bytes) {
            assert!(extent.first <= extent.last && extent.bytes == bytes.len() as u64);
            assert!(extent.bodies * 28 <= extent.bytes, "a body takes 28 bytes and more");
        }
    }
}

/// Body files: one body, one whole group, and more than two.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    [1, 64, 150].map(written).to_vec()
}

fn written(bodies: u64) -> Vec<u8> {
    let disk = MemDisk::new(1);
    let (shelf, _) = Shelf::open(disk.clone(), Path::new(FOLDER)).expect("a disk in memory");
    let mut carry = shelf.begin(LogIndex(10), LogIndex(10 + bodies)).expect("a disk in memory");
    for number in 0..bodies {
        let bytes = vec![7; usize::try_from(number % 50).unwrap_or(0)];
        let body = BodyRef {
            index: LogIndex(10 + number / 3),
            offset: 33 + 100 * u32::try_from(number % 3).unwrap_or(0),
            bytes: u32::try_from(bytes.len()).unwrap_or(0),
        };
        carry.push(body, &bytes).expect("in order");
    }
    carry.finish().expect("a disk in memory");
    let names = disk.list(Path::new(FOLDER)).expect("it is there");
    let name = names.first().expect("a body file");
    disk.contents(&Path::new(FOLDER).join(name)).expect("it is there")
}
