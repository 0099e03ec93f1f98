//! What checkpoints do as long as nothing goes wrong.

use super::harness::{
    Collect, Records, check, check_all, check_no_file_too_many, dir, disk_with, load, merge_all, meta, names_with,
    open, small, state, write, write_next,
};
use evenkeel_checkpoint::{Checkpoints, LoadError, Merge, Options, Part, RECORD_BYTES_MAX, Sink, Source, verify};
use evenkeel_disk::{MemDisk, RealDisk};
use evenkeel_types::LogIndex;
use proptest::{prelude::*, test_runner::TestRunner};
use std::io::ErrorKind;

pub(crate) fn each_kept_checkpoint_holds_the_newest_record_of_each_slot() {
    let disk = MemDisk::new(1);
    let (mut checkpoints, report) = open(&disk);
    assert!(report.kept.is_empty() && report.damaged.is_empty() && report.has_ballast);
    assert_eq!(checkpoints.oldest(), LogIndex::ZERO);
    assert!(checkpoints.wants_whole());
    let mut index = 0;
    for step in [1, 1, 3, 2, 1, 1] {
        index += step;
        write_next(&mut checkpoints, index, false).unwrap();
        check_all(&checkpoints);
    }
    assert_eq!(checkpoints.newest_runs().0, 6);
    let mut sink = Collect::default();
    assert!(matches!(checkpoints.load(LogIndex(1), &mut sink), Err(LoadError::Unknown(LogIndex(1)))));
    drop(checkpoints);
    let (checkpoints, report) = open(&disk);
    assert_eq!(report.kept, [LogIndex(8), LogIndex(9)]);
    assert_eq!(report.removed, Vec::<String>::new());
    check_all(&checkpoints);
}

pub(crate) fn two_are_kept_and_no_file_too_many() {
    let disk = disk_with(&[1, 2, 3, 4]);
    assert_eq!(names_with(&disk, ".ckpt"), ["0000000000000003.ckpt", "0000000000000004.ckpt"]);
    assert_eq!(names_with(&disk, ".run").len(), 4);
    assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
    let (mut checkpoints, _) = open(&disk);
    write(&mut checkpoints, 5, Source::Whole, false).unwrap();
    assert_eq!(names_with(&disk, ".run").len(), 5, "the one before needs the older runs");
    write(&mut checkpoints, 6, Source::Delta, false).unwrap();
    assert_eq!(names_with(&disk, ".run").len(), 2);
    check_all(&checkpoints);
    let mut last = (0, 0);
    let verified = verify(disk, dir(), &mut |done, all| last = (done, all)).unwrap();
    assert_eq!(verified.loadable, [LogIndex(5), LogIndex(6)]);
    assert_eq!(verified.files.len(), 4);
    assert_eq!(last, (checkpoints.run_bytes(), checkpoints.run_bytes()));
}

pub(crate) fn merges_change_no_record_and_keep_runs_few() {
    let disk = MemDisk::new(1);
    let (mut checkpoints, _) = open(&disk);
    let mut merges = 0;
    for index in 1..60 {
        write_next(&mut checkpoints, index, false).unwrap();
        merges += merge_all(&mut checkpoints).unwrap();
        assert!(checkpoints.newest_runs().0 <= 6);
        if index % 7 == 0 {
            check_all(&checkpoints);
            check_no_file_too_many(&checkpoints, &disk);
        }
    }
    assert!(merges > 15, "{merges} merges");
    assert!(names_with(&disk, ".run").len() <= 12);
    let bytes = checkpoints.newest_runs().1;
    let plain: usize = state(59).values().map(|bytes| bytes.len() + 2).sum();
    assert!(bytes < 2 * plain as u64 + 4000, "{bytes} for {plain}");
    drop(checkpoints);
    let (checkpoints, report) = open(&disk);
    assert!(report.removed.is_empty(), "{report:?}");
    check_all(&checkpoints);
}

