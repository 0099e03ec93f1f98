//! What was durable and is not what it was must be found, named and left alone.

use super::harness::{bodies, bytes_of, carry, contents, folder, open, path};
use evenkeel_bodies::{FileState, Scanned, Shelf, ShelfError, ShelfReadError, scan_body_file_bytes, verify};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use xxhash_rust::xxh3::xxh3_64;

/// A disk with one small file of three groups, and the length of it.
fn ready() -> (MemDisk, u64) {
    let disk = MemDisk::new(0);
    let extent = carry(&open(&disk).0, 1, 50, &bodies(2, 46)).unwrap().unwrap();
    assert_eq!(extent.bodies, 135);
    (disk, extent.bytes)
}

fn state(disk: &MemDisk) -> FileState {
    let mut verified = verify(disk, folder(), |_| {}).unwrap();
    assert_eq!(verified.files.len(), 1);
    let sound = verified.is_sound();
    let state = verified.files.remove(0).state;
    assert_eq!(matches!(state, FileState::Sound(_)), sound);
    state
}

pub(crate) fn every_flipped_bit_is_found_by_a_check_of_all_bytes() {
    let (disk, len) = ready();
    assert!(matches!(state(&disk), FileState::Sound(_)));
    let mut bytes = disk.contents(&path(1, 50)).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let scanned = scan_body_file_bytes(&bytes);
            assert!(matches!(scanned, Scanned::Damaged(_)), "byte {at} bit {bit}: {scanned:?}");
            bytes[at] ^= 1 << bit;
        }
    }
    for at in (0..len).step_by(97) {
        disk.flip_bit(&path(1, 50), at, 3).unwrap();
        assert!(matches!(state(&disk), FileState::Damaged(_)), "byte {at}");
        disk.flip_bit(&path(1, 50), at, 3).unwrap();
    }
    assert!(matches!(state(&disk), FileState::Sound(_)));
}

pub(crate) fn every_flipped_bit_is_found_when_opening_or_reading_and_never_served() {
    let (ready, len) = ready();
    let name = "0000000000000001-0000000000000032.bodies";
    let (mut at_open, mut at_read) = (0, 0);
    for at in 0..len {
        let disk = ready.fork(at);
        disk.flip_bit(&path(1, 50), at, u8::try_from(at % 8).unwrap()).unwrap();
        let shelf = match Shelf::open(disk, folder()) {
            Ok((shelf, _)) => shelf,
            Err(ShelfError::Damaged { file, .. }) => {
                assert_eq!(file, name);
                at_open += 1;
                continue;
            }
            Err(error) => panic!("byte {at}: {error}"),
        };
        let reader = shelf.reader();
        let wanted = bodies(2, 46);
        let mut found = 0;
        for (many, body) in reader.read_many(&wanted).into_iter().zip(&wanted) {
            for read in [many, reader.read(*body)] {
                match read {
                    Ok(bytes) => assert!(bytes == bytes_of(*body), "byte {at}: damage is served"),
                    Err(ShelfReadError::Damaged { file, .. }) => {
                        assert_eq!(file, name);
                        found += 1;
                    }
                    Err(error) => panic!("byte {at}: {error}"),
                }
            }
        }
        assert!(found > 0, "byte {at}: nobody noticed");
        let streamed: Vec<_> = shelf.pin().bodies(wanted[0].index, wanted[134].index, None).collect();
        assert!(matches!(streamed.last(), Some(Err(ShelfReadError::Damaged { .. }))), "byte {at}");
        at_read += 1;
    }
    assert!(at_open > 512 + 64 && at_read > 10_000, "{at_open} {at_read}");
}

pub(crate) fn a_truncated_file_is_found() {
    let (ready, len) = ready();
    let shelf = open(&ready).0;
    for cut in (0..len).step_by(61).chain(len - 70..len).chain(len + 1..len + 66) {
        let disk = ready.fork(cut);
        disk.truncate(&path(1, 50), cut).unwrap();
        assert!(matches!(state(&disk), FileState::Damaged(_)), "cut to {cut}");
        assert!(matches!(Shelf::open(disk, folder()), Err(ShelfError::Damaged { .. })), "cut to {cut}");
    }
    // Cut while it is open.
    ready.truncate(&path(1, 50), 600).unwrap();
    let reader = shelf.reader();
    assert!(bodies(2, 46).iter().all(|body| matches!(reader.read(*body), Err(ShelfReadError::Damaged { .. }))));
    assert!(reader.read_many(&bodies(2, 46)).iter().all(|read| matches!(read, Err(ShelfReadError::Damaged { .. }))));
    // Lost, with the handle open: it goes on; opened anew it is not known that there ever was one.
    ready.lose(&path(1, 50)).unwrap();
    assert!(open(&ready).0.extents().is_empty());
}

