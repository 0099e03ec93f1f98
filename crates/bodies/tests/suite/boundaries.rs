//! Dies at every write, sync, rename and removal, in turn.

use super::harness::{MemShelf, bodies, carry, expect_gone, expect_there, folder, open, ranges, remove};
use evenkeel_bodies::{FileState, Shelf, verify};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_types::BodyRef;
use std::io;

/// One change: a carry of the range with the survivors, or a removal.
#[derive(Clone)]
struct Change {
    range: (u64, u64),
    carried: Option<Vec<BodyRef>>,
}

/// A state: ranges and what they hold.
type State = Vec<((u64, u64), Vec<BodyRef>)>;

impl Change {
    fn carry(first: u64, last: u64, bodies: Vec<BodyRef>) -> Self {
        Self { range: (first, last), carried: Some(bodies) }
    }

    fn remove(first: u64, last: u64) -> Self {
        Self { range: (first, last), carried: None }
    }

    fn run(&self, shelf: &MemShelf) -> io::Result<()> {
        let (first, last) = self.range;
        match &self.carried {
            Some(bodies) => carry(shelf, first, last, bodies).map(|_| ()),
            None => remove(shelf, first, last),
        }
    }

    fn installs(&self) -> bool {
        self.carried.as_ref().is_some_and(|bodies| !bodies.is_empty())
    }

    fn apply(&self, state: &State) -> State {
        let mut state = state.clone();
        state.retain(|(range, _)| range.0 < self.range.0 || range.1 > self.range.1);
        if self.installs() {
            state.push((self.range, self.carried.clone().unwrap()));
            state.sort_by_key(|(range, _)| *range);
        }
        state
    }
}

fn every_third(first: u64, last: u64) -> Vec<BodyRef> {
    bodies(first, last).into_iter().step_by(3).collect()
}

/// A life in which everything happens.
fn script() -> Vec<Change> {
    vec![
        Change::carry(1, 10, bodies(1, 10)),
        Change::carry(21, 60, bodies(21, 60)),
        Change::carry(11, 20, bodies(12, 19)),
        // One file in the place of one of the same range.
        Change::carry(11, 20, every_third(12, 19)),
        // One in the place of two.
        Change::carry(1, 20, every_third(1, 19)),
        Change::remove(20, 60),
        Change::carry(61, 70, bodies(61, 70)),
        Change::carry(71, 80, bodies(71, 71)),
        // None in the place of one.
        Change::carry(61, 70, Vec::new()),
        // A wider one around one, with room on both sides.
        Change::carry(61, 90, bodies(71, 90)),
        Change::carry(1, 100, every_third(1, 90)),
    ]
}

/// Checks the state found after a death within `change`.
fn judge(disk: &MemDisk, before: &State, change: &Change, when: &str) -> (MemShelf, bool) {
    let (shelf, _) = open(disk);
    let after = change.apply(before);
    let found = ranges(&shelf);
    let of = |state: &State| state.iter().map(|(range, _)| *range).collect::<Vec<_>>();
    let all = |state: &State| state.iter().flat_map(|(_, bodies)| bodies.clone()).collect::<Vec<_>>();
    let reader = shelf.reader();
    // Some were removed, one by one: all others are there.
    let partly = !change.installs()
        && of(before).iter().filter(|range| !found.contains(range)).all(|gone| !of(&after).contains(gone))
        && found.iter().all(|range| of(before).contains(range));
    assert!(found == of(before) || found == of(&after) || partly, "{when}: {found:?}");
    let done = found == of(&after);
    if partly {
        let there: State = before.iter().filter(|(range, _)| found.contains(range)).cloned().collect();
        expect_there(&reader, &all(&there), when);
        expect_there(&reader, &all(&after), when);
    } else {
        let (there, dead) = if done { (all(&after), all(before)) } else { (all(before), all(&after)) };
        // Where both states have the same ranges a file of one range was replaced: the number of bodies tells which it is.
        let bodies = |state: &State| state.iter().map(|(_, bodies)| bodies.len() as u64).collect::<Vec<_>>();
        let counts: Vec<_> = shelf.extents().iter().map(|extent| extent.bodies).collect();
        let (there, dead) = if counts == bodies(&after) || !done { (there, dead) } else { (dead, there) };
        expect_there(&reader, &there, when);
        let dead: Vec<_> = dead.into_iter().filter(|body| !there.contains(body)).collect();
        expect_gone(&reader, &dead, when);
    }
    let verified = verify(disk, folder(), |_| {}).unwrap();
    assert!(verified.files.iter().all(|file| matches!(file.state, FileState::Sound(_))), "{when}: {verified:?}");
    assert_eq!(verified.files.len(), found.len(), "{when}: superfluous files stay");
    assert!(verified.unfinished.is_empty(), "{when}: unfinished files stay");
    (shelf, done)
}

