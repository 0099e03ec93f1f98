//! Calls that a client repeats because it heard no answer.

use crate::script::{QUEUE, Script, held};
use evenkeel_machine::{
    Enqueued, Grant, Machine, Reply,
    command::{Body, CallKey, Command, NewJob, QueueSettings, Repeatable},
    queue::EnqueueError,
};
use evenkeel_types::{Micros, QueueId};

const ID: QueueId = QueueId { slot: 0, generation: 0 };
const SECOND: u64 = 1_000_000;

fn send(script: &mut Script, counted: &[u32], call: u64) -> Vec<Result<Enqueued, EnqueueError>> {
    let job = |&counted_bytes| NewJob { group: "g", delay: None, dedup: None, counted_bytes, body: Body::new(b"x") };
    let jobs = counted.iter().map(job).collect();
    match script.run(&Command::Enqueue { queue: QUEUE, jobs, call: Some(CallKey([call, 7])) }) {
        Reply::Enqueued(Ok(results)) => results,
        other => panic!("{other:?}"),
    }
}

fn receive(script: &mut Script, call: u64) -> Vec<Grant> {
    let again = Repeatable { call: Some(CallKey([call, 7])), ..Repeatable::default() };
    match script.run(&Command::Receive { queue: ID, jobs_max: 10, lease: Some(Micros::from_secs(30)), again }) {
        Reply::Received(Ok(grants)) => grants,
        other => panic!("{other:?}"),
    }
}

/// What a client is told of its jobs.
fn told(results: &[Result<Enqueued, EnqueueError>]) -> Vec<Option<(u32, u64, u32)>> {
    let place = |one: &Result<Enqueued, EnqueueError>| one.ok().map(|e| (e.job.slot, e.body.index.0, e.body.offset));
    results.iter().map(place).collect()
}

#[test]
fn a_send_that_is_repeated_adds_nothing_and_is_told_the_same() {
    let mut script = Script::new(QueueSettings::default());
    let first = send(&mut script, &[1, 1, 1], 1);
    let again = send(&mut script, &[1, 1, 1], 1);
    assert_eq!(told(&again), told(&first));
    assert!(again.iter().all(|one| one.unwrap().again));
    assert_eq!(script.counts().enqueued, 3);
    assert!(script.outcome.events.is_empty(), "no body is kept: {:?}", script.outcome.events);
    send(&mut script, &[1, 1, 1], 2);
    assert_eq!(script.counts().enqueued, 6, "another call is another send");
    script.machine.audit().unwrap();
}

#[test]
fn what_was_refused_the_first_time_is_not_added_by_a_repetition() {
    let settings = QueueSettings { jobs_max: 2, ..QueueSettings::default() };
    let mut script = Script::new(settings);
    let first = send(&mut script, &[1, 1, 1], 1);
    assert!(matches!(first[2], Err(EnqueueError::QueueFull { .. })));
    script.serve(2);
    let again = send(&mut script, &[1, 1, 1], 1);
    assert_eq!(again[2], Err(EnqueueError::RefusedBefore));
    assert_eq!(told(&again)[..2], told(&first)[..2]);
    assert_eq!(script.counts().present(), 0);
}

#[test]
fn a_call_is_forgotten_after_two_minutes_and_survives_a_checkpoint() {
    let mut script = Script::new(QueueSettings::default());
    let first = send(&mut script, &[1], 1);
    script.wait(119 * SECOND);
    let mut bytes = Vec::new();
    script.machine.encode(&mut bytes);
    script.machine = Machine::decode(&bytes).unwrap();
    assert_eq!(told(&send(&mut script, &[1], 1)), told(&first));
    script.wait(SECOND);
    assert_ne!(told(&send(&mut script, &[1], 1)), told(&first));
    assert_eq!(script.counts().enqueued, 2);
}

#[test]
fn a_receive_that_is_repeated_gets_the_same_jobs_while_it_holds_them() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 2);
    let first = receive(&mut script, 1);
    assert_eq!(first.len(), 2);
    assert_eq!(receive(&mut script, 1), first);
    assert_eq!(receive(&mut script, 2), [], "another call is another receive");
    assert_eq!(script.ack(&first[0]), Ok(()));
    script.send("g", 1);
    let second = receive(&mut script, 1);
    assert_eq!(second.len(), 1, "no longer all of them: a receive of its own");
    assert_ne!(second[0].job, first[1].job);
    script.wait(31 * SECOND);
    assert_eq!(
        script.ack(&first[1]),
        Ok(()),
        "the lease was not renewed by any of this: it ended, and nobody else had it"
    );
    let third = receive(&mut script, 1);
    assert_eq!(third.len(), 1);
    assert_eq!(held(&third[0]).job, second[0].job);
    assert!(third[0].token > second[0].token);
    script.machine.audit().unwrap();
}

#[test]
fn what_nobody_was_told_of_goes_back_at_once_unless_the_receive_was_repeated() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 2);
    let release = |script: &mut Script, grants: &[Grant]| {
        let reply = script.run(&Command::Release { queue: ID, jobs: grants.iter().map(held).collect() });
        assert_eq!(reply, Reply::Done);
        script.machine.audit().unwrap();
    };
    let first = receive(&mut script, 1);
    release(&mut script, &first);
    assert_eq!(script.counts().leased, 0);
    let second = receive(&mut script, 1);
    assert!(second[0].job == first[0].job && second[0].token > first[0].token, "a new receive");
    // The answer to the repetition arrives, that to the first is found undelivered, or the other way round.
    assert_eq!(receive(&mut script, 1), second);
    release(&mut script, &second);
    release(&mut script, &first);
    assert_eq!(script.counts().leased, 2);
    assert_eq!(receive(&mut script, 2), []);
    assert_eq!(script.ack(&second[0]), Ok(()));
    script.wait(31 * SECOND);
    let third = receive(&mut script, 3);
    assert_eq!(third.len(), 1, "it is back when its time has ended");
    release(&mut script, &third);
    assert_eq!(script.counts().leased, 0, "another lease was not given out twice");
}

#[test]
fn a_deletion_that_is_repeated_is_told_the_same() {
    let mut script = Script::new(QueueSettings::default());
    let delete = |call| Command::DeleteQueue { queue: QUEUE, call: Some(CallKey([call, 7])), keep_name: false };
    assert_eq!(script.run(&delete(1)), Reply::QueueDeleted(Ok(ID)));
    assert_eq!(script.run(&delete(1)), Reply::QueueDeleted(Ok(ID)));
    assert!(matches!(script.run(&delete(2)), Reply::QueueDeleted(Err(_))));
}
