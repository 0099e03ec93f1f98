//! Dies at every write, sync, rename and removal of a life, in turn.

use super::{
    harness::{check_all, dir, disk_with, merge_all, open, small, write, write_next},
    transfer,
};
use evenkeel_checkpoint::{CheckpointError, Checkpoints, OpenReport, Source};
use evenkeel_disk::MemDisk;
use evenkeel_types::LogIndex;
use std::io;

/// What was promised to be there.
#[derive(Default)]
pub(super) struct Promise {
    pub(super) kept: Vec<LogIndex>,
}

impl Promise {
    pub(super) fn hold(&self, report: &OpenReport, case: &str) {
        assert!(report.damaged.is_empty(), "{case}: {report:?}");
        let Some(newest) = self.kept.last() else { return };
        let all = self.kept.iter().all(|index| report.kept.contains(index));
        let newer = report.kept.contains(newest) && report.kept.last() > Some(newest);
        assert!(all || newer, "{case}: {:?} were promised, found {:?}", self.kept, report.kept);
    }
}

fn reopen(disk: &MemDisk, promise: &mut Promise) -> io::Result<Checkpoints<MemDisk>> {
    let opened = Checkpoints::open(disk.clone(), dir(), small());
    let (checkpoints, report) = opened.map_err(|error| match error {
        CheckpointError::Io { source, .. } => source,
        other => panic!("{other}"),
    })?;
    promise.kept = report.kept;
    Ok(checkpoints)
}

/// A life in which everything happens: whole ones, deltas, merges between and after, one forgotten.
fn live(disk: &MemDisk, promise: &mut Promise) -> io::Result<()> {
    let mut checkpoints = reopen(disk, promise)?;
    let first = promise.kept.last().map_or(1, |index| index.0 + 1);
    for index in first..first + 6 {
        let merging = index % 2 == 0;
        let whole = index - first == 4;
        if whole {
            write(&mut checkpoints, index, Source::Whole, merging)?;
        } else {
            write_next(&mut checkpoints, index, merging)?;
        }
        promise.kept = checkpoints.kept().to_vec();
        if index - first != 1 {
            merge_all(&mut checkpoints)?;
        }
    }
    let older = checkpoints.oldest();
    promise.kept = vec![older];
    checkpoints.forget_newer_than(older);
    write_next(&mut checkpoints, older.0 + 2, true)?;
    promise.kept = checkpoints.kept().to_vec();
    Ok(())
}

pub(crate) fn dying_at_any_write_loses_no_checkpoint() {
    let disk = MemDisk::new(0);
    live(&disk, &mut Promise::default()).unwrap();
    let changes = disk.counters().changes;
    assert!(changes > 100, "{changes} is no life");
    for n in 0..changes {
        for seed in 0..6 {
            let case = format!("dying at {n}, seed {seed}");
            let disk = MemDisk::new(n * 100 + seed);
            let mut promise = Promise::default();
            disk.fail_from(n);
            let lived = live(&disk, &mut promise);
            match seed % 3 {
                0 => disk.crash(),
                1 => disk.crash_losing_all(),
                _ => disk.kill(),
            }
            let (checkpoints, report) = open(&disk);
            promise.hold(&report, &case);
            check_all(&checkpoints);
            // What is found is promised now, also if the names were not durable before.
            promise.kept = report.kept;
            drop(checkpoints);
            disk.crash();
            let (checkpoints, report) = open(&disk);
            promise.hold(&report, &case);
            check_all(&checkpoints);
            drop(checkpoints);
            if seed >= 3 {
                disk.fail_from(seed * 3 + n % 11);
                let _ = live(&disk, &mut promise);
                disk.crash();
                promise.hold(&open(&disk).1, &case);
            }
            live(&disk, &mut promise).unwrap_or_else(|error| panic!("{case}: {error}"));
            drop(lived);
            disk.crash();
            let (checkpoints, report) = open(&disk);
            promise.hold(&report, &case);
            assert_eq!(report.kept.len(), 2);
            check_all(&checkpoints);
        }
    }
}

pub(crate) fn dying_while_receiving_leaves_the_old_or_the_new() {
    let sent = disk_with(&[5, 6, 7]);
    let pinned = open(&sent).0.pin(LogIndex(7)).unwrap();
    let ready = disk_with(&[1, 2]);
    for n in 0.. {
        let mut done = false;
        for seed in 0..4 {
            let disk = ready.fork(n * 10 + seed);
            disk.fail_from(n);
            done = transfer::receive(&disk, &pinned).is_ok();
            disk.crash();
            let (checkpoints, report) = open(&disk);
            assert!(report.damaged.is_empty(), "dying at {n}: {report:?}");
            let new = report.kept.contains(&LogIndex(7));
            assert!(new || !done && report.kept == [LogIndex(1), LogIndex(2)], "dying at {n}: {report:?}");
            check_all(&checkpoints);
            drop(checkpoints);
            if !new {
                transfer::receive(&disk, &pinned).unwrap();
            }
            disk.crash();
            check_all(&open(&disk).0);
            assert_eq!(open(&disk).0.kept().last(), Some(&LogIndex(7)));
        }
        if done {
            assert!(n > 20);
            return;
        }
    }
}
