//! Disks that are full, and disks that fail.

use super::harness::{
    bodies, bytes_of, carry, contents, expect_gone, expect_there, folder, open, path, push_all, ranges, remove,
};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_types::{BodyRef, LogIndex};
use std::io::ErrorKind;

fn used(disk: &MemDisk) -> u64 {
    contents(disk).iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

pub(crate) fn a_full_disk_leaves_everything_as_before() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 20, &bodies(1, 20)).unwrap();
    carry(&shelf, 21, 40, &bodies(21, 40)).unwrap();
    let before = contents(&disk);
    let used = used(&disk);
    let wanted: Vec<_> = bodies(1, 40).into_iter().step_by(2).collect();
    let mut refused = 0;
    for room in (0..100_000).step_by(101) {
        disk.set_capacity(Some(used + room));
        match carry(&shelf, 1, 40, &wanted) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::StorageFull, "room for {room} bytes"),
        }
        assert_eq!(contents(&disk), before, "room for {room} bytes");
        assert_eq!(ranges(&shelf), [(1, 20), (21, 40)]);
        expect_there(&shelf.reader(), &bodies(1, 40), "on a full disk");
        refused += 1;
    }
    assert!(refused > 20);
    assert_eq!(ranges(&shelf), [(1, 40)], "it goes on once there is room");
    // Removing needs no room.
    disk.set_capacity(Some(0));
    carry(&shelf, 1, 40, &[]).unwrap_err();
    remove(&shelf, 1, 40).unwrap();
    assert!(contents(&disk).is_empty());
}

pub(crate) fn a_failed_sync_leaves_everything_as_before() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    carry(&shelf, 1, 20, &bodies(1, 20)).unwrap();
    let large = |offset| BodyRef { index: LogIndex(3), offset, bytes: 3 << 20 };
    for syncs in 0..3 {
        let mut carry = shelf.begin(LogIndex(1), LogIndex(20)).unwrap();
        disk.fail_sync(syncs);
        let pushed = (0..3).try_for_each(|n| carry.push(large(n), &vec![7; 3 << 20]));
        match syncs {
            2 => {
                pushed.unwrap();
                carry.finish().unwrap_err();
            }
            _ => {
                pushed.unwrap_err();
                let again = carry.push(large(9), &vec![7; 3 << 20]).unwrap_err();
                assert_eq!(again.kind(), ErrorKind::Other, "it is not tried again");
                carry.finish().unwrap_err();
            }
        }
        assert_eq!(contents(&disk).len(), 1);
        expect_there(&shelf.reader(), &bodies(1, 20), "after a failed sync");
    }
    // A new file has not failed yet.
    carry(&shelf, 1, 20, &bodies(2, 3)).unwrap();
    expect_gone(&shelf.reader(), &bodies(4, 20), "after another carry");
}

pub(crate) fn a_file_that_does_not_read_back_is_not_installed() {
    for at in [600, 20, 1500] {
        let disk = MemDisk::new(0);
        let (shelf, _) = open(&disk);
        carry(&shelf, 1, 20, &bodies(1, 20)).unwrap();
        let before = contents(&disk);
        let mut carry = shelf.begin(LogIndex(1), LogIndex(20)).unwrap();
        // More than is collected before it is written.
        let large = BodyRef { index: LogIndex(1), offset: 1, bytes: 300_000 };
        carry.push(large, &bytes_of(large)).unwrap();
        push_all(&mut carry, &bodies(2, 20)).unwrap();
        disk.flip_bit(&path(1, 20).with_extension("unfinished"), at, 1).unwrap();
        assert_eq!(carry.finish().unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(contents(&disk), before);
        expect_there(&shelf.reader(), &bodies(1, 20), "after a failed proof");
    }
}

pub(crate) fn a_half_done_change_refuses_others() {
    let ready = MemDisk::new(0);
    let (shelf, _) = open(&ready);
    carry(&shelf, 1, 20, &bodies(1, 20)).unwrap();
    carry(&shelf, 21, 40, &bodies(21, 40)).unwrap();
    drop(shelf);
    let disk = ready.fork(1);
    let (shelf, _) = open(&disk);
    let reader = shelf.reader();
    // Someone takes a file away that is about to be replaced.
    disk.lose(&path(21, 40)).unwrap();
    carry(&shelf, 1, 60, &bodies(1, 40)).unwrap_err();
    assert_eq!(remove(&shelf, 1, 60).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(shelf.begin(LogIndex(90), LogIndex(99)).err().unwrap().kind(), ErrorKind::Other);
    expect_there(&reader, &bodies(1, 40), "readers go on");
    drop((shelf, reader));
    let (shelf, _) = open(&disk);
    assert_eq!(ranges(&shelf), [(1, 60)]);
    remove(&shelf, 1, 60).unwrap();
    assert!(disk.list(folder()).unwrap().is_empty());
}

pub(crate) fn a_large_file_is_synced_in_pieces() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let mut carry = shelf.begin(LogIndex(1), LogIndex(9)).unwrap();
    let start = disk.counters();
    let mut wanted = Vec::new();
    for n in 0..22 {
        let body = BodyRef { index: LogIndex(1), offset: n, bytes: 1_000_000 };
        carry.push(body, &bytes_of(body)).unwrap();
        let now = disk.counters();
        let unsynced = now.bytes_written - start.bytes_written - (now.syncs - start.syncs) * (4 << 20);
        assert!(unsynced <= 4 << 20, "{unsynced} bytes wait for a sync");
        wanted.push(body);
    }
    assert_eq!(disk.counters().syncs - start.syncs, 5);
    carry.finish().unwrap();
    expect_there(&shelf.reader(), &wanted, "large bodies");
    let file = disk.open(&path(1, 9), OpenMode::Read).unwrap();
    assert_eq!(file.len().unwrap(), shelf.extents()[0].bytes);
}
