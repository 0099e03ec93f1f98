//! Who owns the log, and what late appends of a former owner come to.

use super::harness::{LOG, dir, open, path};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{Log, LogError, LogEvent, Role};
use evenkeel_log_local::{EntryKind, NewEntry, encode_entry, scan_segment_bytes};
use evenkeel_types::{Epoch, LogIndex};

const SEGMENT: &str = "0000000000000001.seg";

/// Appends what a process that still has the file open might append.
fn append(disk: &MemDisk, kind: EntryKind, epoch: u64, index: u64, chain: u64, payload: &[u8]) {
    let position = scan_segment_bytes(&disk.contents(&path(SEGMENT)).unwrap()).unwrap().0.position;
    let mut bytes = Vec::new();
    let [index, synced_below] = [LogIndex(index); 2];
    let entry = NewEntry { kind, index, epoch: Epoch(epoch), chain, synced_below, payload };
    encode_entry(LOG, &entry, position, &mut bytes);
    let file = disk.open(&path(SEGMENT), OpenMode::ReadWrite).unwrap();
    file.write_all_at(&bytes, position).unwrap();
    file.sync().unwrap();
}

pub(crate) fn a_deposed_owner_s_late_appends_are_skipped() {
    let disk = MemDisk::new(0);
    open(&disk, 0).unwrap().fill(3, 100);
    let (old, _) = scan_segment_bytes(&disk.contents(&path(SEGMENT)).unwrap()).unwrap();
    drop(open(&disk, 0).unwrap());
    // The first owner's pipeline: as if the second's fence were not there, and at the indexes after it.
    for n in 0..5u8 {
        let index = old.running.next.0 + u64::from(n);
        append(&disk, EntryKind::Batch, 1, index, old.running.chain, &[0xBA; 50]);
    }
    let mut halves = open(&disk, 0).unwrap();
    assert_eq!(halves.report.stale, 5);
    let entries = halves.committed();
    assert!(entries.iter().all(|entry| entry.batch != vec![0xBA; 50]), "a stale append is committed");
    let indexes: Vec<_> = entries.iter().map(|entry| (entry.index.0, entry.epoch.0)).collect();
    assert_eq!(indexes, [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 3)]);
    halves.fill(2, 100);
    drop(halves);
    append(&disk, EntryKind::Fence, 2, 5, 0, &[]);
    disk.crash();
    let mut halves = open(&disk, 0).unwrap();
    assert_eq!(halves.report.stale, 6, "a deposed owner's late fence, too");
    assert_eq!(halves.committed().len(), 9);
}

pub(crate) fn an_epoch_without_a_fence_is_damage() {
    let disk = MemDisk::new(0);
    open(&disk, 0).unwrap().fill(1, 10);
    let (end, _) = scan_segment_bytes(&disk.contents(&path(SEGMENT)).unwrap()).unwrap();
    append(&disk, EntryKind::Batch, 2, end.running.next.0, end.running.chain, b"no fence");
    assert!(matches!(open(&disk, 0), Err(LogError::Damaged { .. })));
}

pub(crate) fn a_folder_has_one_owner_at_a_time() {
    let disk = MemDisk::new(0);
    let halves = open(&disk, 0).unwrap();
    assert!(matches!(open(&disk, 0), Err(LogError::Locked)));
    let writer = halves.writer;
    drop(halves.log);
    assert!(matches!(open(&disk, 0), Err(LogError::Locked)), "its writer may still write");
    drop(writer);
    assert!(open(&disk, 0).is_ok());
}

pub(crate) fn history_is_read_in_large_pieces() {
    let disk = MemDisk::new(0);
    open(&disk, 0).unwrap().fill(50, 1000);
    let segments = disk.list(dir()).unwrap().into_iter().filter(|name| name.ends_with(".seg")).count() as u64;
    let mut halves = open(&disk, 10).unwrap();
    let reads = disk.counters().reads;
    for index in 11..=51 {
        let event = halves.log.poll();
        assert!(matches!(event, Some(LogEvent::Committed { ref entry, ticket: None }) if entry.index.0 == index));
        assert_eq!(halves.log.role(), Role::Follower);
    }
    let reads = disk.counters().reads - reads;
    assert!(reads <= segments, "{reads} reads for {segments} segments");
    let events = halves.events();
    let expected = matches!(&events[..], [LogEvent::Committed { entry, .. }, LogEvent::RoleChanged(Role::Owner(Epoch(2)))] if entry.batch.is_empty());
    assert!(expected, "{events:?}");
}
