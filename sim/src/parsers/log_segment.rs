//! Any bytes as a segment of the log: its good entries, or a refusal.

use super::seal;
use evenkeel_disk::MemDisk;
use evenkeel_log::Log;
use evenkeel_log_local::{
    LocalLog, LogId, Options, Step, decode_entry_header, decode_segment_header, encode_sidecar, scan_segment_bytes,
    scan_sidecar_bytes,
};
use evenkeel_types::LogIndex;
use std::path::{Path, PathBuf};

const FOLDER: &str = "log";
const LOG: LogId = LogId([5; 16]);

/// Panics if scanning or decoding does, or if an end is reported beyond the bytes.
pub fn judge(bytes: &[u8]) {
    for bytes in [bytes, &seal::segment(bytes)] {
        if let Ok((end, entries)) = scan_segment_bytes(bytes) {
            assert!(end.position <= bytes.len() as u64, "the end is inside");
            assert!(entries <= bytes.len() as u64 / 64, "each entry takes 64 bytes and more");
        }
    }
    let _ = decode_segment_header(bytes);
    for at in (0..bytes.len()).step_by(64).take(64) {
        let _ = decode_entry_header(bytes.get(at..).unwrap_or_default(), LOG);
    }
}

/// Panics if reading them as a sidecar does, or if what is read is not written the same.
pub fn judge_sidecar(bytes: &[u8]) {
    let _ = scan_sidecar_bytes(bytes);
    let sealed = seal::sidecar(bytes);
    if let Ok((header, offsets)) = scan_sidecar_bytes(&sealed) {
        assert_eq!(offsets.len() as u64, header.entries(), "each entry has its place");
        let again = encode_sidecar(&header, &offsets);
        assert_eq!(scan_sidecar_bytes(&again).as_ref(), Ok(&(header, offsets)));
    }
}

/// Segments as a log writes them.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    corpus_of_files(".seg")
}

/// Sidecars as a log writes them.
#[must_use]
pub fn corpus_of_sidecars() -> Vec<Vec<u8>> {
    corpus_of_files(".idx")
}

fn corpus_of_files(ending: &str) -> Vec<Vec<u8>> {
    let disk = MemDisk::new(1);
    let options = Options { segment_bytes: 8 * 1024, ..Options::new(LOG) };
    let opened = LocalLog::open(disk.clone(), Path::new(FOLDER), options, LogIndex::ZERO);
    let (mut log, mut writer, _) = opened.expect("a disk in memory");
    while log.poll().is_some() {}
    for size in [1, 60, 600, 0, 3_000, 512, 5_000].into_iter().chain([10; 50]) {
        let batch = vec![u8::try_from(size % 251).unwrap_or(0); size + 1];
        log.propose(batch.into()).expect("it owns itself");
        while !matches!(writer.step(), Step::Idle | Step::Failed) {}
    }
    let mut names = evenkeel_disk::Disk::list(&disk, Path::new(FOLDER)).expect("it is there");
    names.retain(|name| name.ends_with(ending));
    let paths: Vec<PathBuf> = names.iter().map(|name| Path::new(FOLDER).join(name)).collect();
    paths.iter().filter_map(|path| disk.contents(path).ok()).filter(|bytes| !bytes.is_empty()).collect()
}
