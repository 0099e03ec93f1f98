//! Full disks, failing syncs, and disks that lie.

use super::{
    harness::{
        check_all, check_no_file_too_many, dir, disk_with, merge_all, names, names_with, open, small, write, write_next,
    },
    trouble::Trouble,
};
use evenkeel_checkpoint::{Checkpoints, Merge, Options, Part, Source};
use evenkeel_disk::MemDisk;
use evenkeel_types::LogIndex;
use std::io::ErrorKind;

pub(crate) fn a_failed_sync_costs_one_attempt_and_is_never_believed() {
    let ready = disk_with(&[1, 2, 3]);
    for nth in 0.. {
        let mut failed = false;
        for seed in 0..8 {
            let disk = ready.fork(nth * 10 + seed);
            let (mut checkpoints, _) = open(&disk);
            disk.fail_sync(nth);
            let result = write(&mut checkpoints, 4, Source::Delta, false).and_then(|()| merge_all(&mut checkpoints));
            disk.fail_sync(u64::MAX);
            failed = result.is_err();
            if failed {
                assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
                check_all(&checkpoints);
            }
            assert!(checkpoints.kept().len() == 2);
            let promised = checkpoints.kept().to_vec();
            if seed < 4 {
                write(&mut checkpoints, 5, Source::Whole, true).unwrap();
                assert_eq!(checkpoints.kept()[1], LogIndex(5));
            }
            let newest = checkpoints.kept().last().copied().unwrap();
            drop(checkpoints);
            disk.crash();
            let (checkpoints, report) = open(&disk);
            assert!(report.damaged.is_empty(), "{report:?}");
            assert!(report.kept.contains(&newest) && report.kept.contains(&promised[1]), "{promised:?} {report:?}");
            check_all(&checkpoints);
        }
        if !failed {
            assert!(nth > 4, "{nth} syncs are too few");
            return;
        }
    }
}

fn used(disk: &MemDisk) -> u64 {
    names(disk).iter().map(|name| disk.contents(&dir().join(name)).unwrap().len() as u64).sum()
}

pub(crate) fn the_ballast_makes_room_for_a_checkpoint() {
    // A checkpoint needs less than the ballast.
    let ready = disk_with(&[1, 2, 3]);
    for left in 0..40 {
        let disk = ready.fork(1);
        let (mut checkpoints, _) = open(&disk);
        assert!(checkpoints.has_ballast());
        disk.set_capacity(Some(used(&disk) + left * 50));
        write(&mut checkpoints, 4, Source::Delta, false).unwrap_or_else(|error| panic!("{left}: {error}"));
        check_all(&checkpoints);
        // With a little more room it comes back.
        if !checkpoints.has_ballast() {
            assert!(!names(&disk).contains(&"ballast".to_owned()));
            disk.set_capacity(None);
            write(&mut checkpoints, 5, Source::Delta, false).unwrap();
            assert!(checkpoints.has_ballast());
            check_all(&checkpoints);
        } else {
            assert!(left > 10);
        }
        drop(checkpoints);
        disk.crash();
        check_all(&open(&disk).0);
    }
}

pub(crate) fn a_full_disk_without_ballast_costs_one_attempt() {
    let ready = disk_with(&[1, 2, 3]);
    for left in 0..60 {
        let disk = ready.fork(1);
        let options = Options { ballast_bytes: 0, ..small() };
        let (mut checkpoints, _) = Checkpoints::open(disk.clone(), dir(), options).unwrap();
        disk.set_capacity(Some(used(&disk) + left * 40));
        let result = write(&mut checkpoints, 4, Source::Delta, false);
        assert_eq!(checkpoints.kept()[1], LogIndex(if result.is_ok() { 4 } else { 3 }));
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            assert_eq!(checkpoints.writing(), None);
            assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
            assert_eq!(names_with(&disk, ".run").len(), 3);
            check_all(&checkpoints);
            assert_eq!(write(&mut checkpoints, 4, Source::Whole, false).unwrap_err().kind(), ErrorKind::StorageFull);
        } else {
            assert!(left > 10);
        }
        disk.set_capacity(None);
        write(&mut checkpoints, 5, Source::Whole, false).unwrap();
        check_all(&checkpoints);
        // No room for a ballast is no error.
        drop(checkpoints);
        disk.set_capacity(Some(used(&disk) - 4096));
        let (checkpoints, report) = Checkpoints::open(disk.clone(), dir(), Options::default()).unwrap();
        assert!(!report.has_ballast && !checkpoints.has_ballast());
        check_all(&checkpoints);
    }
}

