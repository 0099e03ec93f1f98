//! What the shelf is for: bodies in, bodies out, files replaced and removed.

use super::harness::{
    bodies, body, bytes_of, carry, expect_gone, expect_there, folder, open, path, push_all, ranges, remove,
};
use evenkeel_bodies::{FileState, Shelf, ShelfReadError, verify};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode, RealDisk};
use evenkeel_types::{BodyRef, LogIndex};
use std::{
    io::ErrorKind,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

pub(crate) fn bodies_come_back_and_others_are_not_there() {
    let disk = MemDisk::new(0);
    let (shelf, report) = open(&disk);
    assert_eq!(report, evenkeel_bodies::OpenReport::default());
    carry(&shelf, 101, 200, &bodies(110, 190)).unwrap();
    carry(&shelf, 10, 50, &bodies(10, 50)).unwrap();
    drop(shelf);
    let (shelf, report) = open(&disk);
    assert_eq!((report.files, report.bodies), (2, 41 * 3 + 81 * 3));
    assert_eq!(report.bytes, shelf.extents().iter().map(|extent| extent.bytes).sum::<u64>());
    assert_eq!(ranges(&shelf), [(10, 50), (101, 200)]);
    let reader = shelf.reader();
    expect_there(&reader, &bodies(10, 50), "first file");
    expect_there(&reader, &bodies(110, 190), "second file");
    let gone = [body(9, 33), body(51, 33), body(101, 33), body(191, 33), body(201, 33), body(120, 34), body(110, 0)];
    expect_gone(&reader, &gone, "never there");
    expect_gone(&reader, &[body(0, 0), body(u64::MAX, u32::MAX)], "at the ends");
    let other = BodyRef { bytes: 1, ..body(20, 33) };
    assert!(matches!(reader.read(other), Err(ShelfReadError::Damaged { .. })), "of another length");
}

pub(crate) fn misuse_is_refused_and_the_carry_goes_on() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let mut carry = shelf.begin(LogIndex(5), LogIndex(10)).unwrap();
    carry.push(body(6, 50), &bytes_of(body(6, 50))).unwrap();
    let long = BodyRef { index: LogIndex(8), offset: 0, bytes: 8 * 1024 * 1024 + 1 };
    for wrong in [body(6, 50), body(6, 49), body(5, 99), body(4, 99), body(11, 0), long] {
        assert_eq!(carry.push(wrong, &bytes_of(wrong)).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong:?}");
    }
    assert_eq!(carry.push(body(7, 0), b"").map_err(|_| ()), if body(7, 0).bytes == 0 { Ok(()) } else { Err(()) });
    assert_eq!(carry.push(body(7, 1), b"of another length").unwrap_err().kind(), ErrorKind::InvalidInput);
    let largest = BodyRef { bytes: 8 * 1024 * 1024, ..long };
    carry.push(largest, &bytes_of(largest)).unwrap();
    carry.push(body(10, u32::MAX), &bytes_of(body(10, u32::MAX))).unwrap();
    carry.finish().unwrap();
    expect_there(&shelf.reader(), &[body(6, 50), largest, body(10, u32::MAX)], "the good ones");
    let (first, last) = (LogIndex(5), LogIndex(4));
    assert_eq!(shelf.begin(first, last).err().unwrap().kind(), ErrorKind::InvalidInput);
    assert_eq!(shelf.remove(first, last).unwrap_err().kind(), ErrorKind::InvalidInput);
}