pub(crate) fn dying_at_any_write_leaves_the_older_files_or_the_new_one() {
    let mut before = State::new();
    let ready = MemDisk::new(0);
    open(&ready);
    for (number, change) in script().iter().enumerate() {
        let start = ready.counters().changes;
        let mut died = 0;
        for n in 0..200 {
            let mut alive = false;
            for seed in 0..8 {
                let when = format!("change {number}, dying at {n}, seed {seed}");
                let disk = ready.fork(n * 100 + seed);
                let (shelf, _) = open(&disk);
                disk.fail_from(n);
                alive = change.run(&shelf).is_ok();
                drop(shelf);
                if alive {
                    break;
                }
                died += 1;
                if seed % 2 == 0 {
                    disk.crash();
                } else {
                    disk.kill();
                }
                // The second life dies too, in the middle of mending what the first left.
                if seed >= 4 {
                    disk.fail_from(seed - 4);
                    let _ = Shelf::open(disk.clone(), folder());
                    disk.crash();
                }
                let (shelf, done) = judge(&disk, &before, change, &when);
                // What is there now outlasts the next power cut, and the change can be made again.
                change.run(&shelf).unwrap_or_else(|error| panic!("{when}: done before {done}, again: {error}"));
                drop(shelf);
                disk.crash_losing_all();
                assert_eq!(ranges(&open(&disk).0).len(), change.apply(&before).len(), "{when}");
            }
            if alive {
                break;
            }
        }
        let (shelf, _) = open(&ready);
        change.run(&shelf).unwrap();
        before = change.apply(&before);
        let changes = ready.counters().changes - start;
        assert!(changes >= 2 && died > 8, "{changes} changes are no change");
    }
}

pub(crate) fn dying_while_many_files_are_removed_loses_no_other() {
    let ready = MemDisk::new(0);
    let (shelf, _) = open(&ready);
    let mut before = State::new();
    for n in 0..6 {
        let change = Change::carry(n * 10 + 1, n * 10 + 10, bodies(n * 10 + 2, n * 10 + 4));
        change.run(&shelf).unwrap();
        before = change.apply(&before);
    }
    drop(shelf);
    for change in [Change::remove(11, 50), Change::carry(11, 50, Vec::new()), Change::remove(5, 38)] {
        for n in 0..16 {
            for seed in 0..4 {
                let disk = ready.fork(n * 10 + seed);
                let (shelf, _) = open(&disk);
                disk.fail_from(n);
                let done = change.run(&shelf).is_ok();
                drop(shelf);
                disk.crash();
                let (shelf, found_done) = judge(&disk, &before, &change, &format!("dying at {n}, seed {seed}"));
                assert!(found_done || !done, "dying at {n}: what was removed is back");
                change.run(&shelf).unwrap();
                assert_eq!(ranges(&shelf).len(), change.apply(&before).len());
            }
        }
    }
}

pub(crate) fn what_was_finished_outlives_a_power_cut() {
    for seed in 0..20 {
        let disk = MemDisk::new(seed);
        let mut state = State::new();
        for change in script() {
            let (shelf, _) = open(&disk);
            change.run(&shelf).unwrap();
            state = change.apply(&state);
            drop(shelf);
            if seed == 0 {
                disk.crash_losing_all();
            } else {
                disk.crash();
            }
            let (shelf, done) = judge(&disk, &state, &Change::remove(1000, 1000), "after a change");
            assert!(done);
            assert_eq!(ranges(&shelf).len(), state.len());
        }
    }
}

/// The process dies between the rename and the sync of the folder; the next one sees both files. If the narrower went
/// before the rename is durable, a power cut could bring neither back.
pub(crate) fn what_is_only_in_the_page_cache_replaces_nothing() {
    for seed in 0..64 {
        let disk = MemDisk::new(seed);
        let (shelf, _) = open(&disk);
        carry(&shelf, 1, 10, &bodies(1, 10)).unwrap();
        // Everything up to the rename; the sync of the folder is not reached.
        let writes = {
            let trial = disk.fork(seed);
            let (shelf, _) = open(&trial);
            let start = trial.counters().changes;
            carry(&shelf, 1, 20, &bodies(1, 12)).unwrap();
            trial.counters().changes - start
        };
        // Behind the rename come a sync of the folder, a removal, and another sync.
        disk.fail_from(writes - 3);
        assert!(carry(&shelf, 1, 20, &bodies(1, 12)).is_err());
        drop(shelf);
        disk.kill();
        disk.fail_from(seed % 5);
        let _ = Shelf::open(disk.clone(), folder());
        disk.crash();
        let (shelf, _) = open(&disk);
        expect_there(&shelf.reader(), &bodies(1, 10), &format!("seed {seed}"));
    }
    assert!(MemDisk::new(0).list(folder()).is_err());
}
