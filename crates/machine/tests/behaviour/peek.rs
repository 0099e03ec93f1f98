//! Peeking: what it shows is what a receive would get, and looking changes nothing.

use crate::script::{QUEUE, Script};
use evenkeel_machine::{
    command::{Command, QueueSettings},
    limits::PEEK_JOBS_MAX,
};
use evenkeel_types::{JobId, Micros, QueueId, WallTime};

const NUMBER: QueueId = QueueId { slot: 0, generation: 0 };

/// What is peeked: each job with its group.
fn peek(script: &Script, jobs_max: usize) -> Vec<(JobId, String)> {
    let wall = WallTime(1_700_000_000_000 + script.now / 1_000);
    let peeked = script.machine.queues().peek(NUMBER, jobs_max, wall).unwrap();
    peeked.into_iter().map(|job| (job.id, job.group.to_string())).collect()
}

fn receive(script: &mut Script, count: u8) -> Vec<(JobId, String)> {
    let grants = script.receive_for(count, Micros::from_secs(30));
    grants.into_iter().map(|grant| (grant.job, grant.group.to_string())).collect()
}

const GROUPS: [&str; 5] = ["a", "b", "c", "d", ""];

fn small(number: u64) -> u8 {
    number.try_into().unwrap()
}

/// Jobs of a few groups with weights and limits, some of them with workers, some back from one; all drawn from a seed.
fn any_script(seed: u64, settings: QueueSettings) -> Script {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    // Jobs of FIFO queues have a group.
    let groups = if settings.fifo.is_some() { 4 } else { 5 };
    let mut script = Script::new(settings);
    for group in &GROUPS[..4] {
        let (weight, limit) = (small(1 + draw(9)), [0, 0, 3, 8][usize::from(small(draw(4)))]);
        script.configure_group(group, weight, limit);
    }
    for _ in 0..40 {
        match draw(4) {
            0 => drop(receive(&mut script, small(1 + draw(10)))),
            1 => {
                let grants = script.receive_for(small(1 + draw(3)), Micros::from_secs(30));
                for grant in &grants {
                    script.change_lease(grant, Micros(0)).unwrap();
                }
            }
            _ => script.send(GROUPS[usize::from(small(draw(groups)))], (1 + draw(9)).try_into().unwrap()),
        }
    }
    // What came back comes with the next batch.
    script.wait(2_000);
    script
}

#[test]
fn what_is_peeked_is_what_receives_get_one_after_the_other() {
    for seed in 0..200 {
        let mut script = any_script(seed, QueueSettings::default());
        let expected = peek(&script, PEEK_JOBS_MAX);
        let received: Vec<_> = (0..PEEK_JOBS_MAX).flat_map(|_| receive(&mut script, 1)).collect();
        assert_eq!(received, expected, "seed {seed}");
    }
}

#[test]
fn it_is_also_what_one_receive_of_many_gets() {
    for (seed, fifo) in (0..200).flat_map(|seed| [(seed, false), (seed, true)]) {
        let fifo = fifo.then(Default::default);
        let mut script = any_script(seed, QueueSettings { fifo, ..QueueSettings::default() });
        let expected = peek(&script, 10);
        assert_eq!(receive(&mut script, 10), expected, "seed {seed}, FIFO {}", fifo.is_some());
    }
}

#[test]
fn looking_changes_nothing() {
    let script = any_script(7, QueueSettings::default());
    let (digest, before) = (script.machine.digest(), script.counts());
    assert!(!peek(&script, 10).is_empty());
    assert_eq!((script.machine.digest(), script.counts()), (digest, before));
}

#[test]
fn a_peek_is_bounded_and_shows_no_job_that_cannot_be_had() {
    let mut script = Script::new(QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    assert_eq!(peek(&script, 10), []);
    assert!(script.machine.queues().peek(QueueId { slot: 9, generation: 0 }, 10, WallTime(0)).is_none());
    script.send("noisy", 1_000);
    assert_eq!(peek(&script, usize::MAX).len(), PEEK_JOBS_MAX);
    // Past their time, and not dropped yet.
    script.now += 61_000_000;
    assert_eq!(peek(&script, 10), []);
    script.run(&Command::PurgeQueue { queue: QUEUE });
    script.send("quiet", 1);
    assert_eq!(peek(&script, 10).len(), 1);
}
