//! Leases: one holder at a time, fencing, time, and the way back.

use crate::script::{QUEUE, Script};
use evenkeel_machine::{
    Event, Grant, Reply,
    command::{Body, Command, NewJob, QueueSettings},
    queue::{AckError, ChangeLeaseError},
};
use evenkeel_types::{Micros, QueueId};

#[test]
fn a_late_ack_cannot_remove_a_job_granted_again() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let first = script.receive().unwrap();
    script.wait(31_000_000);
    let second = script.receive().unwrap();
    assert_eq!(first.job, second.job);
    assert!(second.token > first.token);
    assert!(matches!(script.ack(&first), Err(AckError::LeaseLost { .. })));
    assert_eq!(script.ack(&second), Ok(()));
    assert!(matches!(script.ack(&second), Err(AckError::NotThere { .. })));
}

#[test]
fn work_done_after_the_lease_ran_out_counts_if_nobody_else_has_begun_it() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let grant = script.receive().unwrap();
    script.wait(31_000_000);
    assert_eq!(script.counts().ready, 1);
    assert_eq!(script.ack(&grant), Ok(()));
    assert!(script.receive().is_none());
    script.machine.audit().unwrap();
}

#[test]
fn a_handle_of_a_slots_earlier_job_does_nothing() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let first = script.receive().unwrap();
    script.ack(&first).unwrap();
    script.send("g", 1);
    let second = script.receive().unwrap();
    assert_eq!(first.job.slot, second.job.slot, "the slot is used again");
    assert!(matches!(script.ack(&first), Err(AckError::NotThere { .. })));
    assert_eq!(script.counts().leased, 1);
}

#[test]
fn a_job_never_granted_cannot_be_acked_by_guessing() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let job = evenkeel_types::JobId { slot: 0, generation: 0 };
    let guess = evenkeel_machine::command::Held { job, token: evenkeel_types::LeaseToken(0) };
    let reply = script.run(&Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![guess] });
    assert_eq!(reply, Reply::Acked(vec![Err(AckError::NotThere { job })]));
    let reply = script.run(&Command::Ack { queue: QueueId { slot: 9, generation: 0 }, jobs: vec![guess] });
    assert_eq!(reply, Reply::Acked(vec![Err(AckError::NotThere { job })]), "a queue that is not there");
}

#[test]
fn a_lease_ends_on_time_and_wakes_the_queue() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    script.receive().unwrap();
    assert_eq!(script.wait(29_998_000), [], "not early");
    assert_eq!(script.counts().leased, 1);
    assert_eq!(script.wait(4_000), [Event::Ready(QueueId { slot: 0, generation: 0 })]);
    let again = script.receive().unwrap();
    assert_eq!(again.token.0, 2);
    assert_eq!(again.first_granted_at, again.enqueued_at, "as the first grant had it");
}

#[test]
fn a_returned_job_is_first_in_its_lane() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 3);
    let first = script.receive().unwrap();
    assert_eq!(script.change_lease(&first, Micros(0)), Ok(()));
    assert_eq!(script.receive().unwrap().job, first.job);
}

#[test]
fn extensions_end_twelve_hours_after_the_grant() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let grant = script.receive().unwrap();
    assert_eq!(script.change_lease(&grant, Micros::from_secs(43_200)), Ok(()), "in the same moment");
    script.wait(2_000_000);
    assert_eq!(script.change_lease(&grant, Micros::from_secs(43_200)), Err(ChangeLeaseError::TooLong));
    assert_eq!(script.change_lease(&grant, Micros::from_secs(43_198)), Ok(()));
    script.wait(43_190_000_000);
    assert_eq!(script.counts().leased, 1);
    script.wait(9_000_000);
    assert_eq!(script.counts().ready, 1);
}

#[test]
fn a_delayed_job_comes_when_its_time_has_come() {
    let mut script = Script::new(QueueSettings { delay: Micros::from_secs(5), ..QueueSettings::default() });
    let job = |delay| NewJob { group: "", delay, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    let jobs = vec![job(None), job(Some(Micros(0))), job(Some(Micros::from_secs(901)))];
    let Reply::Enqueued(Ok(results)) = script.run(&Command::Enqueue { queue: QUEUE, jobs, call: None }) else {
        panic!()
    };
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    assert!(script.receive().is_some());
    assert!(script.receive().is_none());
    script.wait(5_002_000);
    assert!(script.receive().is_some());
}

#[test]
fn ten_thousand_leases_due_together_are_ended_in_bounded_steps() {
    let mut script = Script::new(QueueSettings::default());
    for _ in 0..1_000 {
        script.send("g", 10);
        script.receive_for(10, Micros(60_000_000 - script.now));
    }
    assert_eq!(script.counts().leased, 10_000);
    script.wait(61_000_000);
    let left = script.counts().leased;
    assert!(left > 0, "a batch does not end them all");
    assert!(script.machine.next_due().unwrap().0 <= script.now, "the rest is due still");
    for _ in 0..20 {
        script.wait(0);
    }
    assert_eq!(script.counts().leased, 0);
    script.machine.audit().unwrap();
}

#[test]
fn a_lease_of_zero_counts_a_grant_and_returns() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    let grants = script.receive_for(10, Micros(0));
    assert_eq!(grants.len(), 1, "once, not ten times");
    assert_eq!(script.receive().expect("ready at the same moment").token.0, 2);
    assert!(script.ack(&grants[0]).is_err());
}

#[test]
fn leases_of_zero_leave_the_order_as_it_was() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 3);
    let jobs = |grants: &[Grant]| grants.iter().map(|grant| grant.job).collect::<Vec<_>>();
    let first = script.receive_for(3, Micros(0));
    assert_eq!(jobs(&script.receive_for(3, Micros(0))), jobs(&first));
    assert_eq!(script.counts().leased, 0);
    script.machine.audit().unwrap();
}
