//! Jobs that stay while others come and go: they must not hold the disk, nor be lost when their segments go.

use crate::driver::{House, SEGMENT_BYTES, body, folder_bytes, number_of};
use evenkeel_disk::MemDisk;
use std::collections::{BTreeMap, BTreeSet};

const BODY_BYTES: usize = 1_000;

#[test]
fn one_survivor_in_every_segment_does_not_hold_the_disk() {
    let disk = MemDisk::new(1);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    let mut survivors = BTreeSet::new();
    let mut worst = 0;
    // Some 100 segments.
    for round in 0..120 {
        let mut jobs = Vec::new();
        for number in round * 60..(round + 1) * 60 {
            assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
        }
        while let Some(job) = house.receive() {
            jobs.push(job);
        }
        for job in jobs {
            assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
            if number_of(&job.body) % 60 == 7 {
                survivors.insert(number_of(&job.body));
            } else {
                assert!(house.ack(&job));
            }
        }
        let live = survivors.len() as u64 * (BODY_BYTES as u64 + 64);
        let used = folder_bytes(&disk, "log") + folder_bytes(&disk, "bodies");
        // What was written since the last checkpoint is at most as much as lies between two, and a little.
        let bound = 2 * live + 8 * SEGMENT_BYTES + 2 * SEGMENT_BYTES;
        assert!(used <= bound, "round {round}: {used} bytes for {live} alive");
        worst = worst.max(used / SEGMENT_BYTES);
    }
    assert!(house.checkpoints > 50 && house.carried > 10, "{} and {}", house.checkpoints, house.carried);
    assert!(worst < 14, "{worst} segments");

    // All are there, as they were, now and after a start.
    for _ in 0..2 {
        house.end_leases();
        let mut found = BTreeMap::new();
        while let Some(job) = house.receive() {
            assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
            found.insert(number_of(&job.body), job);
        }
        assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), survivors);
        drop(house);
        disk.kill();
        house = House::open(&disk).unwrap();
    }
}

#[test]
fn when_the_last_survivor_goes_so_does_everything() {
    let disk = MemDisk::new(2);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    for number in 0..500 {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
    }
    let mut left = Vec::new();
    while let Some(job) = house.receive() {
        if number_of(&job.body).is_multiple_of(100) { left.push(job) } else { assert!(house.ack(&job)) }
    }
    for job in left {
        assert!(house.ack(&job));
    }
    // The log goes on a little, so that what was above the last checkpoint falls below one.
    for number in 0..250 {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
        let job = house.receive().unwrap();
        assert!(house.ack(&job));
    }
    assert_eq!(folder_bytes(&disk, "bodies"), 0);
    assert!(folder_bytes(&disk, "log") <= 6 * SEGMENT_BYTES, "{}", folder_bytes(&disk, "log") / SEGMENT_BYTES);
}

/// Found by the simulator: deletes write little log, and bodies were looked at with the next checkpoint only.
#[test]
fn deletes_make_room_though_no_checkpoint_is_due() {
    let disk = MemDisk::new(3);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    for number in 0..400 {
        assert_eq!(house.send(&body(number, 4 * BODY_BYTES)), Some(Ok(())));
    }
    let mut jobs = Vec::new();
    while let Some(job) = house.receive() {
        jobs.push(job);
    }
    let mut live = 0;
    for job in jobs {
        if number_of(&job.body).is_multiple_of(5) {
            live += job.body.len() as u64 + 64
        } else {
            assert!(house.ack(&job))
        }
    }
    let used = folder_bytes(&disk, "log") + folder_bytes(&disk, "bodies");
    assert!(used <= 2 * live + 10 * SEGMENT_BYTES, "{used} bytes for {live} alive");
}
