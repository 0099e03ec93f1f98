//! Bytes that are not those that were written.

use super::{
    harness::{Collect, check, check_all, dir, disk_with, names_with, open, path, write, write_next},
    life,
};
use evenkeel_checkpoint::{CheckpointError, Checkpoints, FileState, LoadError, Merge, Options, Source, verify};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_types::LogIndex;
use std::io::ErrorKind;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

fn overwrite(disk: &MemDisk, name: &str, bytes: &[u8], offset: u64) {
    let file = disk.open(&path(name), OpenMode::ReadWrite).unwrap();
    file.write_all_at(bytes, offset).unwrap();
    file.sync().unwrap();
}

fn load_error(checkpoints: &Checkpoints<MemDisk>, index: u64) -> LoadError {
    let mut sink = Collect::default();
    let result = checkpoints.load(LogIndex(index), &mut sink);
    let truth = super::harness::state(index);
    assert!(sink.records.iter().all(|(key, bytes)| truth.get(key) == Some(bytes)), "a damaged record was handed out");
    result.unwrap_err()
}

/// Loading finds damage in this file, and the check says the same.
fn finds_damage(disk: &MemDisk, index: u64, name: &str, case: &str) {
    let (checkpoints, report) = open(disk);
    if !report.kept.contains(&LogIndex(index)) {
        assert!(report.damaged.iter().any(|damaged| damaged.index.0 == index && damaged.why.contains(name)), "{case}");
    } else {
        let error = load_error(&checkpoints, index);
        assert!(matches!(&error, LoadError::Damaged { file, .. } if file == name), "{case}: {error}");
    }
    let verified = verify(disk.clone(), dir(), &mut |_, _| {}).unwrap();
    assert!(!verified.loadable.contains(&LogIndex(index)), "{case}");
    let file = verified.files.iter().find(|file| file.name == name).unwrap();
    assert!(matches!(file.state, FileState::Damaged { .. }), "{case}: {file:?}");
}

pub(crate) fn every_flipped_bit_of_a_run_is_found() {
    let ready = disk_with(&[1, 2]);
    let name = names_with(&ready, ".run").pop().unwrap();
    let len = ready.contents(&path(&name)).unwrap().len() as u64;
    for offset in 0..len {
        let disk = ready.fork(1);
        disk.flip_bit(&path(&name), offset, (offset % 8) as u8).unwrap();
        finds_damage(&disk, 2, &name, &format!("byte {offset}"));
        check(&open(&disk).0, 1);
    }
}

pub(crate) fn every_flipped_bit_of_a_manifest_is_found_and_the_one_before_serves() {
    let ready = disk_with(&[1, 2]);
    let name = "0000000000000002.ckpt";
    let len = ready.contents(&path(name)).unwrap().len() as u64;
    for offset in 0..len {
        for bit in 0..8 {
            let disk = ready.fork(1);
            disk.flip_bit(&path(name), offset, bit).unwrap();
            let (mut checkpoints, report) = open(&disk);
            assert_eq!(report.kept, [LogIndex(1)], "byte {offset}");
            assert_eq!((report.damaged.len(), report.damaged[0].file.as_str()), (1, name));
            assert!(report.removed.is_empty(), "its runs may be needed yet");
            assert_eq!(names_with(&disk, ".run").len(), 2);
            if bit == 0 {
                assert_eq!(checkpoints.merge_step().unwrap(), Merge::Nothing);
                check_all(&checkpoints);
                write(&mut checkpoints, 3, Source::Delta, false).unwrap();
                assert_eq!(names_with(&disk, ".ckpt"), ["0000000000000001.ckpt", "0000000000000003.ckpt"]);
                assert_eq!(names_with(&disk, ".run").len(), 2);
                check_all(&checkpoints);
            }
        }
    }
}