pub(crate) fn a_file_under_another_name_is_damage() {
    for (first, last) in [(1, 60), (2, 50), (1, 49)] {
        let (disk, _) = ready();
        disk.rename(&path(1, 50), &path(first, last)).unwrap();
        assert!(matches!(state(&disk), FileState::Damaged(_)));
        assert!(matches!(Shelf::open(disk, folder()), Err(ShelfError::Damaged { offset: 24, .. })));
    }
    let (disk, _) = ready();
    disk.rename(&path(1, 50), &folder().join("1-50.bodies")).unwrap();
    assert!(matches!(state(&disk), FileState::Damaged(_)));
    assert!(matches!(Shelf::open(disk, folder()), Err(ShelfError::Damaged { .. })));
}

/// Puts a body file of a range where the shelf would never have put it.
fn smuggle(disk: &MemDisk, first: u64, last: u64) {
    let other = MemDisk::new(9);
    carry(&open(&other).0, first, last, &bodies(first, last)).unwrap();
    let file = disk.open(&path(first, last), OpenMode::CreateNew).unwrap();
    file.write_all_at(&other.contents(&path(first, last)).unwrap(), 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(folder()).unwrap();
}

pub(crate) fn files_that_overlap_in_part_are_damage() {
    for (first, last) in [(50, 60), (51, 60), (30, 70), (1, 50), (1, 51), (10, 20), (60, 80)] {
        let (disk, _) = ready();
        if (first, last) != (1, 50) {
            smuggle(&disk, first, last);
        }
        let partial = matches!((first, last), (50, 60) | (30, 70));
        let before = contents(&disk);
        match Shelf::open(disk.clone(), folder()) {
            Ok((shelf, report)) => {
                assert!(!partial, "{first}..={last}");
                let expected = match (first, last) {
                    (51, 60) | (60, 80) => (2, 0),
                    (1, 50) => (1, 0),
                    _ => (1, 1),
                };
                assert_eq!((shelf.extents().len(), report.leftovers.len()), expected, "{first}..={last}");
                let wide = shelf.extents()[0];
                assert_eq!(wide.last.0, if last == 51 { 51 } else { 50 }, "the wider one stays");
            }
            Err(ShelfError::Damaged { .. }) => {
                assert!(partial, "{first}..={last}");
                assert!(!verify(&disk, folder(), |_| {}).unwrap().is_sound());
                assert_eq!(contents(&disk), before);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn a_newer_format_is_refused_by_name() {
    let (disk, _) = ready();
    let mut bytes = disk.contents(&path(1, 50)).unwrap();
    bytes[16] = 2;
    let checksum = xxh3_64(&bytes[8..512]);
    bytes[..8].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(scan_body_file_bytes(&bytes), Scanned::TooNew(2));
    disk.open(&path(1, 50), OpenMode::ReadWrite).unwrap().write_all_at(&bytes, 0).unwrap();
    assert_eq!(state(&disk), FileState::TooNew(2));
    assert!(matches!(Shelf::open(disk, folder()), Err(ShelfError::TooNew { found: 2, supported: 1, .. })));
}

pub(crate) fn damage_changes_nothing() {
    let (disk, _) = ready();
    smuggle(&disk, 10, 20);
    let unfinished = folder().join("0000000000000090-0000000000000099.unfinished");
    disk.open(&unfinished, OpenMode::CreateNew).unwrap().write_all_at(b"half", 0).unwrap();
    disk.open(&folder().join("notes.txt"), OpenMode::CreateNew).unwrap();
    disk.flip_bit(&path(1, 50), 9, 0).unwrap();
    let before = contents(&disk);
    assert_eq!(before.len(), 4);
    assert!(matches!(Shelf::open(disk.clone(), folder()), Err(ShelfError::Damaged { .. })));
    assert_eq!(contents(&disk), before, "the narrower file may be what helps");
    disk.flip_bit(&path(1, 50), 9, 0).unwrap();
    let (_, report) = open(&disk);
    assert_eq!((report.unfinished.len(), report.leftovers.len()), (1, 1));
    let names: Vec<_> = contents(&disk).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0000000000000001-0000000000000032.bodies", "notes.txt"]);
}
