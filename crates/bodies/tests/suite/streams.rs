//! Streams of a moment's files.

use super::harness::{bodies, bytes_of, carry, open, path, remove};
use evenkeel_bodies::ShelfReadError;
use evenkeel_disk::MemDisk;
use evenkeel_types::{BodyRef, LogIndex};

const ALL: (LogIndex, LogIndex) = (LogIndex(0), LogIndex(u64::MAX));

/// Three files with holes between them, and all that lies in them.
fn ready() -> (MemDisk, Vec<BodyRef>) {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let mut all = Vec::new();
    for (first, last) in [(1, 40), (41, 45), (60, 140)] {
        carry(&shelf, first, last, &bodies(first + 1, last - 1)).unwrap();
        all.extend(bodies(first + 1, last - 1));
    }
    (disk, all)
}

pub(crate) fn a_stream_yields_a_range_in_order_and_can_go_on() {
    let (disk, all) = ready();
    let pinned = open(&disk).0.pin();
    assert_eq!(pinned.extents().len(), 3);
    let stream = |first: u64, last: u64, after| {
        let read = pinned.bodies(LogIndex(first), LogIndex(last), after);
        let check = |read: Result<(BodyRef, bytes::Bytes), _>| {
            let (body, bytes) = read.unwrap();
            assert!(bytes == bytes_of(body));
            body
        };
        read.map(check).collect::<Vec<_>>()
    };
    for (first, last) in [(0, u64::MAX), (1, 140), (2, 139), (10, 70), (42, 42), (46, 59), (50, 61), (200, 300), (9, 8)]
    {
        let within = |body: &&BodyRef| (first..=last).contains(&body.index.0);
        let expected: Vec<_> = all.iter().filter(within).copied().collect();
        assert_eq!(stream(first, last, None), expected, "{first}..={last}");
        for after in expected.iter().step_by(13).chain(expected.last()) {
            let rest: Vec<_> = expected.iter().filter(|body| *body > after).copied().collect();
            assert_eq!(
                stream(first, last, Some((after.index, after.offset))),
                rest,
                "{first}..={last} after {after:?}"
            );
        }
    }
    // After a place where nothing lies, and before everything.
    assert_eq!(stream(0, u64::MAX, Some((LogIndex(50), 7))), bodies(61, 139));
    assert_eq!(stream(0, u64::MAX, Some((LogIndex(39), 901)))[0], bodies(39, 39)[2]);
    assert_eq!(stream(60, 139, Some((LogIndex(3), 0))), bodies(61, 139));
    assert_eq!(stream(0, u64::MAX, Some((LogIndex(u64::MAX), u32::MAX))), []);
}

pub(crate) fn a_stream_outlives_removal_and_replacement() {
    let (disk, all) = ready();
    let (shelf, _) = open(&disk);
    let mut stream = shelf.pin().bodies(ALL.0, ALL.1, None);
    let mut read: Vec<_> = stream.by_ref().take(10).map(|read| read.unwrap().0).collect();
    carry(&shelf, 1, 45, &bodies(1, 2)).unwrap();
    remove(&shelf, 60, 140).unwrap();
    read.extend(stream.map(|read| read.unwrap().0));
    assert_eq!(read, all);
    assert_eq!(shelf.pin().bodies(ALL.0, ALL.1, None).count(), 6);
}

pub(crate) fn a_stream_is_read_in_large_pieces() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let wanted: Vec<_> = (0..20_000).map(|n| BodyRef { index: LogIndex(1), offset: n, bytes: 200 }).collect();
    let extent = carry(&shelf, 1, 1, &wanted).unwrap().unwrap();
    let start = disk.counters();
    assert!(shelf.pin().bodies(ALL.0, ALL.1, None).map(|read| read.unwrap().0).eq(wanted));
    let now = disk.counters();
    let (reads, bytes) = (now.reads - start.reads, now.bytes_read - start.bytes_read);
    assert!(reads < 12 && bytes < extent.bytes + 12 * 2000, "{reads} reads, {bytes} bytes of {}", extent.bytes);
}

pub(crate) fn a_stream_ends_behind_damage() {
    let (disk, all) = ready();
    let (shelf, _) = open(&disk);
    disk.flip_bit(&path(41, 45), 530, 1).unwrap();
    let read: Vec<_> = shelf.pin().bodies(ALL.0, ALL.1, None).collect();
    assert_eq!(read.len(), 38 * 3 + 1);
    assert!(matches!(&read[38 * 3], Err(ShelfReadError::Damaged { offset: 512, .. })), "{:?}", read[38 * 3]);
    // What lies elsewhere can still be read.
    assert_eq!(shelf.pin().bodies(LogIndex(60), ALL.1, None).filter(Result::is_ok).count(), 79 * 3);
    assert_eq!(all.len(), (38 + 3 + 79) * 3);
}