pub(crate) fn ranges_are_whole_and_carried_once() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 11, 20, &bodies(11, 20)).unwrap();
    for (first, last) in [(11, 19), (12, 20), (15, 15), (1, 11), (20, 30), (1, 19)] {
        let error = shelf.begin(LogIndex(first), LogIndex(last)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{first}..={last} cuts a file");
    }
    let mut running = shelf.begin(LogIndex(5), LogIndex(25)).unwrap();
    for (first, last) in [(5, 25), (1, 5), (25, 40), (1, 40), (11, 20)] {
        let error = shelf.begin(LogIndex(first), LogIndex(last)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{first}..={last} is being carried");
    }
    let beside = shelf.begin(LogIndex(26), LogIndex(40)).unwrap();
    push_all(&mut running, &bodies(5, 15)).unwrap();
    expect_there(&shelf.reader(), &bodies(11, 20), "until the carry is finished");
    expect_gone(&shelf.reader(), &bodies(5, 10), "until the carry is finished");
    let extent = running.finish().unwrap().unwrap();
    assert_eq!((extent.first, extent.last, extent.bodies), (LogIndex(5), LogIndex(25), 33));
    assert_eq!(shelf.extents(), [extent]);
    expect_there(&shelf.reader(), &bodies(5, 15), "once it is finished");
    expect_gone(&shelf.reader(), &bodies(16, 20), "once it is finished");
    drop(beside);
    assert!(carry(&shelf, 5, 40, &bodies(6, 7)).unwrap().is_some());
    assert_eq!(disk.list(folder()).unwrap().len(), 1);
}

pub(crate) fn an_empty_carry_removes_the_older_files() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    for n in 0..4 {
        carry(&shelf, n * 10 + 1, n * 10 + 10, &bodies(n * 10 + 1, n * 10 + 3)).unwrap();
    }
    assert_eq!(carry(&shelf, 11, 30, &[]).unwrap(), None);
    assert_eq!(carry(&shelf, 100, 200, &[]).unwrap(), None);
    assert_eq!(ranges(&shelf), [(1, 10), (31, 40)]);
    expect_gone(&shelf.reader(), &bodies(11, 23), "removed");
    assert_eq!(carry(&shelf, 1, 10, &[]).unwrap(), None);
    disk.crash_losing_all();
    drop(shelf);
    let (shelf, report) = open(&disk);
    assert_eq!((ranges(&shelf), report.unfinished), (vec![(31, 40)], vec![]));
}

pub(crate) fn an_abandoned_carry_leaves_nothing() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 10, &bodies(1, 10)).unwrap();
    for n in 0..2 {
        let mut carry = shelf.begin(LogIndex(1), LogIndex(20)).unwrap();
        push_all(&mut carry, &bodies(1, 2)).unwrap();
        assert_eq!((carry.bodies(), disk.list(folder()).unwrap().len()), (6, 2));
        if n == 0 {
            carry.abandon();
        } else {
            drop(carry);
        }
        assert_eq!(disk.list(folder()).unwrap().len(), 1);
        expect_there(&shelf.reader(), &bodies(1, 10), "as before");
    }
    carry(&shelf, 1, 20, &bodies(1, 2)).unwrap();
}

pub(crate) fn removed_files_are_readable_to_those_who_hold_them() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    for n in 0..3 {
        carry(&shelf, n * 10 + 1, n * 10 + 10, &bodies(n * 10 + 1, n * 10 + 10)).unwrap();
    }
    let (reader, pinned) = (shelf.reader(), shelf.pin());
    remove(&shelf, 5, 22).unwrap();
    assert_eq!(ranges(&shelf), [(1, 10), (21, 30)], "only what lies wholly within goes");
    expect_gone(&reader, &bodies(11, 20), "removed");
    assert!(disk.open(&path(11, 20), OpenMode::Read).is_err());
    let held: Vec<_> = pinned.bodies(LogIndex(11), LogIndex(20), None).map(|read| read.unwrap().0).collect();
    assert_eq!(held, bodies(11, 20));
    drop(pinned);
    remove(&shelf, 0, u64::MAX).unwrap();
    assert!(shelf.extents().is_empty());
    expect_gone(&reader, &bodies(1, 30), "all removed");
    drop((shelf, reader));
    disk.crash_losing_all();
    assert!(open(&disk).0.extents().is_empty(), "durably");
}

pub(crate) fn unfinished_and_superfluous_files_are_removed_when_opening() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 10, &bodies(1, 10)).unwrap();
    let mut unfinished = shelf.begin(LogIndex(11), LogIndex(20)).unwrap();
    push_all(&mut unfinished, &bodies(11, 12)).unwrap();
    disk.kill();
    // The process is gone; nobody drops anything there.
    std::mem::forget(unfinished);
    let verified = verify(&disk, folder(), |_| {}).unwrap();
    assert_eq!((verified.files.len(), verified.unfinished.len(), verified.is_sound()), (1, 1, true));
    let (_, report) = open(&disk);
    assert_eq!(report.unfinished, ["000000000000000b-0000000000000014.unfinished"]);
    assert_eq!(disk.list(folder()).unwrap().len(), 1);
    // An older file within the range of a newer one, as a death between rename and removal leaves it.
    let narrow = disk.contents(&path(1, 10)).unwrap();
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 20, &bodies(1, 2)).unwrap();
    disk.open(&path(1, 10), OpenMode::CreateNew).unwrap().write_all_at(&narrow, 0).unwrap();
    let mut told = Vec::new();
    let verified = verify(&disk, folder(), |progress| told.push((progress.bytes_done, progress.bytes))).unwrap();
    assert!(verified.is_sound() && verified.files.iter().any(|file| file.state == FileState::Leftover));
    let bytes = shelf.extents()[0].bytes;
    assert_eq!(told.last(), Some(&(bytes, bytes)));
    let (shelf, report) = open(&disk);
    assert_eq!(report.leftovers, ["0000000000000001-000000000000000a.bodies"]);
    expect_there(&shelf.reader(), &bodies(1, 2), "the newer file");
    expect_gone(&shelf.reader(), &bodies(3, 10), "the newer file");
    assert!(verify(&disk, &folder().join("nowhere"), |_| {}).unwrap().files.is_empty());
}