pub(crate) fn beside_a_damaged_manifest_nothing_is_merged() {
    let disk = disk_with(&[1, 2, 3, 4, 5, 6]);
    disk.flip_bit(&path("0000000000000006.ckpt"), 70, 0).unwrap();
    let (mut checkpoints, report) = open(&disk);
    assert_eq!((report.kept, report.damaged.len()), (vec![LogIndex(5)], 1));
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::Nothing);
    assert_eq!(names_with(&disk, ".run").len(), 6);
    write(&mut checkpoints, 7, Source::Delta, false).unwrap();
    assert_eq!(names_with(&disk, ".run").len(), 6);
    assert!(super::harness::merge_all(&mut checkpoints).unwrap() > 0);
    check_all(&checkpoints);
}

pub(crate) fn cut_and_lengthened_files_are_damage() {
    let ready = disk_with(&[1, 2]);
    let run = names_with(&ready, ".run").pop().unwrap();
    for name in [run.as_str(), "0000000000000002.ckpt"] {
        let len = ready.contents(&path(name)).unwrap().len() as u64;
        for cut in (0..len).chain([len + 1, len + 512]) {
            let disk = ready.fork(1);
            disk.truncate(&path(name), cut).unwrap();
            assert_eq!(open(&disk).1.kept, [LogIndex(1)], "a length is seen when the folder is opened");
            finds_damage(&disk, 2, name, &format!("{name} of {cut} bytes"));
        }
        // Cut while it is open.
        let disk = ready.fork(1);
        let (checkpoints, _) = open(&disk);
        disk.truncate(&path(&run), 600).unwrap();
        assert!(matches!(load_error(&checkpoints, 2), LoadError::Damaged { .. }));
        disk.lose(&path(&run)).unwrap();
        assert!(matches!(load_error(&checkpoints, 2), LoadError::Damaged { .. }));
        assert!(checkpoints.pin(LogIndex(2)).is_none());
    }
}

pub(crate) fn a_missing_or_foreign_run_is_damage() {
    let disk = disk_with(&[1, 2]);
    let run = names_with(&disk, ".run").pop().unwrap();
    disk.lose(&path(&run)).unwrap();
    let (checkpoints, report) = open(&disk);
    assert_eq!(report.kept, [LogIndex(1)]);
    assert!(report.damaged[0].why.contains("missing"), "{report:?}");
    check_all(&checkpoints);
    finds_damage(&disk, 2, &run, "missing");

    // Another run that is good in itself, of the same length.
    let disk = MemDisk::new(1);
    let (mut checkpoints, _) = open(&disk);
    for index in [1, 2] {
        checkpoints.begin(LogIndex(index), Source::Whole).unwrap();
        let mut part = evenkeel_checkpoint::Part::default();
        part.push(2, 0, &[index as u8; 40]);
        checkpoints.append(&part).unwrap();
        checkpoints.finish(b"").unwrap();
    }
    let [first, second] = <[String; 2]>::try_from(names_with(&disk, ".run")).unwrap();
    let bytes = disk.contents(&path(&first)).unwrap();
    assert_eq!(bytes.len(), disk.contents(&path(&second)).unwrap().len());
    overwrite(&disk, &second, &bytes, 0);
    let mut sink = Collect::default();
    let error = checkpoints.load(LogIndex(2), &mut sink).unwrap_err();
    assert!(matches!(&error, LoadError::Damaged { file, .. } if *file == second), "{error}");
    assert!(sink.records.is_empty());
    finds_damage(&disk, 2, &second, "foreign");

    // A manifest under another one's name.
    let bytes = disk.contents(&path("0000000000000001.ckpt")).unwrap();
    overwrite(&disk, "0000000000000002.ckpt", &bytes, 0);
    assert_eq!(open(&disk).1.kept, [LogIndex(1)]);
}

