//! The machine against a naive model, under random commands.
//!
//! Each case is a list of operations; after every one the replies, the counts and the machine's own recount must
//! agree with the model, and now and then the state goes through a checkpoint and must go on as if nothing
//! had happened.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "these are tests")]

mod keeper;
mod keys;
mod naive;
mod notes;
mod op;
mod repeats;

use evenkeel_machine::{
    Enqueued, Event, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{
        Begin, Body, CallKey, Command, DedupId, DedupScope, FairBy, FifoSettings, GroupSettings, Held, NewJob,
        PapersEdit, QueueEdit, QueueKey, QueueSettings, Redrive, Repeatable,
    },
    queue::{AckError, ConfigureError, EnqueueError, MoveError, NoSuchQueue, PapersError, Totals},
};
use evenkeel_types::{AccountId, BodyRef, JobId, LeaseToken, LogIndex, LogTime, Micros, QueueId, WallTime};
use keeper::Keeper;
use naive::{At, Queue};
use op::{GROUPS, ID, Op, any_op};
use proptest::prelude::*;
use repeats::{By, Repeats, Sent};
use std::collections::{BTreeMap, BTreeSet};

struct Pair {
    machine: Machine,
    outcome: Outcome,
    queues: Vec<Queue>,
    /// Their present numbers.
    ids: Vec<QueueId>,
    /// Bodies that were said to be kept, and not to be released.
    bodies: BTreeSet<BodyRef>,
    now: u64,
    /// Ticks that some job's end falls on: two commands never share one, since the order within a tick is
    /// the wheel's own affair.
    ticks: BTreeSet<u64>,
    /// Every grant ever made, in order.
    grants: Vec<(QueueId, Held)>,
    order: BTreeMap<JobId, usize>,
    repeats: Repeats,
    keeper: Keeper,
}

fn name(queue: usize, settings: &QueueSettings) -> QueueKey<'static> {
    let names = if settings.fifo.is_some() { ["first.fifo", "second.fifo"] } else { ["first", "second"] };
    QueueKey { account: AccountId::default(), name: names[queue] }
}

/// What a send was told of its jobs, all of it for the second time or not.
fn told(results: &[Result<Enqueued, EnqueueError>], again: bool) -> Sent {
    let told = |result: &Result<Enqueued, EnqueueError>| match result {
        Ok(enqueued) => {
            assert!(enqueued.again || !again);
            Some((enqueued.job, enqueued.body))
        }
        Err(error) => {
            assert_eq!(*error == EnqueueError::RefusedBefore, again);
            None
        }
    };
    results.iter().map(told).collect()
}

/// A send's call: never that of a receive.
fn send_key(queue: usize, call: usize) -> CallKey {
    CallKey([queue as u64, 100 + call as u64])
}

impl Pair {
    fn new(settings: [QueueSettings; 2]) -> Self {
        let mut pair = Self {
            machine: Machine::default(),
            outcome: Outcome::default(),
            queues: settings.map(Queue::new).into(),
            ids: vec![QueueId { slot: 0, generation: 0 }, QueueId { slot: 1, generation: 0 }],
            bodies: BTreeSet::new(),
            repeats: Repeats::default(),
            keeper: Keeper::default(),
            now: 5_000_000,
            ticks: BTreeSet::new(),
            grants: Vec::new(),
            order: BTreeMap::new(),
        };
        pair.run(Command::Begin(Begin { feature_level: 1, secret: [7; 32] }));
        for (queue, settings) in settings.into_iter().enumerate() {
            let created = pair.run(Command::CreateQueue {
                queue: name(queue, &settings),
                settings,
                papers: Default::default(),
                tags: vec![],
            });
            assert_eq!(created, Reply::QueueCreated(Ok(pair.ids[queue])));
        }
        pair
    }

