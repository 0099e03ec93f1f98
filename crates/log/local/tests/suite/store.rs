//! The store itself: groups, rolls, trims, truncations, and a writer on its own thread.

use super::harness::{LOG, dir, open, open_with, options, path};
use evenkeel_disk::{Disk, MemDisk, RealDisk};
use evenkeel_log::{Log, LogEvent, LogReader, ReadError, conformance::Random};
use evenkeel_log_local::{
    Append, EntryKind, LocalLog, SegmentHeader, Segments, Step, encode_segment_header, scan_segment_bytes,
};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

pub(crate) fn a_group_is_one_write_and_one_sync() {
    let disk = MemDisk::new(0);
    let mut halves = open_with(&disk, options(1024 * 1024), 0).unwrap();
    halves.committed();
    let before = disk.counters();
    for n in 0..100u8 {
        halves.log.propose(vec![n; 300].into()).unwrap();
    }
    assert_eq!(halves.writer.step(), Step::Done(100));
    let after = disk.counters();
    assert_eq!((after.syncs - before.syncs, after.changes - before.changes), (1, 2));
    assert_eq!(halves.log.sync_stats().count, 1);
}

pub(crate) fn a_roll_finds_its_segment_ready() {
    let disk = MemDisk::new(0);
    let mut halves = open(&disk, 0).unwrap();
    halves.committed();
    let mut most = 0;
    for n in 0..100u8 {
        let before = disk.counters().changes;
        halves.log.propose(vec![n; 1000].into()).unwrap();
        assert_eq!(halves.writer.step(), Step::Done(1));
        most = most.max(disk.counters().changes - before);
        halves.drive();
        halves.events();
    }
    assert_eq!(most, 6, "header, sync, rename, directory, write, sync: nothing is filled while a client waits");
}

pub(crate) fn an_entry_larger_than_a_segment_gets_one_of_its_own() {
    let disk = MemDisk::new(0);
    let mut halves = open(&disk, 0).unwrap();
    halves.committed();
    for bytes in [100, 100_000, 100, 3_000_000, 100] {
        halves.log.propose(vec![5; bytes].into()).unwrap();
        assert_eq!(halves.committed().len(), 1);
    }
    drop(halves);
    disk.crash();
    let sizes: Vec<_> = open(&disk, 0).unwrap().committed().iter().map(|entry| entry.batch.len()).collect();
    assert_eq!(sizes, [0, 100, 100_000, 100, 3_000_000, 100, 0]);
}

pub(crate) fn letting_go_keeps_the_floor_s_segment() {
    let disk = MemDisk::new(0);
    let mut halves = open(&disk, 0).unwrap();
    halves.fill(100, 1000);
    let reader = halves.log.reader();
    for floor in [1, 2, 10, 11, 12, 13, 14, 15, 50, 200] {
        halves.log.trim(LogIndex(floor)).unwrap();
        halves.log.release(LogIndex(1), LogIndex(floor - 1)).unwrap();
        halves.drive();
        let floor = floor.min(102);
        assert_eq!(halves.log.first_index().0, floor);
        assert!(reader.read(LogIndex(floor.min(101))).is_ok(), "floor {floor}");
        let gone = (1..=101).take_while(|index| matches!(reader.read(LogIndex(*index)), Err(ReadError::Trimmed(_))));
        assert!((floor.saturating_sub(20)..=floor).contains(&(gone.count() as u64 + 1)), "floor {floor}");
        assert_eq!(halves.log.retired(), []);
    }
    drop(halves);
    disk.crash();
    assert!(open(&disk, 101).is_ok());
}

pub(crate) fn a_truncated_log_goes_on_from_there() {
    let disk = MemDisk::new(0);
    disk.create_dir_all(dir()).unwrap();
    let mut store = Segments::open(disk.clone(), dir(), options(4608), LogIndex::ZERO, LogIndex::ZERO).unwrap().0;
    let batch = |n: u64| n.to_le_bytes().repeat(20);
    let mut expected = Vec::new();
    let mut random = Random::new(5);
    for round in 0..200 {
        if random.one_in(4) {
            let after = random.below(expected.len() + 1);
            expected.truncate(after);
            store.truncate_after(LogIndex(after as u64)).unwrap();
        } else {
            let payload = batch(round);
            store.append(&[Append { epoch: Epoch(0), kind: EntryKind::Batch, payload: &payload }]).unwrap();
            store.sync().unwrap();
            expected.push(payload);
        }
        if random.one_in(10) {
            drop(store);
            disk.crash();
            store = Segments::open(disk.clone(), dir(), options(4608), LogIndex::ZERO, LogIndex::ZERO).unwrap().0;
        }
        assert_eq!(store.last().0, expected.len() as u64, "round {round}");
    }
    store.commit(store.last());
    for (index, payload) in (1..).zip(&expected) {
        assert_eq!(store.reader().read(LogIndex(index)).unwrap().batch, payload);
    }
}

