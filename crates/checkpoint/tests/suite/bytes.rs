//! The bytes of format 1, and bytes that are no format at all.

use super::harness::{check_all, disk_with, names_with, open, path};
use evenkeel_checkpoint::{FORMAT_VERSION, Source, scan_manifest_bytes, scan_run_bytes};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_types::LogIndex;
use proptest::{prelude::*, test_runner::TestRunner};

const RUN: &[u8] = include_bytes!("../golden/format_1.run.bin");
const MANIFEST: &[u8] = include_bytes!("../golden/format_1.ckpt.bin");

pub(crate) fn format_1_is_written_and_read_as_ever() {
    assert_eq!(FORMAT_VERSION, 1);
    let disk = MemDisk::new(1);
    super::harness::write(&mut open(&disk).0, 1, Source::Whole, false).unwrap();
    let (run, manifest) = ("0000000000000001.run", "0000000000000001.ckpt");
    if let Ok(folder) = std::env::var("EVENKEEL_WRITE_GOLDEN") {
        std::fs::write(format!("{folder}/format_1.run.bin"), disk.contents(&path(run)).unwrap()).unwrap();
        std::fs::write(format!("{folder}/format_1.ckpt.bin"), disk.contents(&path(manifest)).unwrap()).unwrap();
    }
    assert!(disk.contents(&path(run)).unwrap() == RUN, "a run is written otherwise");
    assert!(disk.contents(&path(manifest)).unwrap() == MANIFEST, "a manifest is written otherwise");

    let disk = MemDisk::new(1);
    disk.create_dir_all(super::harness::dir()).unwrap();
    for (name, bytes) in [(run, RUN), (manifest, MANIFEST)] {
        let file = disk.open(&path(name), OpenMode::CreateNew).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }
    let (checkpoints, report) = open(&disk);
    assert_eq!(report.kept, [LogIndex(1)]);
    check_all(&checkpoints);
    let scanned = scan_run_bytes(RUN).unwrap();
    assert_eq!((scanned.blocks, scanned.records), (4, super::harness::state(1).len() as u64));
    let scanned = scan_manifest_bytes(MANIFEST).unwrap();
    assert_eq!((scanned.index, scanned.runs, scanned.meta_bytes), (LogIndex(1), 1, 13));
}

pub(crate) fn arbitrary_bytes_do_not_panic() {
    let disk = disk_with(&[1, 2]);
    let run = disk.contents(&path(&names_with(&disk, ".run")[1])).unwrap();
    let manifest = disk.contents(&path("0000000000000002.ckpt")).unwrap();
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let noise = proptest::collection::vec(any::<u8>(), 0..2000);
    let patches = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    runner
        .run(&(noise, patches, any::<prop::sample::Index>()), |(noise, patches, cut)| {
            prop_assert!(scan_run_bytes(&noise).is_err() && scan_manifest_bytes(&noise).is_err());
            for good in [&run, &manifest] {
                let mut bytes = good.clone();
                for (at, byte) in &patches {
                    *at.get_mut(&mut bytes) = *byte;
                }
                let same = bytes == *good;
                prop_assert_eq!(scan_run_bytes(&bytes).is_ok() || scan_manifest_bytes(&bytes).is_ok(), same);
                bytes.truncate(cut.index(good.len()));
                prop_assert!(scan_run_bytes(&bytes).is_err() && scan_manifest_bytes(&bytes).is_err());
            }
            Ok(())
        })
        .unwrap();
}
