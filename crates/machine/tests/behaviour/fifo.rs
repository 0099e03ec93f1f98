//! FIFO queues: order and lock of a group, and that nothing is added twice.

use crate::script::held;
use evenkeel_machine::{
    Enqueued, Event, Grant, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{
        Begin, Body, Command, DedupId, DedupScope, FifoSettings, NewJob, QueueKey, QueueSettings, Repeatable,
        ThroughputLimit,
    },
    queue::{AckError, ChangeLeaseError, ConfigureError, CreateQueueError, EnqueueError},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, Micros, QueueId, WallTime};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(0).unwrap(), name: "q.fifo" };
const ID: QueueId = QueueId { slot: 0, generation: 0 };
const SECOND: u64 = 1_000_000;

struct Fifo {
    machine: Machine,
    outcome: Outcome,
    now: u64,
}

fn settings(fifo: FifoSettings) -> QueueSettings {
    QueueSettings { fifo: Some(fifo), ..QueueSettings::default() }
}

impl Fifo {
    fn new(settings: QueueSettings) -> Self {
        let mut fifo = Self { machine: Machine::default(), outcome: Outcome::default(), now: SECOND };
        fifo.run(&Command::Begin(Begin { feature_level: 1, secret: [1; 32] }));
        let made = fifo.run(&Command::CreateQueue { queue: QUEUE, settings, papers: Default::default(), tags: vec![] });
        assert_eq!(made, Reply::QueueCreated(Ok(ID)));
        fifo
    }

    fn run(&mut self, command: &Command<'_>) -> Reply {
        let mut batch = BatchBuilder::default();
        batch.push(command);
        let bytes = batch.finish(LogTime(self.now), WallTime(1_700_000_000_000 + self.now / 1_000));
        self.machine.apply(LogIndex(self.machine.applied().0 + 1), &bytes, &mut self.outcome).unwrap();
        self.machine.audit().unwrap();
        self.outcome.replies.pop().unwrap()
    }

    /// Lets time pass, and what is due happen.
    fn wait(&mut self, micros: u64) -> Vec<Event> {
        self.now += micros;
        let bytes = BatchBuilder::default().finish(LogTime(self.now), WallTime(1_700_000_000_000 + self.now / 1_000));
        self.machine.apply(LogIndex(self.machine.applied().0 + 1), &bytes, &mut self.outcome).unwrap();
        self.machine.audit().unwrap();
        self.outcome.events.clone()
    }

    fn send(&mut self, group: &str, id: &str) -> Result<Enqueued, EnqueueError> {
        self.send_job(new_job(group, Some(DedupId { id, is_content: false })))
    }

    fn send_job(&mut self, job: NewJob<'_>) -> Result<Enqueued, EnqueueError> {
        match self.run(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None }) {
            Reply::Enqueued(Ok(mut results)) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, count: u8) -> Vec<Grant> {
        self.receive_again(count, Repeatable::default())
    }

    fn receive_again(&mut self, jobs_max: u8, again: Repeatable<'_>) -> Vec<Grant> {
        match self.run(&Command::Receive { queue: ID, jobs_max, lease: Some(Micros::from_secs(30)), again }) {
            Reply::Received(Ok(grants)) => grants,
            other => panic!("{other:?}"),
        }
    }

