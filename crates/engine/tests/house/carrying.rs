//! Jobs that stay while others come and go: they must not hold the disk, nor be lost when their segments go.

use crate::driver::{FOLDER, House, Job, QUEUE, SEGMENT_BYTES, body, folder_bytes, number_of, options};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_engine::{Answer, CHECKPOINTS, Options};
use evenkeel_machine::{
    Reply,
    command::{Command, PapersEdit, QueueKey, QueueSettings, Redrive},
};
use evenkeel_types::Micros;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

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

/// A job that is moved takes another slot. If the sweep had passed that one and not the old one, the body was in no file that was kept; the other
/// way round it was there twice, and nothing was carried.
#[test]
fn a_job_that_is_moved_during_a_sweep_keeps_its_body() {
    for steps in 0..40 {
        // To a slot that was passed, and to one that is still to come.
        [false, true].into_iter().for_each(|to_the_last| a_job_that_is_moved_then_keeps_its_body(steps, to_the_last));
    }
}

/// It is moved so many steps after the sweep may begin, to the first slots or to the last.
fn a_job_that_is_moved_then_keeps_its_body(steps: usize, to_the_last: bool) {
    let disk = MemDisk::new(3);
    let mut house = House::open_sweeping(&disk, 20).unwrap();
    assert!(house.create_queue());
    // The queue takes the dead letters of another, so that they can be moved there.
    let other = QueueKey { name: "other", ..QUEUE };
    let redrive = Some(Some(Redrive { target: QUEUE.name, grants_max: 1_000 }));
    let papers = PapersEdit { redrive, ..PapersEdit::default() };
    let made = Command::CreateQueue { queue: other, settings: QueueSettings::default(), papers, tags: vec![] };
    assert!(matches!(house.propose(&made), Some(Answer::Reply(Reply::QueueCreated(Ok(_))))));
    for number in 0..600 {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
    }
    let mut held = Vec::new();
    let mut moved = Vec::new();
    while let Some(job) = house.receive() {
        if (300..340).contains(&number_of(&job.body)) { moved.push(job) } else { held.push(job.held) }
    }
    let queue = house.queue();
    for job in &moved {
        house.propose(&Command::ChangeLease { queue, jobs: vec![(job.held, Micros(0))] });
    }
    // Most bodies go, and a sweep begins over the jobs that are left; these are moved to the slots of the first.
    // The slots that were freed first are taken first.
    if to_the_last {
        held.reverse();
    }
    let acks = held.chunks(10).map(|held| Command::Ack { queue, jobs: held.to_vec() });
    house.submit(&acks.collect::<Vec<_>>());
    for _ in 0..steps {
        house.step(&mut Vec::new());
    }
    house.submit(&[Command::StartMove { source: QUEUE, destination: Some("other"), rate: None }]);
    house.run();
    assert!(house.carried > 0);
    // What memory has of the log is gone with the process.
    drop(house);
    let mut house = House::open(&disk).unwrap();
    let mut found = BTreeSet::new();
    while let Some(job) = house.receive_from(other) {
        assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
        found.insert(number_of(&job.body));
    }
    assert_eq!(found.len(), moved.len());
}

/// A house of 600 jobs with a worker, in the order in which they are to be finished so that all files grow poor together.
fn busy_house(disk: &MemDisk, options: Options) -> (House, Vec<Job>) {
    let mut house = House::open_with(disk, options).unwrap();
    assert!(house.create_queue());
    for number in 0..600 {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
    }
    let mut jobs = Vec::new();
    while let Some(job) = house.receive() {
        jobs.push(job);
    }
    jobs.sort_by_key(|job| (number_of(&job.body) % 60, number_of(&job.body)));
    (house, jobs)
}

fn numbers(jobs: &[Job]) -> BTreeSet<u64> {
    jobs.iter().map(|job| number_of(&job.body)).collect()
}

/// Receives all that there is, each with its body.
fn receive_all(house: &mut House) -> BTreeSet<u64> {
    house.end_leases();
    let mut found = BTreeSet::new();
    while let Some(job) = house.receive() {
        assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
        found.insert(number_of(&job.body));
    }
    found
}

/// Found by the simulator: a body file leaves out jobs that were finished when it was written. A start from the older checkpoint has them again for a
/// while, and a sweep that began meanwhile asked for their bodies: the file was given up.
#[test]
fn nothing_is_carried_before_the_replay_has_ended() {
    let disk = MemDisk::new(4);
    let (mut house, jobs) = busy_house(&disk, options());
    let queue = house.queue();
    let mut finished = 0;
    // It dies when it has rewritten the first of its files.
    while house.carried == 0 {
        house.submit(&[Command::Ack { queue, jobs: vec![jobs[finished].held] }]);
        finished += 1;
        while house.carried == 0 && house.step(&mut Vec::new()) {}
    }
    drop(house);
    disk.kill();
    let checkpoints = Path::new(FOLDER).join(CHECKPOINTS);
    let names = disk.list(&checkpoints).unwrap();
    let newest = names.iter().filter(|name| name.ends_with(".ckpt")).max().unwrap();
    disk.lose(&checkpoints.join(newest)).unwrap();

    // Entry by entry, and as eager to carry as can be.
    let mut options = options();
    options.pace.step_bytes = 1;
    options.carry.slack_bytes = 0;
    (options.carry.small_bytes, options.carry.group_bytes_max) = (SEGMENT_BYTES, 8 * SEGMENT_BYTES);
    let mut house = House::open_with(&disk, options).unwrap();
    assert!(house.carried > 0);
    assert_eq!(receive_all(&mut house), numbers(&jobs[finished..]));
}

/// Found by the simulator: what a life left to be carried waited for the next checkpoint, which may be long in coming.
#[test]
fn a_start_carries_what_an_earlier_life_did_not() {
    let disk = MemDisk::new(5);
    let mut patient = options();
    patient.carry.slack_bytes = 1_000 * SEGMENT_BYTES;
    let (mut house, jobs) = busy_house(&disk, patient);
    jobs[..500].iter().for_each(|job| assert!(house.ack(job)));
    // There is nothing to replay.
    house.stop();
    assert_eq!(house.carried, 0);
    drop(house);
    let mut house = House::open(&disk).unwrap();
    assert_eq!((house.checkpoints, house.carried > 0), (0, true));
    assert_eq!(receive_all(&mut house), numbers(&jobs[500..]));
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
