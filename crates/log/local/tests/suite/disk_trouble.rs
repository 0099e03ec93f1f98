//! Disks that fail, and disks that are full.

use super::harness::{Halves, dir, open, open_with, options, path};
use bytes::Bytes;
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_log::{Guarantees, Log, LogError, LogEvent, ProposeError, Role};
use evenkeel_log_local::{Durability, Options, Step, scan_segment_bytes};
use evenkeel_types::LogIndex;
use std::time::Duration;

pub(crate) fn a_failed_sync_is_the_end_of_this_life() {
    for seed in 0..20 {
        let disk = MemDisk::new(seed);
        let mut halves = open(&disk, 0).unwrap();
        halves.fill(2, 100);
        disk.fail_sync(0);
        halves.log.propose(Bytes::from_static(b"in doubt")).unwrap();
        halves.log.propose(Bytes::from_static(b"in doubt too")).unwrap();
        assert_eq!(halves.writer.step(), Step::Failed);
        assert_eq!(halves.writer.step(), Step::Failed, "never tried again");
        let events = halves.events();
        assert!(matches!(&events[..], [LogEvent::Failed(LogError::Io { .. })]), "{events:?}");
        assert_eq!(halves.log.role(), Role::Failed);
        assert_eq!(halves.log.propose(Bytes::from_static(b"late")), Err(ProposeError::Failed));
        assert!(halves.log.trim(LogIndex(1)).is_err());
        drop(halves);
        disk.kill();
        let mut halves = open(&disk, 0).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(halves.committed().len() >= 4, "what was acknowledged is there");
    }
}

pub(crate) fn what_a_failed_sync_dropped_is_written_again_or_gone() {
    let mut seen = [0; 2];
    for seed in 0..60 {
        let disk = MemDisk::new(seed);
        let mut halves = open(&disk, 0).unwrap();
        halves.fill(2, 100);
        disk.fail_sync(0);
        halves.log.propose(Bytes::from(vec![7; 1200])).unwrap();
        assert_eq!(halves.writer.step(), Step::Failed);
        drop(halves);
        // The process starts again, the machine does not: it reads what the page cache shows.
        disk.kill();
        let mut halves = open(&disk, 0).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let told = halves.committed();
        drop(halves);
        disk.crash_losing_all();
        let mut halves = open(&disk, 0).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let after = halves.committed();
        assert_eq!(after[..told.len()], told[..], "seed {seed}: told after the restart, lost in the power cut");
        seen[usize::from(told.len() > 4)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 3), "both outcomes occur: {seen:?}");
}

/// Fills the disk to the brim: the spare cannot be made.
fn almost_full() -> (MemDisk, Halves) {
    let disk = MemDisk::new(3);
    disk.set_capacity(Some(16 * 1024 + 8000));
    let mut halves = open(&disk, 0).unwrap();
    halves.committed();
    (disk, halves)
}

pub(crate) fn a_full_disk_refuses_in_order_and_goes_on_when_there_is_room() {
    // It turns out to be full only when the segment is: the proposals in flight must be answered.
    let disk = MemDisk::new(3);
    disk.set_capacity(Some(16 * 1024 + 8000));
    let mut halves = open(&disk, 0).unwrap();
    halves.events();
    let tickets: Vec<_> = (0..6u8).map(|n| halves.log.propose(vec![n; 4000].into()).unwrap()).collect();
    let small = halves.log.propose(Bytes::from_static(b"small")).unwrap();
    halves.drive();
    let mut answers = Vec::new();
    for event in halves.events() {
        match event {
            LogEvent::Committed { ticket: Some(ticket), .. } => answers.push((ticket, true)),
            LogEvent::Refused { ticket, .. } => answers.push((ticket, false)),
            event => panic!("{event:?}"),
        }
    }
    let expected: Vec<_> = tickets.iter().map(|ticket| *ticket < tickets[2]).zip(&tickets).collect();
    let expected: Vec<_> = expected.into_iter().map(|(fits, ticket)| (*ticket, fits)).chain([(small, true)]).collect();
    assert_eq!(answers, expected);
    disk.set_capacity(None);
    halves.drive();
    let late = halves.log.propose(vec![1; 4000].into()).unwrap();
    halves.drive();
    let events = halves.events();
    assert!(matches!(&events[..], [LogEvent::Committed { ticket: Some(ticket), .. }] if *ticket == late), "{events:?}");
}