pub(crate) fn the_sparse_table_is_small_and_opening_reads_little() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let small = |n: u32| BodyRef { index: LogIndex(1 + u64::from(n / 10)), offset: n % 10, bytes: 20 };
    let wanted: Vec<_> = (0..10_000).map(small).collect();
    let extent = carry(&shelf, 1, 1000, &wanted).unwrap().unwrap();
    drop(shelf);
    let start = disk.counters();
    let (shelf, _) = open(&disk);
    let read = disk.counters().bytes_read - start.bytes_read;
    assert_eq!(read, 512 + 64 + 157 * 20, "of {} bytes", extent.bytes);
    assert!(shelf.memory_bytes() * 10 <= 10_000 * 4, "{} bytes for 10,000 bodies", shelf.memory_bytes());
    let start = disk.counters();
    shelf.reader().read(wanted[5000]).unwrap();
    let now = disk.counters();
    assert_eq!((now.reads - start.reads, now.bytes_read - start.bytes_read), (2, 8 + 64 * 16 + 12 + 20));
}

pub(crate) fn many_are_read_at_once() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 50, &bodies(1, 50)).unwrap();
    carry(&shelf, 51, 90, &bodies(51, 90)).unwrap();
    let reader = shelf.reader();
    let start = disk.counters().reads;
    let ten = &bodies(20, 40)[3..13];
    assert!(reader.read_many(ten).into_iter().zip(ten).all(|(read, body)| read.unwrap() == bytes_of(*body)));
    let reads = disk.counters().reads - start;
    assert!(reads <= 4, "{reads} reads for ten neighbours");
    // In any order, twice, over files, with strangers among them.
    let mut wanted = bodies(1, 90);
    wanted.reverse();
    wanted.rotate_left(100);
    wanted.extend_from_within(5..25);
    let stranger = body(95, 33);
    wanted.insert(7, stranger);
    wanted.push(body(20, 34));
    for (read, body) in reader.read_many(&wanted).into_iter().zip(&wanted) {
        match read {
            Ok(bytes) => assert!(bytes == bytes_of(*body), "{body:?}"),
            Err(ShelfReadError::NotThere(named)) => {
                assert!(named == *body && (named == stranger || named.offset == 34))
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(reader.read_many(&[]).is_empty());
}

pub(crate) fn a_real_disk_serves_threads() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("bodies");
    let (shelf, _) = Shelf::open(RealDisk, &folder).unwrap();
    carry(&shelf, 1, 500, &bodies(1, 500)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for part in 0..2 {
            let reader = shelf.reader();
            let done = &done;
            scope.spawn(move || {
                let kept: Vec<_> = bodies(1, 500).into_iter().skip(part).step_by(6).collect();
                while !done.load(Ordering::Relaxed) {
                    expect_there(&reader, &kept, "while files are replaced");
                }
            });
        }
        // Every sixth is not kept; the others are carried again and again, with the range growing.
        for round in 0..20 {
            let kept: Vec<_> = bodies(1, 500).into_iter().enumerate().filter(|(n, _)| n % 6 < 2).collect();
            let kept: Vec<_> = kept.into_iter().map(|(_, body)| body).collect();
            carry(&shelf, 1, 500 + round / 2, &kept).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    drop(shelf);
    let (shelf, report) = Shelf::open(RealDisk, &folder).unwrap();
    assert_eq!((report.files, ranges(&shelf)), (1, vec![(1, 509)]));
    assert!(verify(&RealDisk, &folder, |_| {}).unwrap().is_sound());
}