pub(crate) fn truncations_need_no_room() {
    let open =
        |disk: &MemDisk| Segments::open(disk.clone(), dir(), options(4608), LogIndex::ZERO, LogIndex::ZERO).unwrap().0;
    let append = |store: &mut Segments<MemDisk>, count: u8| {
        for n in 0..count {
            store.append(&[Append { epoch: Epoch(0), kind: EntryKind::Batch, payload: &[n; 100] }]).unwrap();
        }
        store.sync().unwrap();
    };
    // What is left of the room itself: all, none, or another length.
    for cut in [56, 0, 20] {
        let disk = MemDisk::new(cut);
        disk.create_dir_all(dir()).unwrap();
        let mut store = open(&disk);
        append(&mut store, 12);
        assert!(store.keep_room_for_intents().unwrap());
        drop(store);
        disk.crash();
        disk.truncate(&path("intent.spare"), cut).unwrap();
        let mut store = open(&disk);
        assert!(store.keep_room_for_intents().unwrap());
        disk.set_capacity(Some(disk.used()));
        for last in [10, 7, 1] {
            store.truncate_after(LogIndex(last)).unwrap();
            assert_eq!(store.last().0, last);
        }
        // What became free is taken by others.
        disk.set_capacity(Some(disk.used()));
        drop(store);
        disk.crash();
        let mut store = open(&disk);
        assert_eq!(store.last().0, 1);
        append(&mut store, 2);
        store.truncate_after(LogIndex(2)).unwrap();
        assert_eq!(store.last().0, 2);
    }
    // A disk without room for it says so, and leaves nothing behind.
    let disk = MemDisk::new(1);
    disk.create_dir_all(dir()).unwrap();
    let store = open(&disk);
    disk.set_capacity(Some(disk.used() + 30));
    assert!(!store.keep_room_for_intents().unwrap());
    assert!(!disk.list(dir()).unwrap().iter().any(|name| name.starts_with("intent")));
    disk.set_capacity(None);
    assert!(store.keep_room_for_intents().unwrap());
}

pub(crate) fn arbitrary_segments_do_not_panic() {
    let mut random = Random::new(1);
    let header = SegmentHeader { file_bytes: 8192, first: LogIndex(1), epoch: Epoch(0), chain: 0, log: LOG };
    for _ in 0..2000 {
        let mut bytes = encode_segment_header(&header);
        bytes.resize(8192, 0);
        for _ in 0..random.below(200) {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        bytes.truncate(8192 - if random.one_in(2) { random.below(8192) } else { 0 });
        let _ = scan_segment_bytes(&bytes);
    }
}

fn disk_names(dir: &std::path::Path) -> Vec<String> {
    RealDisk.list(dir).unwrap()
}

pub(crate) fn a_writer_thread_serves_a_real_disk() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("log");
    let mut applied = 0;
    for life in 1..=3 {
        let (mut log, writer, report) = LocalLog::open(RealDisk, &dir, options(64 * 1024), LogIndex(applied)).unwrap();
        assert_eq!((report.epoch, report.fresh), (Epoch(life), life == 1));
        let (wake, woken) = mpsc::channel();
        log.set_waker(Arc::new(move || {
            // Nobody listens any more at the end.
            let _ = wake.send(());
        }));
        let writer = thread::spawn(|| writer.run());
        let mut committed = Vec::new();
        let mut proposed = 0u64;
        while committed.len() < 500 {
            while let Some(event) = log.poll() {
                match event {
                    LogEvent::Committed { entry, ticket } => {
                        applied = entry.index.0;
                        committed.extend(ticket.map(|_| entry.batch));
                    }
                    LogEvent::RoleChanged(_) => {}
                    event => panic!("{event:?}"),
                }
            }
            if proposed == committed.len() as u64 {
                for _ in 0..10 {
                    proposed += 1;
                    log.propose(proposed.to_le_bytes().repeat(100).into()).unwrap();
                }
            }
            woken.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        assert!((1..).zip(&committed).all(|(n, batch): (u64, _)| batch[..] == n.to_le_bytes().repeat(100)));
        assert!(log.sync_stats().micros_max > 0);
        // The background seals what is full and removes what nobody needs.
        log.trim(LogIndex(applied + 1)).unwrap();
        log.release(LogIndex(1), LogIndex(applied)).unwrap();
        let files = || disk_names(&dir).into_iter().filter(|name| name.ends_with(".seg") || name.ends_with(".idx"));
        for _ in 0..1000 {
            if log.retired().is_empty() && files().count() == 1 {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!((log.retired(), files().count()), (Vec::new(), 1), "life {life}");
        drop(log);
        writer.join().unwrap();
    }
}
