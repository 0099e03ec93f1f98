//! Dies at every write, sync, rename and removal of a life, in turn.

use super::harness::{LOG, dir, open_with, options};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_log::{Log, LogError, LogReader, conformance::Oracle};
use evenkeel_log_local::{Append, Appended, EntryKind, Options, Segments, Step};
use evenkeel_types::{Epoch, LogIndex};

/// What the state of the dead process durably holds.
#[derive(Clone, Copy, Default)]
struct State {
    applied: u64,
    restored: bool,
}

/// A life in which everything happens: proposals of all sizes, rolls, trims, a snapshot.
fn live(disk: &MemDisk, oracle: &mut Oracle, state: &mut State) -> Result<(), LogError> {
    let options = Options { restored: state.restored, ..options(8192) };
    let mut halves = open_with(disk, options, state.applied)?;
    if state.restored {
        oracle.restored(0, LogIndex(state.applied));
    }
    let drive = |halves: &mut super::harness::Halves, oracle: &mut Oracle| loop {
        match halves.writer.step() {
            Step::Failed => {
                oracle.listen(0, &mut halves.log);
                return Err(LogError::Misuse("failed"));
            }
            Step::Idle | Step::Closed => {
                oracle.listen(0, &mut halves.log);
                return Ok(());
            }
            Step::Done(_) | Step::Filled => {}
        }
    };
    drive(&mut halves, oracle)?;
    oracle.check_reads(0, &halves.log);
    for round in 0..4 {
        for bytes in [8, 700, 100] {
            oracle.propose(0, &mut halves.log, bytes + round);
        }
        drive(&mut halves, oracle)?;
        oracle.propose(0, &mut halves.log, 3000);
        drive(&mut halves, oracle)?;
    }
    state.applied = oracle.applied(0).0 - 3;
    state.restored = false;
    // A hole first, then all that is below the floor, in two releases.
    oracle.trim(0, &mut halves.log, LogIndex(state.applied + 1));
    for (first, last) in [(state.applied / 2, state.applied - 2), (1, state.applied / 2)] {
        oracle.release(0, &mut halves.log, LogIndex(first), LogIndex(last));
        drive(&mut halves, oracle)?;
        oracle.check_reads(0, &halves.log);
    }
    if oracle.last().0 < 100 {
        *state = State { applied: 100, restored: true };
        halves.log.install_snapshot(LogIndex(100), Epoch(5))?;
        drive(&mut halves, oracle)?;
        oracle.propose(0, &mut halves.log, 500);
        drive(&mut halves, oracle)?;
    }
    Ok(())
}

pub(crate) fn dying_at_any_write_loses_nothing_and_power_cuts_neither() {
    let disk = MemDisk::new(0);
    live(&disk, &mut Oracle::new(1), &mut State::default()).unwrap();
    let changes = disk.counters().changes;
    assert!(changes > 60, "{changes} is no life");
    for n in 0..changes {
        for seed in 0..6 {
            let disk = MemDisk::new(n * 100 + seed);
            let (mut oracle, mut state) = (Oracle::new(1), State::default());
            disk.fail_from(n);
            assert!(live(&disk, &mut oracle, &mut state).is_err(), "the disk fails at {n}");
            if seed % 2 == 0 {
                disk.crash()
            } else {
                disk.kill()
            }
            let last = oracle.last();
            oracle.restarted(0, LogIndex(state.applied));
            // The second life dies too, in the middle of mending what the first left.
            if seed >= 2 {
                disk.fail_from(seed * 2 + n % 7);
                let _ = live(&disk, &mut oracle, &mut state);
                disk.crash();
                oracle.restarted(0, LogIndex(state.applied));
            }
            live(&disk, &mut oracle, &mut state).unwrap_or_else(|error| panic!("at {n}, seed {seed}: {error}"));
            assert!(oracle.applied(0) > last, "at {n}, seed {seed}: entries up to {last} are lost");
        }
    }
}

fn store(disk: &MemDisk) -> Result<Segments<MemDisk>, LogError> {
    disk.create_dir_all(dir()).map_err(|_| LogError::Misuse("dir"))?;
    Ok(Segments::open(disk.clone(), dir(), options(4608), LogIndex::ZERO, LogIndex::ZERO)?.0)
}

fn append(store: &mut Segments<MemDisk>, payload: &[u8]) -> Result<(), LogError> {
    let appended = store.append(&[Append { epoch: Epoch(0), kind: EntryKind::Batch, payload }])?;
    assert_eq!(appended, Appended::Entries(1));
    store.sync()
}

pub(crate) fn dying_while_a_truncation_runs_leaves_all_or_nothing_of_it() {
    let ready = MemDisk::new(0);
    let mut full = store(&ready).unwrap();
    for n in 0..12u8 {
        append(&mut full, &[n; 100]).unwrap();
        // With sidecars, which must go with their segments.
        while full.fill().unwrap() {}
    }
    drop(full);
    for after in [0, 1, 2, 5, 6, 11, 12] {
        for n in 0..80 {
            // Half of them with room made beforehand, a full disk, and an earlier intent in that room.
            let (disk, has_room, n) = (ready.fork(after * 100 + n), n >= 40, n % 40);
            let mut before = store(&disk).unwrap();
            if has_room {
                assert!(before.keep_room_for_intents().unwrap());
                before.truncate_after(LogIndex(12)).unwrap();
                disk.set_capacity(Some(disk.used()));
            }
            disk.fail_from(n);
            let done = before.truncate_after(LogIndex(after)).is_ok();
            drop(before);
            disk.crash();
            let mut found = store(&disk).unwrap_or_else(|error| panic!("after {after}, dying at {n}: {error}"));
            let last = found.last().0;
            assert!(last == after || !done && last == 12, "after {after}, dying at {n}: {last} entries");
            assert!(done || n < 39, "after {after}: it needs more changes than were tried");
            disk.set_capacity(None);
            found.commit(found.last());
            append(&mut found, b"goes on").unwrap();
            append(&mut found, &[9; 300]).unwrap();
            while found.fill().unwrap() {}
            drop(found);
            disk.crash();
            // Below the state the sidecars say what is there.
            let applied = LogIndex(last + 2);
            let mut found = Segments::open(disk, dir(), options(4608), applied, applied).unwrap().0;
            assert_eq!(found.last(), applied);
            found.commit(applied);
            for index in 1..=last {
                let batch = found.reader().read(LogIndex(index)).unwrap().batch;
                assert_eq!(batch, vec![u8::try_from(index - 1).unwrap(); 100], "after {after}, dying at {n}");
            }
            assert_eq!(found.reader().read(LogIndex(last + 1)).unwrap().batch, b"goes on"[..]);
        }
    }
    assert_eq!(options(0).log, LOG);
}
