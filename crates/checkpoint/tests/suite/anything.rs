//! Long lives in which anything may happen in any order, from a seed.

use super::{
    boundaries::Promise,
    harness::{check_all, dir, merge_all, names, open, write, write_next},
};
use evenkeel_checkpoint::{Checkpoints, Source};
use evenkeel_disk::{Disk, MemDisk};
use std::io;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn reopen(disk: &MemDisk, promise: &mut Promise, case: &str) -> Checkpoints<MemDisk> {
    let (checkpoints, report) = open(disk);
    promise.hold(&report, case);
    check_all(&checkpoints);
    promise.kept = report.kept;
    checkpoints
}

fn step(checkpoints: &mut Checkpoints<MemDisk>, disk: &MemDisk, random: &mut Random) -> io::Result<()> {
    let next = checkpoints.kept().last().map_or(0, |index| index.0) + 1 + random.below(2);
    let merging = random.below(2) == 0;
    match random.below(14) {
        0..=3 => write_next(checkpoints, next, merging)?,
        4 => write(checkpoints, next, Source::Whole, merging)?,
        5 => drop(merge_all(checkpoints)?),
        6 => {
            for _ in 0..random.below(8) {
                checkpoints.merge_step()?;
            }
        }
        7 => disk.fail_sync(random.below(6)),
        8 => disk.fail_from(random.below(40)),
        9 => {
            let used: usize = names(disk).iter().map(|name| disk.contents(&dir().join(name)).unwrap().len()).sum();
            disk.set_capacity(Some(used as u64 + random.below(4000)));
        }
        10 | 11 => disk.set_capacity(None),
        12 => {
            if let Some(newest) = checkpoints.kept().last() {
                assert!(checkpoints.pin(*newest).is_some());
            }
            checkpoints.begin(evenkeel_types::LogIndex(next), Source::Whole)?;
            checkpoints.append(&super::harness::parts(&super::harness::state(2))[0])?;
        }
        _ if merging => checkpoints.forget_newer_than(checkpoints.oldest()),
        _ => {}
    }
    Ok(())
}

pub(crate) fn whatever_happens_what_was_promised_is_there() {
    for seed in 0..120 {
        let mut random = Random(seed);
        let disk = MemDisk::new(seed);
        let mut promise = Promise::default();
        let mut checkpoints = reopen(&disk, &mut promise, "fresh");
        for nth in 0..60 {
            let case = format!("seed {seed}, step {nth}");
            let before = checkpoints.kept().to_vec();
            if step(&mut checkpoints, &disk, &mut random).is_err() {
                assert_eq!(checkpoints.kept(), before, "{case}: an error changes nothing");
            }
            promise.kept = checkpoints.kept().to_vec();
            let dead = disk.list(dir()).is_err();
            if !dead && nth % 4 == 0 {
                check_all(&checkpoints);
            }
            if dead || random.below(9) == 0 {
                drop(checkpoints);
                match random.below(3) {
                    0 => disk.kill(),
                    1 => disk.crash(),
                    _ => disk.crash_losing_all(),
                }
                checkpoints = reopen(&disk, &mut promise, &case);
            }
        }
        // In the end all is well again.
        drop(checkpoints);
        disk.set_capacity(None);
        disk.crash();
        let mut checkpoints = reopen(&disk, &mut promise, "the end");
        for _ in 0..3 {
            let next = checkpoints.kept().last().map_or(1, |index| index.0 + 1);
            write_next(&mut checkpoints, next, true).unwrap();
            merge_all(&mut checkpoints).unwrap();
        }
        check_all(&checkpoints);
        assert!(names(&disk).len() < 25, "{:?}", names(&disk));
    }
}