pub(crate) fn a_merge_goes_on_while_checkpoints_come() {
    let disk = disk_with(&[1, 2, 3, 4, 5]);
    let (mut checkpoints, _) = open(&disk);
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::More);
    write(&mut checkpoints, 6, Source::Delta, true).unwrap();
    check_all(&checkpoints);
    assert!(merge_all(&mut checkpoints).unwrap() > 0);
    check_all(&checkpoints);
    for index in 7..12 {
        write(&mut checkpoints, index, Source::Delta, true).unwrap();
        check_all(&checkpoints);
    }
    // A whole one makes the merge superfluous.
    write(&mut checkpoints, 12, Source::Delta, false).unwrap();
    while checkpoints.merge_step().unwrap() != Merge::More {
        let next = checkpoints.kept()[1].0 + 1;
        write(&mut checkpoints, next, Source::Delta, false).unwrap();
    }
    assert_eq!(names_with(&disk, ".new").len(), 1);
    let next = checkpoints.kept()[1].0 + 1;
    write(&mut checkpoints, next, Source::Whole, false).unwrap();
    check_no_file_too_many(&checkpoints, &disk);
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::Nothing);
    write(&mut checkpoints, next + 1, Source::Delta, true).unwrap();
    merge_all(&mut checkpoints).unwrap();
    check_all(&checkpoints);
    check_no_file_too_many(&checkpoints, &disk);
    drop(checkpoints);
    assert!(open(&disk).1.removed.is_empty());
}

pub(crate) fn a_delta_without_changes_makes_no_run() {
    let disk = disk_with(&[3]);
    let (mut checkpoints, _) = open(&disk);
    checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
    checkpoints.append(&Part::default()).unwrap();
    checkpoints.finish(b"other").unwrap();
    assert_eq!(names_with(&disk, ".run").len(), 1);
    drop(checkpoints);
    let (mut checkpoints, report) = open(&disk);
    assert_eq!(report.kept, [LogIndex(3), LogIndex(4)]);
    let loaded = load(&checkpoints, 4);
    assert_eq!((loaded.meta.unwrap().as_slice(), loaded.records), (&b"other"[..], state(3)));
    checkpoints.begin(LogIndex(5), Source::Whole).unwrap();
    checkpoints.finish(b"").unwrap();
    let loaded = load(&checkpoints, 5);
    assert_eq!((loaded.meta, loaded.records), (Some(Vec::new()), Records::new()));
}

pub(crate) fn records_out_of_turn_are_refused_and_nothing_is_left() {
    let disk = disk_with(&[3]);
    let (mut checkpoints, _) = open(&disk);
    let refused = |result: std::io::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
    refused(checkpoints.append(&Part::default()));
    refused(checkpoints.finish(b""));
    refused(checkpoints.begin(LogIndex(3), Source::Delta));
    refused(checkpoints.begin(LogIndex(2), Source::Whole));
    let mut wrong = Vec::new();
    for second in [(2, 7), (2, 6), (1, 8)] {
        let mut part = Part::with_capacity(100);
        part.push(2, 7, b"first");
        part.push(second.0, second.1, b"second");
        wrong.push(part);
    }
    let mut part = Part::default();
    part.push(2, 7, &vec![0; RECORD_BYTES_MAX + 1]);
    wrong.push(part);
    for part in wrong {
        checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
        refused(checkpoints.append(&part));
        assert_eq!(checkpoints.writing(), None);
        refused(checkpoints.finish(b""));
    }
    checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
    refused(checkpoints.finish(&vec![0; evenkeel_checkpoint::META_BYTES_MAX + 1]));
    assert_eq!(names_with(&disk, ".new"), Vec::<String>::new());
    assert_eq!(names_with(&disk, ".run").len(), 1);
    // The longest record, and slots at both ends.
    checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
    let mut part = Part::default();
    part.push(0, 0, b"");
    part.push(2, 100, &vec![5; RECORD_BYTES_MAX]);
    part.push(255, 0, &[1; 127]);
    part.push(255, 127, &[2; 128]);
    part.push(255, 256, &[3; 16_384]);
    part.push(255, u32::MAX, b"last");
    checkpoints.append(&part).unwrap();
    checkpoints.finish(&meta(4)).unwrap();
    let loaded = load(&checkpoints, 4);
    assert_eq!(loaded.records[&(2, 100)], vec![5; RECORD_BYTES_MAX]);
    assert_eq!(loaded.records[&(255, 256)], [3; 16_384]);
    assert_eq!(loaded.records[&(255, u32::MAX)], b"last");
    assert_eq!(loaded.records.len(), state(3).keys().filter(|key| **key != (0, 0)).count() + 6);
    let (disk, fresh) = (MemDisk::new(1), Source::Delta);
    refused(open(&disk).0.begin(LogIndex(1), fresh));
}