pub(crate) fn the_room_is_known_before_it_runs_out() {
    let (disk, mut halves) = almost_full();
    let room = halves.log.room_bytes();
    assert!(room < 16 * 1024, "the disk is known to be full: {room}");
    let refused = halves.log.propose(Bytes::from(vec![1; usize::try_from(room).unwrap()]));
    assert_eq!(refused, Err(ProposeError::Full));
    while halves.log.room_bytes() >= 4000 + 128 {
        halves.log.propose(vec![1; 4000].into()).unwrap();
    }
    assert_eq!(halves.log.propose(vec![1; 4000].into()), Err(ProposeError::Full));
    assert!(halves.committed().len() >= 2, "what was accepted is committed");
    disk.set_capacity(None);
    halves.drive();
    assert_eq!(halves.log.room_bytes(), u64::MAX);
    halves.log.propose(vec![1; 4000].into()).unwrap();
    assert_eq!(halves.committed().len(), 1);
}

/// The segment in use is full, and beside it there is a spare of so many bytes; nothing more fits on the disk.
fn full_with_a_spare(spare_bytes: u64) -> (MemDisk, usize) {
    let disk = MemDisk::new(3);
    let mut halves = open(&disk, 0).unwrap();
    let mut told = halves.committed().len();
    let names = || -> Vec<String> { disk.list(dir()).unwrap().into_iter().filter(|name| name != "lock").collect() };
    while scan_segment_bytes(&disk.contents(&path(&names()[0])).unwrap()).unwrap().0.position < 16 * 1024 {
        halves.log.propose(Bytes::from_static(b"small")).unwrap();
        told += halves.committed().len();
    }
    assert_eq!(names(), ["0000000000000001.seg", "spare"]);
    drop(halves);
    disk.kill();
    disk.truncate(&path("spare"), spare_bytes).unwrap();
    disk.set_capacity(Some(16 * 1024 + spare_bytes));
    (disk, told)
}

pub(crate) fn a_log_opens_on_a_full_disk_whose_last_segment_is_full() {
    for spare_bytes in [4608, 5000, 9000, 16 * 1024] {
        let (disk, told) = full_with_a_spare(spare_bytes);
        let mut halves = open(&disk, 0).unwrap_or_else(|error| panic!("{spare_bytes}: {error}"));
        assert_eq!(halves.committed().len(), told + 1, "all that was acknowledged, and the fence");
        // What room there was is of use, and its end is known.
        assert!(halves.log.room_bytes() < 16 * 1024, "the disk is known to be full");
        let mut accepted = 0;
        while halves.log.propose(Bytes::from_static(b"small")).is_ok() {
            accepted += halves.committed().len();
        }
        let room = usize::try_from(spare_bytes).unwrap() - 4096 - 128;
        assert!(spare_bytes < 16 * 1024 || accepted > room / 128 - 4, "{accepted} entries in {room} bytes");
        drop(halves);
        disk.crash();
        disk.set_capacity(Some(80 * 1024));
        assert_eq!(open(&disk, 0).unwrap().committed().len(), told + 2 + accepted, "{spare_bytes}");
    }
    // Where not even a fence fits, nothing is harmed.
    let (disk, told) = full_with_a_spare(4000);
    assert!(matches!(open(&disk, 0), Err(LogError::Io { .. })));
    disk.set_capacity(None);
    assert_eq!(open(&disk, 0).unwrap().committed().len(), told + 1);
}

pub(crate) fn without_syncs_a_killed_process_loses_nothing() {
    let interval = Options { durability: Durability::Interval(Duration::from_secs(1)), ..options(16 * 1024) };
    for seed in 0..60 {
        let disk = MemDisk::new(seed);
        let mut halves = open_with(&disk, interval, 0).unwrap();
        assert_eq!(halves.log.guarantees(), Guarantees { synced: false, replicated: false, fenced: true });
        halves.committed();
        let syncs = disk.counters().syncs;
        halves.fill(3, 500);
        assert_eq!(disk.counters().syncs, syncs, "no sync for a commit");
        halves.fill(40, 900);
        drop(halves);
        disk.kill();
        let mut halves = open_with(&disk, interval, 0).unwrap();
        assert_eq!(halves.committed().len(), 1 + 3 + 40 + 1);
        halves.fill(10, 900);
        let synced = halves.log.synced().0;
        assert!((45..=55).contains(&synced), "seed {seed}: {synced}");
        drop(halves);
        // A power cut loses the end, and that is no damage; what was called synced is there.
        disk.crash();
        let mut halves = open_with(&disk, interval, synced).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(halves.committed().first().is_some_and(|entry| entry.index.0 == synced + 1), "seed {seed}");
    }
}
