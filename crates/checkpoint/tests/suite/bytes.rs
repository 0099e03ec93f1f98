//! The bytes of format 1, and bytes that are no format at all.

use super::harness::{check_all, disk_with, names_with, open, path};
use evenkeel_checkpoint::{FORMAT_VERSION, LoadError, Source, scan_manifest_bytes, scan_run_bytes};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_types::LogIndex;
use proptest::{prelude::*, test_runner::TestRunner};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

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

/// Where the blocks of a good run lie.
fn blocks(run: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut found) = (512, Vec::new());
    while at < run.len() - 64 {
        let len = u32::from_le_bytes(run[at + 8..at + 12].try_into().unwrap()) as usize;
        found.push((at, at + len));
        at += len;
    }
    found
}

/// Makes all checksums of a changed run right again, as a wrong writer would.
fn reseal(run: &mut [u8], blocks: &[(usize, usize)]) {
    let seed = u64::from_le_bytes(run[24..32].try_into().unwrap());
    let mut sums = Vec::new();
    for (from, to) in blocks {
        let sum = xxh3_64_with_seed(&run[from + 8..*to], seed).to_le_bytes();
        run[*from..from + 8].copy_from_slice(&sum);
        sums.extend_from_slice(&sum);
    }
    let footer = run.len() - 64;
    run[footer + 40..footer + 56].copy_from_slice(&xxh3_128_with_seed(&sums, seed).to_le_bytes());
    let sum = xxh3_64_with_seed(&run[footer + 8..], seed).to_le_bytes();
    run[footer..footer + 8].copy_from_slice(&sum);
}

pub(crate) fn good_checksums_over_nonsense_are_damage() {
    let blocks = blocks(RUN);
    assert_eq!(blocks.len(), 4);
    let refused = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut run = RUN.to_vec();
        change(&mut run);
        reseal(&mut run, &blocks);
        assert!(matches!(scan_run_bytes(&run), Err(LoadError::Damaged { .. })), "{what}");
    };
    let mut same = RUN.to_vec();
    reseal(&mut same, &blocks);
    assert!(same == RUN);
    let third = blocks[2].0;
    let footer = RUN.len() - 64;
    refused("no records in a block", &|run| run[third + 16..third + 20].fill(0));
    refused("too many records in a block", &|run| run[third + 16] += 1);
    refused("too few records in a block", &|run| run[third + 16] -= 1);
    refused("too few records in a block, and in the footer", &|run| {
        run[third + 16] -= 1;
        run[footer + 32] -= 1;
    });
    refused("another number", &|run| run[third + 12] = 3);
    refused("sections that descend", &|run| run[third + 24] = 0);
    refused("a slot beyond the last", &|run| run[third + 20..third + 24].fill(0xFF));
    refused("an endless varint", &|run| run[third + 32..third + 40].fill(0xFF));
    refused("a record beyond the block", &|run| run[third + 33] = 0x7F);
    refused("more blocks", &|run| run[footer + 24] += 1);
    refused("more records", &|run| run[footer + 32] += 1);
    refused("another length", &|run| run[footer + 16] += 1);
    refused("no footer", &|run| run[footer + 8] = b'X');
    let mut run = RUN.to_vec();
    run[footer + 40] ^= 1;
    let sum = xxh3_64_with_seed(&run[footer + 8..], u64::from_le_bytes(run[24..32].try_into().unwrap()));
    run[footer..footer + 8].copy_from_slice(&sum.to_le_bytes());
    assert!(matches!(scan_run_bytes(&run), Err(LoadError::Damaged { .. })), "another sum of the blocks");
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let patches = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    runner
        .run(&patches, |patches| {
            let mut run = RUN.to_vec();
            for (at, byte) in patches {
                // Anything but the lengths of the blocks, by which they are sealed.
                let at = at.index(run.len() - 512 - 64) + 512;
                if !blocks.iter().any(|(from, _)| (from + 8..from + 12).contains(&at)) {
                    run[at] = byte;
                }
            }
            reseal(&mut run, &blocks);
            let _ = scan_run_bytes(&run);
            Ok(())
        })
        .unwrap();
}