pub(crate) fn exchanged_blocks_are_damage() {
    let disk = MemDisk::new(1);
    let (mut checkpoints, _) = open(&disk);
    checkpoints.begin(LogIndex(1), Source::Whole).unwrap();
    let mut part = evenkeel_checkpoint::Part::default();
    // One block each.
    for slot in 0..4 {
        part.push(2, slot, &[slot as u8; 70_000]);
    }
    checkpoints.append(&part).unwrap();
    checkpoints.finish(b"").unwrap();
    let run = names_with(&disk, ".run").pop().unwrap();
    let bytes = disk.contents(&path(&run)).unwrap();
    let block = (bytes.len() - 512 - 64) / 4;
    let at = |nth: usize| 512 + nth * block;
    overwrite(&disk, &run, &bytes[at(2)..at(3)], at(1) as u64);
    overwrite(&disk, &run, &bytes[at(1)..at(2)], at(2) as u64);
    let mut sink = Collect::default();
    let error = checkpoints.load(LogIndex(1), &mut sink).unwrap_err();
    assert!(matches!(error, LoadError::Damaged { offset, .. } if offset == at(1) as u64), "{error}");
    // A block that claims to be endless.
    overwrite(&disk, &run, &bytes, 0);
    overwrite(&disk, &run, &[0xFF; 4], at(3) as u64 + 8);
    let error = checkpoints.load(LogIndex(1), &mut Collect::default()).unwrap_err();
    assert!(matches!(error, LoadError::Damaged { offset, .. } if offset == at(3) as u64), "{error}");
}

pub(crate) fn damage_in_a_large_run_is_found_ahead() {
    let (disk, checkpoints) = life::large();
    let run = names_with(&disk, ".run").remove(0);
    let len = disk.contents(&path(&run)).unwrap().len() as u64;
    for offset in [600, len / 2, len - 70_000, len - 10] {
        disk.flip_bit(&path(&run), offset, 3).unwrap();
        let mut sink = Collect::default();
        let error = checkpoints.load(LogIndex(2), &mut sink).unwrap_err();
        assert!(matches!(&error, LoadError::Damaged { file, .. } if *file == run), "{error}");
        assert!(sink.records.values().all(|bytes| bytes.len() == 44 && bytes.iter().all(|byte| matches!(byte, 1 | 2))));
        disk.flip_bit(&path(&run), offset, 3).unwrap();
    }
    checkpoints.load(LogIndex(2), &mut Collect::default()).unwrap();
}

pub(crate) fn a_newer_format_is_refused_by_name() {
    let disk = disk_with(&[1, 2]);
    let run = names_with(&disk, ".run").pop().unwrap();
    let old = disk.contents(&path(&run)).unwrap();
    let mut header = old[..512].to_vec();
    header[16] = 2;
    let checksum = xxh3_64(&header[8..]).to_le_bytes();
    header[..8].copy_from_slice(&checksum);
    overwrite(&disk, &run, &header, 0);
    let (checkpoints, _) = open(&disk);
    assert!(matches!(load_error(&checkpoints, 2), LoadError::TooNew { version: 2, .. }));
    let verified = verify(disk.clone(), dir(), &mut |_, _| {}).unwrap();
    assert!(verified.files.iter().any(|file| file.name == run && file.state == FileState::TooNew(2)));
    drop(checkpoints);

    let name = "0000000000000001.ckpt";
    let mut manifest = disk.contents(&path(name)).unwrap();
    manifest[24] = 9;
    let checksum = xxh3_128(&manifest[16..]).to_le_bytes();
    manifest[..16].copy_from_slice(&checksum);
    overwrite(&disk, name, &manifest, 0);
    let before = super::harness::names(&disk);
    let error = Checkpoints::open(disk.clone(), dir(), Options::default()).err().unwrap();
    assert!(matches!(&error, CheckpointError::TooNew { file, version: 9 } if file == name), "{error}");
    assert_eq!(super::harness::names(&disk), before, "nothing is removed");
}

pub(crate) fn a_merge_that_finds_damage_asks_for_a_whole_checkpoint() {
    let disk = disk_with(&[1, 2, 3, 4, 5]);
    let run = names_with(&disk, ".run").remove(2);
    let (mut checkpoints, _) = open(&disk);
    disk.flip_bit(&path(&run), 700, 1).unwrap();
    let error = super::harness::merge_all(&mut checkpoints).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains(&run), "{error}");
    assert!(checkpoints.wants_whole());
    assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::Nothing);
    write_next(&mut checkpoints, 6, false).unwrap();
    assert!(!checkpoints.wants_whole());
    write_next(&mut checkpoints, 7, false).unwrap();
    check_all(&checkpoints);
    assert_eq!(names_with(&disk, ".run").len(), 2);
}