    fn name(&self, queue: usize) -> QueueKey<'static> {
        name(queue, &self.queues[queue].settings)
    }

    fn run(&mut self, command: Command<'_>) -> Reply {
        self.now += 1;
        let mut batch = BatchBuilder::default();
        batch.push(&command);
        let bytes = batch.finish(LogTime(self.now), WallTime(self.now / 1_000));
        // What was encoded must come back the same.
        let mut read = evenkeel_machine::batch::Batch::open(&bytes).unwrap();
        let decoded = read.next_command().unwrap().unwrap();
        assert_eq!(std::mem::discriminant(&decoded), std::mem::discriminant(&command));
        let index = LogIndex(self.machine.applied().0 + 1);
        self.machine.apply(index, &bytes, &mut self.outcome).unwrap();
        for event in &self.outcome.events {
            match event {
                Event::BodyKept(body) => assert!(self.bodies.insert(*body), "kept twice"),
                Event::BodyReleased(body) => assert!(self.bodies.remove(body), "released and not kept"),
                Event::Ready(_) | Event::KeyChanged(_) | Event::NotesChanged(_) | Event::BodyMoved(_) => {}
            }
        }
        let now = self.now;
        let order = &self.order;
        for queue in &mut self.queues {
            queue.fire(now, |until| until.div_ceil(1_024) <= now >> 10, |job| order.get(&job).copied().unwrap_or(0));
            if queue.nobody_waits() {
                queue.forget();
            }
        }
        self.outcome.replies.pop().unwrap()
    }

    /// A moment that far from the next command, moved on until no other end shares its tick.
    fn end_after(&mut self, micros: u64) -> u64 {
        let mut until = self.now + 1 + micros;
        while !self.ticks.insert(until.div_ceil(1_024)) {
            until += 1_024;
            // What ends at once still does: the command itself comes later.
            self.now += if micros == 0 { 1_024 } else { 0 };
        }
        until
    }

    fn pick(&self, (at, older): (usize, u32)) -> Option<(QueueId, Held)> {
        let (queue, held) = *self.grants.get(self.grants.len().checked_sub(1 + at % self.grants.len().max(1))?)?;
        Some((queue, Held { token: LeaseToken(held.token.0.saturating_sub(older)), ..held }))
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::ConfigureGroup { queue, group, weight, in_flight_max } => {
                let settings = GroupSettings { weight: *weight, in_flight_max: *in_flight_max };
                let group = GROUPS[*group];
                let reply = self.run(Command::ConfigureGroup { queue: self.name(*queue), group, settings });
                assert_eq!(reply, Reply::Configured(Ok(())));
                self.queues[*queue].configure_group(group, settings);
            }
            Op::Enqueue { queue, jobs, call } => {
                let is_fifo = self.queues[*queue].is_fifo();
                let delays = jobs.iter().map(|(_, delay, _)| delay.filter(|_| !is_fifo));
                let ends: Vec<_> = delays.map(|delay| delay.map(|delay| self.end_after(delay))).collect();
                let next = self.now + 1;
                let new: Vec<_> = jobs
                    .iter()
                    .zip(&ends)
                    .map(|((group, _, id), end)| NewJob {
                        group: GROUPS[*group],
                        delay: Some(Micros(end.map_or(0, |end| (end - next).min(900_000_000)))),
                        dedup: is_fifo.then_some(DedupId { id: ID[*id], is_content: false }),
                        counted_bytes: 4,
                        body: Body::new(b"body"),
                    })
                    .collect();
                let ends: Vec<_> =
                    new.iter().map(|job| job.delay.filter(|delay| delay.0 > 0).map(|delay| next + delay.0)).collect();
                let command = Command::Enqueue {
                    queue: self.name(*queue),
                    jobs: new,
                    call: call.map(|call| send_key(*queue, call)),
                };
                let reply = self.run(command);
                let Reply::Enqueued(Ok(results)) = reply else { panic!("{reply:?}") };
                if let Some(first) = self.repeats.sent(self.now, *queue, *call) {
                    assert_eq!(told(&results, true), first);
                    return;
                }
                self.repeats.note_sent(self.now, *queue, *call, told(&results, false));
                for ((result, (group, _, id)), end) in results.into_iter().zip(jobs).zip(ends) {
                    let (now, model) = (self.now, &mut self.queues[*queue]);
                    if is_fifo && GROUPS[*group].is_empty() {
                        assert_eq!(result, Err(EnqueueError::NoGroup));
                        continue;
                    }
                    if is_fifo && let Some(first) = model.sent_before(now, GROUPS[*group], ID[*id]) {
                        assert_eq!(result.map(|enqueued| (enqueued.job, enqueued.again)), Ok((first, true)));
                        continue;
                    }
                    if let Some((present, max)) = model.is_full(4) {
                        let full = matches!(
                            result,
                            Err(EnqueueError::QueueFull { present: told, max: limit, .. }) if (told, limit) == (present, max)
                        );
                        assert!(full, "{result:?}");
                        continue;
                    }
                    let enqueued = result.unwrap();
                    assert!(model.jobs.iter().all(|job| job.id != enqueued.job), "an id was given out twice");
                    self.order.insert(enqueued.job, self.order.len());
                    assert!(!enqueued.again);
                    model.enqueue(enqueued.job, enqueued.body, GROUPS[*group], end);
                    if is_fifo {
                        model.note_sent(now, GROUPS[*group], ID[*id], enqueued.job);
                    }
                }
                self.queues[*queue].forget();
            }
            Op::Receive { queue, jobs_max, lease, by } => {
                let until = self.end_after(*lease);
                let lease = Micros((until - self.now - 1).min(43_200_000_000));
                let command = Command::Receive {
                    queue: self.ids[*queue],
                    jobs_max: *jobs_max,
                    lease: Some(lease),
                    again: Repeatable {
                        call: by.call.map(|call| CallKey([*queue as u64, call as u64])),
                        attempt: by.attempt.map_or("", |attempt| ID[attempt]),
                    },
                };
                let reply = self.run(command);
                let Reply::Received(Ok(grants)) = reply else { panic!("{reply:?}") };
                let until = self.now + lease.0;
                let expected = self.expect_received(*queue, (*jobs_max).into(), until, *by);
                let granted: Vec<_> = grants.iter().map(|grant| (grant.job, grant.token.0)).collect();
                assert_eq!(granted, expected, "other jobs, or in another order");
                for grant in grants {
                    let model = self.queues[*queue].jobs.iter().find(|job| job.id == grant.job).unwrap();
                    assert_eq!((&*grant.group, grant.body), (&*model.group, model.body));
                    assert_eq!(grant.source.as_deref(), model.is_dead.then_some(self.name(0).name));
                    self.order.insert(grant.job, 1_000_000 + self.grants.len());
                    self.grants.push((self.ids[*queue], Held { job: grant.job, token: grant.token }));
                }
                self.queues[*queue].forget();
            }
            Op::Redrive { grants_max } => {
                let (source, target) = (self.name(0), self.name(1).name);
                let redrive = Some(grants_max.map(|grants_max| Redrive { target, grants_max }));
                let edit =
                    QueueEdit { papers: PapersEdit { redrive, ..PapersEdit::default() }, ..QueueEdit::default() };
                let unfit = grants_max.is_some() && self.queues[0].is_fifo() != self.queues[1].is_fifo();
                let expected = if unfit { Err(ConfigureError::Papers(PapersError::UnfitTarget)) } else { Ok(()) };
                assert_eq!(self.run(Command::ConfigureQueue { queue: source, edit }), Reply::Configured(expected));
                if !unfit {
                    self.queues[0].grants_max = grants_max.map(u32::from);
                }
            }
            Op::Move { named } => {
                let (source, destination) = (self.name(1), named.then_some(self.name(0).name));
                let reply = self.run(Command::StartMove { source, destination, rate: None });
                let Some(_) = self.queues[0].grants_max else {
                    assert_eq!(reply, Reply::MoveStarted(Err(MoveError::NotDeadLetters)));
                    return;
                };
                assert!(matches!(reply, Reply::MoveStarted(Ok(_))));
                // It is done with the next command.
                self.run(Command::RaiseFeatureLevel { level: 1 });
                self.check_moved(*named);
            }
            Op::Ack { picks } => {
                let picked: Vec<_> = picks.iter().filter_map(|&pick| self.pick(pick)).collect();
                let Some(&(id, _)) = picked.first() else { return };
                let jobs: Vec<_> = picked.iter().map(|(_, held)| *held).collect();
                let reply = self.run(Command::Ack { queue: id, jobs: jobs.clone() });
                let Reply::Acked(results) = reply else { panic!("{reply:?}") };
                let Some(queue) = self.queue_of(id) else {
                    assert!(results.iter().all(|result| matches!(result, Err(AckError::NotThere { .. }))));
                    return;
                };
                let expected: Vec<_> = jobs.iter().map(|&held| self.queues[queue].ack(self.now, held)).collect();
                assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), expected);
                self.queues[queue].forget();
            }
            Op::ChangeLease { pick, lease } => {
                let Some((id, held)) = self.pick(*pick) else { return };
                let until = self.end_after(*lease);
                let lease = Micros(until - self.now - 1);
                let reply = self.run(Command::ChangeLease { queue: id, jobs: vec![(held, lease)] });
                let Reply::LeaseChanged(results) = reply else { panic!("{reply:?}") };
                let until = self.now + lease.0;
                let Some(queue) = self.queue_of(id) else {
                    assert!(results[0].is_err());
                    return;
                };
                let expected = self.queues[queue].change_lease(self.now, held, until);
                assert_eq!(results[0].is_ok(), expected, "{results:?}");
                if expected {
                    self.order.insert(held.job, 1_000_000 + self.grants.len());
                }
                self.queues[queue].forget();
            }
            Op::Purge { queue } => {
                let reply = self.run(Command::PurgeQueue { queue: self.name(*queue) });
                assert_eq!(reply, Reply::Purged(Ok(self.queues[*queue].purge())));
            }
            Op::Delete { queue } => {
                let id = self.ids[*queue];
                let settings = self.queues[*queue].settings;
                assert_eq!(
                    self.run(Command::DeleteQueue { queue: self.name(*queue), call: None, keep_name: false }),
                    Reply::QueueDeleted(Ok(id))
                );
                self.queues[*queue] = Queue::new(settings);
                assert_eq!(self.run(Command::PurgeQueue { queue: self.name(*queue) }), Reply::Purged(Err(NoSuchQueue)));
                self.check_gone(id);
                let reply = self.run(Command::CreateQueue {
                    queue: name(*queue, &settings),
                    settings,
                    papers: Default::default(),
                    tags: vec![],
                });
                let Reply::QueueCreated(Ok(anew)) = reply else { panic!("{reply:?}") };
                assert!(anew.slot != id.slot || anew.generation > id.generation, "a number was given out twice");
                self.ids[*queue] = anew;
                self.check_gone(id);
            }
            Op::Wait { micros } => {
                self.now += micros;
                // Any command lets time pass; this one changes nothing else.
                self.run(Command::RaiseFeatureLevel { level: 1 });
            }
            Op::Checkpoint => self.keeper = Keeper::after_a_restart(&mut self.machine),
        }
    }

    /// What a receive gets: the same as before, if it is a repetition.
    fn expect_received(&mut self, number: usize, jobs_max: usize, until: u64, by: By) -> Vec<(JobId, u32)> {
        let now = self.now;
        let [first, second] = &mut self.queues[..] else { unreachable!() };
        let (queue, dead) = if number == 0 { (first, Some(second)) } else { (second, None) };
        if let Some(again) = self.repeats.received(now, (number, queue), by, until) {
            return again;
        }
        let granted = queue.receive(now, jobs_max, until, dead);
        self.repeats.note_received(now, (number, queue), by, until, &granted);
        granted
    }

    fn check_moved(&mut self, named: bool) {
        let [first, second] = &mut self.queues[..] else { unreachable!() };
        let queues = self.machine.queues();
        let ids: BTreeMap<_, _> = queues.jobs(queues.job_slots()).map(|job| (job.body, job.id)).collect();
        let moved = second.move_ready(first, named, |body| ids[&body]);
        let task = queues.moves_of(name(1, &second.settings)).remove(0);
        assert_eq!((task.status, task.moved), moved);
    }

    fn queue_of(&self, id: QueueId) -> Option<usize> {
        self.ids.iter().position(|&present| present == id)
    }

    fn check_gone(&mut self, id: QueueId) {
        let queues = self.machine.queues();
        assert_eq!((queues.counts(id), queues.settings(id), queues.grantable(id)), (None, None, 0));
        let reply = self.run(Command::Receive { queue: id, jobs_max: 1, lease: None, again: Default::default() });
        assert_eq!(reply, Reply::Received(Err(NoSuchQueue.into())));
    }

    fn check(&self) {
        self.machine.audit().unwrap();
        let queues = self.machine.queues();
        let bodies: BTreeSet<_> = queues.bodies(queues.job_slots()).collect();
        assert_eq!(bodies, self.bodies, "what is said of bodies is so");
        let bytes = bodies.iter().map(|body| u64::from(body.bytes)).sum();
        assert_eq!(queues.totals(), Totals { jobs: bodies.len() as u64, bytes });
        for (at, model) in self.queues.iter().enumerate() {
            let counts = self.machine.queues().counts(self.ids[at]).unwrap();
            let count = |is: fn(&At) -> bool| model.jobs.iter().filter(|job| is(&job.at)).count() as u64;
            assert_eq!(counts.ready, count(|at| *at == At::Ready));
            assert_eq!(counts.delayed, count(|at| matches!(at, At::Delayed { .. })));
            assert_eq!(counts.leased, count(|at| matches!(at, At::Leased { .. })));
            let (enqueued, acked, purged) = (model.enqueued, model.acked, model.purged);
            assert_eq!((counts.enqueued, counts.acked, counts.purged), (enqueued, acked, purged));
            assert_eq!((counts.moved_in, counts.moved_out), (model.moved_in, model.moved_out));
        }
    }
}

