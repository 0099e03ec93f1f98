use super::MemDisk;
use crate::{Disk, DiskFile, OpenMode};
use std::{collections::BTreeSet, io, path::Path};

const FILE: &str = "d/file";

fn disk_with_synced_file(seed: u64, bytes: &[u8]) -> (MemDisk, super::MemFile) {
    let disk = MemDisk::new(seed);
    disk.create_dir_all(Path::new("d")).unwrap();
    let file = disk.open(Path::new(FILE), OpenMode::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(Path::new("d")).unwrap();
    (disk, file)
}

#[test]
fn synced_bytes_survive_a_power_cut() {
    for seed in 0..32 {
        let (disk, _file) = disk_with_synced_file(seed, &[7; 1500]);
        disk.crash();
        assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![7; 1500]);
    }
}

#[test]
fn each_sector_is_kept_or_lost_whole_and_all_outcomes_occur() {
    let mut seen = BTreeSet::new();
    for seed in 0..64 {
        let (disk, file) = disk_with_synced_file(seed, &[1; 1024]);
        file.write_all_at(&[2; 1024], 0).unwrap();
        disk.crash();
        let bytes = disk.contents(Path::new(FILE)).unwrap();
        for sector in bytes.chunks(512) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "seed {seed}: a sector is torn");
        }
        seen.insert((bytes[0], bytes[512]));
    }
    assert_eq!(seen.len(), 4, "both sectors independently old or new");
}

#[test]
fn a_sector_shows_a_state_it_was_once_in() {
    for seed in 0..64 {
        let (disk, file) = disk_with_synced_file(seed, &[1; 512]);
        file.write_all_at(&[2; 256], 0).unwrap();
        file.write_all_at(&[3; 256], 256).unwrap();
        disk.crash();
        let bytes = disk.contents(Path::new(FILE)).unwrap();
        assert!([(1, 1), (2, 1), (2, 3)].contains(&(bytes[0], bytes[511])), "seed {seed}: never the second alone");
    }
}

#[test]
fn process_death_loses_nothing_and_syncs_nothing() {
    let (disk, file) = disk_with_synced_file(1, &[1; 512]);
    file.write_all_at(&[2; 512], 0).unwrap();
    disk.kill();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![2; 512]);
    assert!(file.sync().is_err(), "the old handle is dead");
    disk.crash_losing_all();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![1; 512]);
}

#[test]
fn a_name_is_durable_only_after_its_directory_is_synced() {
    let mut seen = BTreeSet::new();
    for seed in 0..32 {
        let (disk, _file) = disk_with_synced_file(seed, &[1]);
        disk.rename(Path::new(FILE), Path::new("d/new")).unwrap();
        disk.crash();
        let names = disk.list(Path::new("d")).unwrap();
        assert_eq!(names.len(), 1, "a rename is never half done: {names:?}");
        seen.insert(names);
    }
    assert_eq!(seen.len(), 2);
    let (disk, _file) = disk_with_synced_file(0, &[1]);
    disk.rename(Path::new(FILE), Path::new("d/new")).unwrap();
    disk.sync_dir(Path::new("d")).unwrap();
    disk.crash_losing_all();
    assert_eq!(disk.list(Path::new("d")).unwrap(), ["new"]);
}

#[test]
fn a_removed_file_may_come_back_and_stays_readable_while_open() {
    let (disk, file) = disk_with_synced_file(0, &[5; 4]);
    disk.remove(Path::new(FILE)).unwrap();
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [5; 4]);
    disk.crash_losing_all();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), [5; 4]);
}

#[test]
fn a_lost_length_cuts_the_file_and_a_lost_cut_brings_the_bytes_back() {
    let (disk, file) = disk_with_synced_file(0, &[1; 2000]);
    file.set_len(100).unwrap();
    file.write_all_at(&[2; 10], 95).unwrap();
    disk.crash_losing_all();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![1; 2000]);
    let (disk, file) = disk_with_synced_file(0, &[1; 100]);
    file.write_all_at(&[2; 1000], 100).unwrap();
    disk.crash_losing_all();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![1; 100]);
}

#[test]
fn a_failed_sync_is_not_mended_by_a_later_good_one() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..64 {
        let (disk, file) = disk_with_synced_file(seed, &[1; 512]);
        file.write_all_at(&[2; 512], 0).unwrap();
        disk.fail_sync(0);
        file.sync().unwrap_err();
        file.sync().unwrap();
        let shown = disk.contents(Path::new(FILE)).unwrap()[0];
        disk.crash();
        assert_eq!(disk.contents(Path::new(FILE)).unwrap(), vec![1; 512], "seed {seed}");
        outcomes.insert(shown);
    }
    assert_eq!(outcomes.len(), 2, "reads back either way before the crash");
}

#[test]
fn everything_fails_from_the_nth_change_until_the_crash() {
    let (disk, file) = disk_with_synced_file(0, &[1; 4]);
    disk.fail_from(1);
    file.write_all_at(&[2], 0).unwrap();
    file.write_all_at(&[3], 1).unwrap_err();
    file.sync().unwrap_err();
    file.read_exact_at(&mut [0], 0).unwrap_err();
    disk.list(Path::new("d")).unwrap_err();
    disk.kill();
    disk.list(Path::new("d")).unwrap();
}

#[test]
fn a_full_disk_writes_what_fits_and_says_so() {
    let (disk, file) = disk_with_synced_file(0, &[1; 100]);
    disk.set_capacity(Some(110));
    let error = file.write_all_at(&[2; 50], 90).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 110);
    file.write_all_at(&[3; 110], 0).unwrap();
    disk.set_capacity(None);
    file.write_all_at(&[2; 50], 90).unwrap();
}

#[test]
fn a_lock_is_exclusive_until_dropped_or_crashed() {
    let (disk, _file) = disk_with_synced_file(0, &[]);
    let path = Path::new("d/lock");
    let held = disk.lock(path).unwrap();
    assert_eq!(disk.lock(path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(held);
    let old = disk.lock(path).unwrap();
    disk.kill();
    let new = disk.lock(path).unwrap();
    drop(old);
    assert!(disk.lock(path).is_err(), "an old life's lock frees nothing");
    drop(new);
}

#[test]
fn damage_reaches_the_medium() {
    let (disk, _file) = disk_with_synced_file(0, &[0; 4]);
    disk.flip_bit(Path::new(FILE), 2, 3).unwrap();
    disk.crash();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), [0, 0, 8, 0]);
    disk.truncate(Path::new(FILE), 3).unwrap();
    disk.crash();
    assert_eq!(disk.contents(Path::new(FILE)).unwrap(), [0, 0, 8]);
    disk.lose(Path::new(FILE)).unwrap();
    disk.crash();
    assert!(disk.list(Path::new("d")).unwrap().is_empty());
}

#[test]
fn same_seed_same_outcome() {
    let run = |seed| {
        let (disk, file) = disk_with_synced_file(seed, &[1; 8192]);
        file.write_all_at(&[2; 8192], 0).unwrap();
        disk.crash();
        disk.contents(Path::new(FILE)).unwrap()
    };
    assert_eq!(run(9), run(9));
    assert_ne!(run(9), run(10));
}