    fn ack(&mut self, grant: &Grant) -> Result<(), AckError> {
        match self.run(&Command::Ack { queue: ID, jobs: vec![held(grant)] }) {
            Reply::Acked(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn change(&mut self, grant: &Grant, secs: u32) -> Result<(), ChangeLeaseError> {
        match self.run(&Command::ChangeLease { queue: ID, jobs: vec![(held(grant), Micros::from_secs(secs))] }) {
            Reply::LeaseChanged(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }
}

fn new_job<'a>(group: &'a str, dedup: Option<DedupId<'a>>) -> NewJob<'a> {
    NewJob { group, delay: None, dedup, counted_bytes: 1, body: Body::new(b"x") }
}

fn jobs(grants: &[Grant]) -> Vec<u32> {
    grants.iter().map(|grant| grant.job.slot).collect()
}

#[test]
fn a_group_is_locked_while_one_of_its_jobs_is_with_a_worker() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    let sent: Vec<u32> = ["1", "2", "3"].map(|id| fifo.send("a", id).unwrap().job.slot).into();
    let other = fifo.send("b", "4").unwrap().job.slot;
    let first = fifo.receive(1);
    assert_eq!(jobs(&first), [sent[0]]);
    assert_eq!(jobs(&fifo.receive(10)), [other], "the other group only");
    assert_eq!(fifo.machine.queues().grantable(ID), 0);
    assert_eq!(jobs(&fifo.receive(10)), []);
    fifo.ack(&first[0]).unwrap();
    assert!(fifo.outcome.events.contains(&Event::Ready(ID)), "whoever waits is told");
    assert_eq!(jobs(&fifo.receive(10)), sent[1..], "the rest of the group, in order");
}

#[test]
fn a_receive_takes_many_of_one_group_before_the_next() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    let sent: Vec<u32> = ["a", "b", "a", "b", "a"]
        .iter()
        .enumerate()
        .map(|(at, group)| fifo.send(group, &at.to_string()).unwrap().job.slot)
        .collect();
    assert_eq!(jobs(&fifo.receive(4)), [sent[0], sent[2], sent[4], sent[1]]);
}

#[test]
fn a_receive_takes_no_more_of_a_group_than_its_limit() {
    let limited = QueueSettings { group_in_flight_max: 2, ..settings(FifoSettings::default()) };
    let mut fifo = Fifo::new(limited);
    let sent: Vec<u32> = (0..4).map(|id| fifo.send("a", &id.to_string()).unwrap().job.slot).collect();
    let first = fifo.receive(10);
    assert_eq!(jobs(&first), sent[..2]);
    first.iter().for_each(|grant| fifo.ack(grant).unwrap());
    assert_eq!(jobs(&fifo.receive(10)), sent[2..]);
}

#[test]
fn what_comes_back_takes_its_old_place_whatever_ends_first() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        let mut fifo = Fifo::new(settings(FifoSettings::default()));
        let sent: Vec<u32> = (0..5).map(|id| fifo.send("a", &id.to_string()).unwrap().job.slot).collect();
        let grants = fifo.receive(3);
        for &at in &order {
            fifo.change(&grants[at], 0).unwrap();
        }
        assert_eq!(jobs(&fifo.receive(10)), sent, "{order:?}");
    }
    // A lease that runs out is no different; what was finished stays away.
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    let sent: Vec<u32> = (0..4).map(|id| fifo.send("a", &id.to_string()).unwrap().job.slot).collect();
    let grants = fifo.receive(3);
    fifo.change(&grants[0], 60).unwrap();
    fifo.ack(&grants[1]).unwrap();
    fifo.wait(31 * SECOND);
    assert_eq!(jobs(&fifo.receive(10)), [], "the first is still out");
    fifo.wait(31 * SECOND);
    assert_eq!(jobs(&fifo.receive(10)), [sent[0], sent[2], sent[3]]);
}

#[test]
fn a_lease_that_has_ended_finishes_nothing() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    fifo.send("a", "1").unwrap();
    let grant = fifo.receive(1).remove(0);
    fifo.wait(31 * SECOND);
    assert_eq!(fifo.ack(&grant), Err(AckError::Expired { job: grant.job }));
    assert_eq!(fifo.change(&grant, 10), Err(ChangeLeaseError::NotHeld(AckError::Expired { job: grant.job })));
    let again = fifo.receive(1).remove(0);
    assert!(matches!(fifo.ack(&grant), Err(AckError::LeaseLost { .. })));
    assert_eq!(fifo.ack(&again), Ok(()));
}

#[test]
fn delays_keep_the_order_even_if_they_are_made_shorter() {
    let long = QueueSettings { delay: Micros::from_secs(10), ..settings(FifoSettings::default()) };
    let mut fifo = Fifo::new(long);
    let mut sent = vec![fifo.send("a", "1").unwrap().job.slot, fifo.send("a", "2").unwrap().job.slot];
    fifo.run(&Command::ConfigureQueue { queue: QUEUE, edit: (settings(FifoSettings::default())).into() });
    sent.push(fifo.send("a", "3").unwrap().job.slot);
    let other = fifo.send("b", "4").unwrap().job.slot;
    assert_eq!(jobs(&fifo.receive(10)), [other], "another group has nothing to wait for");
    fifo.wait(9 * SECOND);
    assert_eq!(jobs(&fifo.receive(10)), []);
    fifo.wait(2 * SECOND);
    assert_eq!(jobs(&fifo.receive(10)), sent);
}

#[test]
fn a_job_sent_again_is_not_added_again_for_five_minutes() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    let first = fifo.send("a", "id").unwrap();
    assert!(!first.again);
    let told = |enqueued: Enqueued| (enqueued.job, enqueued.body, enqueued.again);
    assert_eq!(fifo.send("a", "id").map(told), Ok((first.job, first.body, true)));
    assert_eq!(fifo.send("b", "id").map(told), Ok((first.job, first.body, true)), "the scope is the queue");
    let grant = fifo.receive(10);
    assert_eq!(grant.len(), 1);
    fifo.ack(&grant[0]).unwrap();
    fifo.wait(299 * SECOND);
    assert!(fifo.send("a", "id").unwrap().again, "although the job is gone");
    fifo.wait(SECOND);
    assert!(!fifo.send("a", "id").unwrap().again);
    assert_eq!(fifo.machine.queues().counts(ID).unwrap().enqueued, 2);
}