pub(crate) fn a_merge_leaves_the_ballast_alone() {
    let disk = disk_with(&[1, 2, 3, 4, 5]);
    let (mut checkpoints, _) = open(&disk);
    disk.set_capacity(Some(used(&disk)));
    assert_eq!(merge_all(&mut checkpoints).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(checkpoints.has_ballast());
    assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
    check_all(&checkpoints);
    write_next(&mut checkpoints, 6, false).unwrap();
    disk.set_capacity(None);
    assert!(merge_all(&mut checkpoints).unwrap() > 0);
    check_all(&checkpoints);
}

pub(crate) fn what_does_not_read_back_is_not_installed() {
    let ready = disk_with(&[1, 2, 3]);
    for nth in 0.. {
        let disk = Trouble::new(ready.fork(1));
        let (mut checkpoints, _) = open(&disk);
        disk.flip.set(nth);
        let written = write(&mut checkpoints, 4, Source::Delta, false);
        let result = written.and_then(|()| merge_all(&mut checkpoints).map(|_| ()));
        check_all(&checkpoints);
        if !disk.flip.is_over() {
            assert!(nth > 5, "{nth} writes are too few");
            result.unwrap();
            return;
        }
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidData, "write {nth}");
        assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
        assert!(!checkpoints.wants_whole(), "what was there is not damaged");
        write_next(&mut checkpoints, 5, true).unwrap();
        merge_all(&mut checkpoints).unwrap();
        check_all(&checkpoints);
        drop(checkpoints);
        disk.inner.crash();
        check_all(&open(&disk).0);
    }
}

pub(crate) fn a_merge_of_doubtful_name_keeps_its_run() {
    let ready = disk_with(&[1, 2, 3, 4]);
    let mut doubts = 0;
    for (nth, at_once) in (0..20).flat_map(|nth| [(nth, false), (nth, true)]) {
        let disk = Trouble::new(ready.fork(nth));
        let (mut checkpoints, _) = open(&disk);
        disk.folder.set(nth as i64);
        let merged = merge_all(&mut checkpoints);
        if merged.is_err() && at_once {
            merge_all(&mut checkpoints).unwrap();
            check_no_file_too_many(&checkpoints, &disk);
        }
        let written = write(&mut checkpoints, 6, Source::Delta, false);
        disk.folder.set(i64::MAX);
        let promised = checkpoints.kept().to_vec();
        let reopen = |promised: &[LogIndex]| {
            let disk = Trouble::new(disk.inner.fork(nth));
            let (checkpoints, report) = open(&disk);
            assert!(report.damaged.is_empty(), "folder sync {nth}: {report:?}");
            assert!(promised.iter().all(|index| report.kept.contains(index)), "{promised:?} {report:?}");
            check_all(&checkpoints);
        };
        reopen(&promised);
        if merged.is_err() {
            doubts += 1;
            // Trying again settles it.
            merge_all(&mut checkpoints).unwrap();
            reopen(&promised);
        }
        if written.is_err() {
            doubts += 1;
            write(&mut checkpoints, 7, Source::Whole, false).unwrap();
        }
        write_next(&mut checkpoints, 8, true).unwrap();
        write_next(&mut checkpoints, 9, true).unwrap();
        merge_all(&mut checkpoints).unwrap();
        reopen(&[LogIndex(8), LogIndex(9)]);
        check_no_file_too_many(&checkpoints, &disk);
    }
    assert!(doubts >= 3, "{doubts}");
}

pub(crate) fn a_long_run_is_synced_on_the_way() {
    let disk = MemDisk::new(1);
    let options = Options { sync_every_bytes: 2 << 20, step_bytes: 1 << 20, small_bytes: 0, ..Options::default() };
    let (mut checkpoints, _) = Checkpoints::open(disk.clone(), dir(), Options { ballast_bytes: 0, ..options }).unwrap();
    let mut part = Part::default();
    (0..240_000).for_each(|slot| part.push(2, slot, &[3; 42]));
    for (index, source) in [(1, Source::Whole), (2, Source::Delta)] {
        let before = disk.counters();
        checkpoints.begin(LogIndex(index), source).unwrap();
        checkpoints.append(&part).unwrap();
        let syncs = disk.counters().syncs - before.syncs;
        assert!((4..=6).contains(&syncs), "{syncs} syncs in 10 MiB");
        checkpoints.finish(b"").unwrap();
    }
    let mut steps = 0;
    loop {
        let before = disk.counters();
        let step = checkpoints.merge_step().unwrap();
        let written = disk.counters().bytes_written - before.bytes_written;
        assert!(written <= 3 << 20, "{written} bytes in one step");
        let read = disk.counters().bytes_read - before.bytes_read;
        assert!(read <= 8 << 20, "{read} bytes in one step");
        assert!(disk.counters().syncs - before.syncs <= 2);
        steps += 1;
        match step {
            Merge::More => {}
            Merge::Installed => break,
            Merge::Nothing => panic!("half of it is new"),
        }
    }
    assert!(steps >= 15, "{steps} steps for 10 MiB written and read back");
}

pub(crate) fn a_disk_that_is_found_full_by_a_sync_costs_the_ballast_and_no_second_sync() {
    let ready = disk_with(&[1, 2, 3]);
    for nth in 0.. {
        let disk = Trouble::new(ready.fork(1));
        let (mut checkpoints, _) = open(&disk);
        assert!(checkpoints.has_ballast());
        disk.full.set(nth);
        let result = write(&mut checkpoints, 4, Source::Delta, false);
        if !disk.full.is_over() {
            result.unwrap();
            assert!(nth >= 2, "{nth} syncs are too few");
            return;
        }
        assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull, "sync {nth}");
        assert!(!checkpoints.has_ballast() && !names(&disk).contains(&"ballast".to_owned()));
        assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
        check_all(&checkpoints);
        write(&mut checkpoints, 4, Source::Whole, false).unwrap();
        assert!(checkpoints.has_ballast());
        check_all(&checkpoints);
    }
}
