//! Format 1, byte for byte: what this version writes is what lies in `tests/golden`, and it reads that.
//!
//! A byte that changes here changes for every log that there is. A new format gets files of its own beside these.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{Log, LogEvent, LogReader};
use evenkeel_log_local::{
    EntryKind, LocalLog, LogId, NewEntry, Options, Segments, Step, decode_segment_header, encode_entry,
    scan_segment_bytes, scan_sidecar_bytes,
};
use evenkeel_types::{Epoch, LogIndex};
use std::path::{Path, PathBuf};

const LOG: LogId = LogId(*b"golden log no. 1");
const SEGMENT: &str = "0000000000000001.seg";
const SIDECAR: &str = "0000000000000001.idx";
const GOLDEN: [(&str, &[u8]); 3] = [
    ("segment.bin", include_bytes!("golden/segment.bin")),
    ("sidecar.bin", include_bytes!("golden/sidecar.bin")),
    ("intent.bin", include_bytes!("golden/intent.bin")),
];

fn dir() -> &'static Path {
    Path::new("log")
}

fn path(name: &str) -> PathBuf {
    dir().join(name)
}

fn options() -> Options {
    Options { segment_bytes: 8192, ..Options::new(LOG) }
}

/// One life: the batches are committed one by one, after the history and the fence.
fn live(disk: &MemDisk, batches: &[Vec<u8>]) {
    let (mut log, mut writer, _) = LocalLog::open(disk.clone(), dir(), options(), LogIndex::ZERO).unwrap();
    while log.poll().is_some() {}
    for batch in batches {
        log.propose(batch.clone().into()).unwrap();
        while matches!(writer.step(), Step::Done(_) | Step::Filled) {}
    }
}

/// A late append of the first owner, after the second's fence: stale.
fn append_stale(disk: &MemDisk, position: u64, index: LogIndex, chain: u64) {
    let mut bytes = Vec::new();
    let (kind, epoch, payload) = (EntryKind::Batch, Epoch(1), &b"too late"[..]);
    let entry = NewEntry { kind, index, epoch, chain, synced_below: index, payload };
    encode_entry(LOG, &entry, position, &mut bytes);
    let file = disk.open(&path(SEGMENT), OpenMode::ReadWrite).unwrap();
    file.write_all_at(&bytes, position).unwrap();
    file.sync().unwrap();
}

/// Batches, one of them sparse and one with sectors of zeros; fences of three epochs; a stale entry; and a second segment.
fn written() -> MemDisk {
    let disk = MemDisk::new(0);
    let mut zeros = vec![0; 1500];
    zeros[700] = 1;
    live(&disk, &[b"first".to_vec(), zeros]);
    let old = scan_segment_bytes(&disk.contents(&path(SEGMENT)).unwrap()).unwrap().0;
    live(&disk, &[]);
    let end = scan_segment_bytes(&disk.contents(&path(SEGMENT)).unwrap()).unwrap().0;
    append_stale(&disk, end.position, old.running.next, old.running.chain);
    live(&disk, &[b"after the stale one".to_vec(), vec![7; 3000]]);
    disk
}

/// The intent of a truncation that died behind it.
fn intent() -> Vec<u8> {
    for changes in 0.. {
        let disk = written();
        let zero = LogIndex::ZERO;
        let mut store = Segments::open(disk.clone(), dir(), options(), zero, zero).unwrap().0;
        disk.fail_from(changes);
        let done = store.truncate_after(LogIndex(3)).is_ok();
        assert!(!done, "it never died with an intent");
        drop(store);
        disk.kill();
        if let Ok(bytes) = disk.contents(&path("intent")) {
            return bytes;
        }
    }
    unreachable!("it died at every change")
}

fn now() -> [Vec<u8>; 3] {
    let disk = written();
    [disk.contents(&path(SEGMENT)).unwrap(), disk.contents(&path(SIDECAR)).unwrap(), intent()]
}

#[test]
fn what_is_written_is_format_1_byte_for_byte() {
    for ((name, golden), written) in GOLDEN.iter().zip(now()) {
        assert!(written == *golden, "{name} is written otherwise");
    }
}

#[test]
fn format_1_is_read() {
    let [segment, sidecar, intent] = GOLDEN.map(|(_, bytes)| bytes);
    assert_eq!(decode_segment_header(segment).unwrap().first, LogIndex(1));
    let (header, offsets) = scan_sidecar_bytes(sidecar).unwrap();
    assert_eq!((header.first, header.last, header.epoch, offsets.len()), (LogIndex(1), LogIndex(6), Epoch(3), 6));
    // With the intent: what lies after entry 3 goes.
    let disk = MemDisk::new(0);
    disk.create_dir_all(dir()).unwrap();
    for (name, bytes) in [(SEGMENT, segment), ("intent", intent)] {
        disk.open(&path(name), OpenMode::CreateNew).unwrap().write_all_at(bytes, 0).unwrap();
    }
    let whole = disk.fork(0);
    whole.remove(&path("intent")).unwrap();
    let (mut log, _writer, report) = LocalLog::open(disk, dir(), options(), LogIndex::ZERO).unwrap();
    assert!(report.finished_intent);
    assert_eq!(report.last, LogIndex(3));
    let told: Vec<_> = std::iter::from_fn(|| log.poll()).collect();
    assert_eq!(told.len(), 5, "three entries, the fence, the role");
    // Without it.
    let (mut log, _writer, report) = LocalLog::open(whole, dir(), options(), LogIndex::ZERO).unwrap();
    assert_eq!((report.last, report.stale, report.epoch), (LogIndex(6), 1, Epoch(4)));
    let mut batches = Vec::new();
    while let Some(event) = log.poll() {
        if let LogEvent::Committed { entry, .. } = event {
            batches.push((entry.epoch.0, entry.batch.len()));
        }
    }
    assert_eq!(batches, [(1, 0), (1, 5), (1, 1500), (2, 0), (3, 0), (3, 19), (4, 0)]);
    assert_eq!(log.reader().read(LogIndex(6)).unwrap().batch, b"after the stale one"[..]);
}

/// Only for a new format: `cargo test -p evenkeel-log-local --test golden -- --ignored`.
#[test]
#[ignore = "writes the golden files anew"]
fn write_the_golden_files() {
    for ((name, _), bytes) in GOLDEN.iter().zip(now()) {
        std::fs::write(Path::new("tests/golden").join(name), bytes).unwrap();
    }
}