#[test]
fn ids_are_forgotten_in_time_and_by_a_purge() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    fifo.send("a", "id").unwrap();
    fifo.run(&Command::PurgeQueue { queue: QUEUE });
    assert!(!fifo.send("a", "id").unwrap().again);
    assert_eq!(fifo.machine.queues().remembered_ids(), 2);
    let grant = fifo.receive(1).remove(0);
    fifo.ack(&grant).unwrap();
    let due = fifo.machine.next_due().unwrap();
    assert!(due > LogTime(fifo.now));
    fifo.wait(330 * SECOND);
    assert_eq!(fifo.machine.queues().remembered_ids(), 0);
    fifo.wait(1);
    assert_eq!(fifo.machine.next_due(), None, "an idle log is left alone");
}

#[test]
fn ids_may_be_the_groups_own_or_come_from_the_content() {
    let scope = FifoSettings { dedup_scope: DedupScope::Group, dedup_by_content: true, ..FifoSettings::default() };
    let mut fifo = Fifo::new(settings(scope));
    assert!(!fifo.send("a", "id").unwrap().again);
    assert!(!fifo.send("b", "id").unwrap().again);
    let content = Some(DedupId { id: "hash", is_content: true });
    assert!(!fifo.send_job(new_job("a", content)).unwrap().again);
    assert!(fifo.send_job(new_job("a", content)).unwrap().again);
    assert!(fifo.send("a", "hash").unwrap().again, "one space");
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    assert_eq!(fifo.send_job(new_job("a", content)), Err(EnqueueError::NoDedupId));
    assert_eq!(fifo.send_job(new_job("a", None)), Err(EnqueueError::NoDedupId));
}

#[test]
fn what_does_not_belong_in_a_fifo_queue_is_refused() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    assert_eq!(fifo.send("", "id"), Err(EnqueueError::NoGroup));
    let dedup = Some(DedupId { id: "id", is_content: false });
    let delayed = |delay| NewJob { delay: Some(Micros(delay)), ..new_job("a", dedup) };
    assert_eq!(fifo.send_job(delayed(1)), Err(EnqueueError::OwnDelay));
    assert!(fifo.send_job(delayed(0)).is_ok());
    let plain = Command::CreateQueue {
        queue: QueueKey { name: "x.fifo", ..QUEUE },
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    };
    assert_eq!(fifo.run(&plain), Reply::QueueCreated(Err(CreateQueueError::NameOfOtherKind)));
    let unnamed = Command::CreateQueue {
        queue: QueueKey { name: "x", ..QUEUE },
        settings: settings(FifoSettings::default()),
        papers: Default::default(),
        tags: vec![],
    };
    assert_eq!(fifo.run(&unnamed), Reply::QueueCreated(Err(CreateQueueError::NameOfOtherKind)));
    let limit = FifoSettings { throughput_limit: ThroughputLimit::PerGroup, ..FifoSettings::default() };
    let changed = Command::ConfigureQueue { queue: QUEUE, edit: (settings(limit)).into() };
    assert_eq!(fifo.run(&changed), Reply::Configured(Err(ConfigureError::OutOfRange("throughput limit"))));
}

#[test]
fn an_attempt_gets_the_same_jobs_until_one_of_them_is_changed() {
    let mut fifo = Fifo::new(settings(FifoSettings::default()));
    (0..4).for_each(|id| assert!(fifo.send("a", &id.to_string()).is_ok()));
    let attempt = Repeatable { attempt: "attempt", ..Repeatable::default() };
    let first = fifo.receive_again(2, attempt);
    assert!(fifo.machine.queues().is_repeated(ID, &attempt, LogTime(fifo.now)));
    fifo.wait(20 * SECOND);
    assert_eq!(jobs(&fifo.receive_again(2, attempt)), jobs(&first), "the same");
    fifo.wait(20 * SECOND);
    let first = fifo.receive_again(2, attempt);
    assert_eq!(first.len(), 2, "the lease was renewed");
    assert_eq!(jobs(&fifo.receive_again(2, Repeatable { attempt: "other", ..attempt })), []);
    fifo.change(&first[1], 50).unwrap();
    assert_eq!(jobs(&fifo.receive_again(2, attempt)), [], "no longer what it was");
    fifo.wait(60 * SECOND);
    let second = fifo.receive_again(2, attempt);
    assert_eq!(jobs(&second), jobs(&first));
    assert!(second[0].token > first[0].token, "a new receive under the old id");
    assert_eq!(jobs(&fifo.receive_again(2, attempt)), jobs(&second));
}