pub(crate) fn an_abandoned_checkpoint_leaves_nothing() {
    let disk = disk_with(&[3]);
    let (mut checkpoints, _) = open(&disk);
    checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
    let mut part = Part::default();
    part.push(2, 0, &[7; 5000]);
    checkpoints.append(&part).unwrap();
    assert_eq!(names_with(&disk, ".new").len(), 1);
    checkpoints.abandon();
    checkpoints.abandon();
    assert_eq!(names_with(&disk, ".new").len(), 0);
    write(&mut checkpoints, 4, Source::Delta, false).unwrap();
    // The process ends in the middle of one, and of a merge.
    for index in 5..8 {
        write(&mut checkpoints, index, Source::Delta, false).unwrap();
    }
    checkpoints.begin(LogIndex(9), Source::Delta).unwrap();
    checkpoints.append(&part).unwrap();
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::More);
    disk.kill();
    let (checkpoints, report) = open(&disk);
    assert_eq!(report.removed.len(), 2, "{report:?}");
    assert!(report.removed.iter().all(|name| name.ends_with(".run.new")));
    check_all(&checkpoints);
}

pub(crate) fn forgotten_checkpoints_go_with_the_next() {
    let disk = disk_with(&[1, 2, 3, 4, 5, 6]);
    let (mut checkpoints, _) = open(&disk);
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::More);
    checkpoints.forget_newer_than(LogIndex(5));
    assert_eq!(checkpoints.merge_step().unwrap(), Merge::Nothing, "nothing that may be needed is touched");
    assert_eq!((names_with(&disk, ".ckpt").len(), names_with(&disk, ".run").len()), (2, 6));
    write(&mut checkpoints, 6, Source::Delta, false).unwrap();
    assert!(merge_all(&mut checkpoints).unwrap() > 0);
    check_all(&checkpoints);
    check_no_file_too_many(&checkpoints, &disk);

    let disk = disk_with(&[1, 2, 3]);
    let (mut checkpoints, _) = open(&disk);
    checkpoints.begin(LogIndex(4), Source::Delta).unwrap();
    checkpoints.forget_newer_than(LogIndex(2));
    assert_eq!((checkpoints.kept(), checkpoints.writing()), (&[LogIndex(2)][..], None));
    assert_eq!(names_with(&disk, ".ckpt").len(), 2);
    // The same index may come again.
    write(&mut checkpoints, 3, Source::Delta, false).unwrap();
    assert_eq!(names_with(&disk, ".run").len(), 3);
    check_all(&checkpoints);
    checkpoints.forget_newer_than(LogIndex(2));
    write(&mut checkpoints, 5, Source::Delta, false).unwrap();
    assert_eq!(names_with(&disk, ".ckpt"), ["0000000000000002.ckpt", "0000000000000005.ckpt"]);
    check_all(&checkpoints);
    checkpoints.forget_newer_than(LogIndex::ZERO);
    assert!(checkpoints.wants_whole());
    write(&mut checkpoints, 4, Source::Whole, false).unwrap();
    assert_eq!(names_with(&disk, ".ckpt"), ["0000000000000004.ckpt"]);
    drop(checkpoints);
    check_all(&open(&disk).0);
}

struct Count {
    records: u32,
    refuse_at: u32,
}

impl Sink for Count {
    fn meta(&mut self, _: &[u8]) -> Result<(), String> {
        if self.refuse_at == 0 { Err("no meta".to_owned()) } else { Ok(()) }
    }

    fn record(&mut self, section: u8, slot: u32, bytes: &[u8]) -> Result<(), String> {
        assert_eq!((section, slot), (2, self.records));
        assert_eq!((bytes.len(), bytes[0]), (44, if slot % 1000 == 7 { 2 } else { 1 }));
        self.records += 1;
        if self.records == self.refuse_at { Err("too many".to_owned()) } else { Ok(()) }
    }
}