fn any_settings() -> impl Strategy<Value = QueueSettings> {
    let cap = |most: u64| prop_oneof![3 => Just(0u64), 1 => 1..most];
    let scope = prop_oneof![Just(DedupScope::Queue), Just(DedupScope::Group)];
    let fifo = prop::option::of(scope.prop_map(|dedup_scope| FifoSettings { dedup_scope, ..FifoSettings::default() }));
    (any::<bool>(), 1..=100u8, prop_oneof![3 => Just(0u32), 1 => 1..5u32], cap(60), cap(300), fifo).prop_map(
        |(by_time, default_weight, group_in_flight_max, jobs_max, bytes_max, fifo)| QueueSettings {
            fifo,
            jobs_max,
            bytes_max,
            fair_by: if by_time { FairBy::LeaseTime } else { FairBy::Count },
            default_weight,
            group_in_flight_max,
            ..QueueSettings::default()
        },
    )
}

/// Quick by default; `PROPTEST_CASES` asks for more.
#[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_naive_model_does(
        settings in [any_settings(), any_settings()],
        ops in prop::collection::vec(any_op(), 1..120),
    ) {
        let mut pair = Pair::new(settings);
        let mut again = Pair::new(settings);
        for (op, records_max) in ops.iter().zip((1..9).cycle()) {
            pair.apply(op);
            pair.check();
            pair.keeper.step(&mut pair.machine, records_max);
        }
        while pair.keeper.finished == 0 {
            pair.keeper.step(&mut pair.machine, 3);
        }
        for op in &ops {
            again.apply(op);
        }
        prop_assert_eq!(pair.machine.digest(), again.machine.digest(), "same input, different state");
    }
}