/// A base of more than 8 MiB and a run of single records over it.
pub(super) fn large() -> (MemDisk, Checkpoints<MemDisk>) {
    let disk = MemDisk::new(1);
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let (mut checkpoints, report) = Checkpoints::open(disk.clone(), dir(), options).unwrap();
    assert!(!report.has_ballast);
    for (index, source) in [(1, Source::Whole), (2, Source::Delta)] {
        checkpoints.begin(LogIndex(index), source).unwrap();
        let mut part = Part::default();
        for slot in (0..200_000).filter(|slot| index == 1 || slot % 1000 == 7) {
            part.push(2, slot, &[index as u8; 44]);
        }
        checkpoints.append(&part).unwrap();
        checkpoints.finish(b"").unwrap();
    }
    assert!(checkpoints.newest_runs().1 < 200_000 * 461 / 10 + 20_000, "2 bytes a record, and little else");
    (disk, checkpoints)
}

pub(crate) fn large_runs_are_read_ahead_and_a_refusal_ends_it() {
    let (_disk, checkpoints) = large();
    let mut all = Count { records: 0, refuse_at: u32::MAX };
    checkpoints.load(LogIndex(2), &mut all).unwrap();
    assert_eq!(all.records, 200_000);
    for refuse_at in [0, 1, 30_000, 199_999] {
        let mut some = Count { records: 0, refuse_at };
        let error = checkpoints.load(LogIndex(2), &mut some).unwrap_err();
        assert!(matches!(error, LoadError::Refused(_)), "{error}");
        assert_eq!(some.records, refuse_at);
    }
}

pub(crate) fn arbitrary_lives_equal_their_model() {
    let changes =
        proptest::collection::btree_map((0..4u8, 0..200u32), proptest::collection::vec(any::<u8>(), 0..30), 0..60);
    let lives = proptest::collection::vec((changes, 0..8u8), 1..25);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&lives, |life| {
            let disk = MemDisk::new(1);
            let (mut checkpoints, _) = Checkpoints::open(disk.clone(), dir(), small()).unwrap();
            let mut model = Records::new();
            let mut before = Records::new();
            for (nth, (changes, choice)) in life.into_iter().enumerate() {
                before.clone_from(&model);
                model.extend(changes.clone());
                let whole = choice == 0 || checkpoints.wants_whole();
                checkpoints.begin(LogIndex(nth as u64 + 1), if whole { Source::Whole } else { Source::Delta }).unwrap();
                for part in super::harness::parts(if whole { &model } else { &changes }) {
                    checkpoints.append(&part).unwrap();
                }
                checkpoints.finish(b"m").unwrap();
                match choice {
                    1 | 2 => drop(merge_all(&mut checkpoints).unwrap()),
                    3 => drop(checkpoints.merge_step().unwrap()),
                    4 => {
                        drop(checkpoints);
                        disk.crash();
                        checkpoints = open(&disk).0;
                    }
                    _ => {}
                }
                prop_assert_eq!(&load(&checkpoints, nth as u64 + 1).records, &model);
                if nth > 0 {
                    prop_assert_eq!(&load(&checkpoints, nth as u64).records, &before);
                }
            }
            Ok(())
        })
        .unwrap();
    check(&open(&disk_with(&[1])).0, 1);
}

pub(crate) fn a_real_disk_serves_too() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("checkpoints");
    for life in 0..3 {
        let (mut checkpoints, report) = Checkpoints::open(RealDisk, &folder, small()).unwrap();
        assert!(report.has_ballast && report.removed.is_empty() && report.damaged.is_empty(), "{report:?}");
        check_all(&checkpoints);
        for index in life * 5 + 1..life * 5 + 6 {
            write_next(&mut checkpoints, index, true).unwrap();
            merge_all(&mut checkpoints).unwrap();
        }
        check_all(&checkpoints);
    }
    fn needs<T: Send>(_: &T) {}
    needs(&Checkpoints::open(RealDisk, &folder, small()).unwrap().0);
    let verified = verify(RealDisk, &folder, &mut |_, _| {}).unwrap();
    assert_eq!(verified.loadable, [LogIndex(14), LogIndex(15)]);
}
