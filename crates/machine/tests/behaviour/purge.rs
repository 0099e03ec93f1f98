//! Purging and deleting: gone at once for everybody, freed behind in bounded steps, limits on what a queue holds.

use crate::script::{QUEUE, Script, held};
use evenkeel_machine::{
    Event, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{Body, Command, NewJob, QueueKey, QueueSettings},
    limits::REAPED_PER_BATCH,
    queue::{AckError, Cap, Counts, EnqueueError, NoSuchQueue, Totals},
};
use evenkeel_types::{LogIndex, LogTime, Micros, QueueId, WallTime};

const FIRST: QueueId = QueueId { slot: 0, generation: 0 };

fn purge(script: &mut Script) -> Reply {
    script.run(&Command::PurgeQueue { queue: QUEUE })
}

fn send_delayed(script: &mut Script, group: &str, secs: u32) {
    let job = NewJob {
        group,
        delay: Some(Micros::from_secs(secs)),
        dedup: None,
        counted_bytes: 1,
        body: Body::new(b"later"),
    };
    let reply = script.run(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None });
    assert!(matches!(&reply, Reply::Enqueued(Ok(results)) if results[0].is_ok()), "{reply:?}");
}

fn released(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::BodyReleased(_))).count()
}

/// One batch of as many jobs as asked, over so many groups.
fn fill(script: &mut Script, jobs: usize, groups: usize, delay: Option<Micros>) {
    fill_queue(script, QUEUE, jobs, groups, delay);
}

fn fill_queue(script: &mut Script, queue: QueueKey<'_>, jobs: usize, groups: usize, delay: Option<Micros>) {
    let names: Vec<String> = (0..groups).map(|group| format!("g{group}")).collect();
    let mut sent = 0;
    while sent < jobs {
        let mut batch = BatchBuilder::default();
        for _ in 0..2_000 {
            let count = 10.min(jobs - sent);
            let job = |n: usize| NewJob {
                group: names[n % groups].as_str(),
                delay,
                dedup: None,
                counted_bytes: 1,
                body: Body::new(b"x"),
            };
            batch.push(&Command::Enqueue { queue, jobs: (sent..sent + count).map(job).collect(), call: None });
            sent += count;
        }
        let bytes = batch.finish(LogTime(script.now), WallTime(1_700_000_000_000 + script.now / 1_000));
        let next = LogIndex(script.machine.applied().0 + 1);
        script.machine.apply(next, &bytes, &mut script.outcome).unwrap();
    }
}

fn create(script: &mut Script, name: &'static str) -> QueueKey<'static> {
    let queue = QueueKey { name, ..QUEUE };
    let settings = QueueSettings::default();
    script.run(&Command::CreateQueue { queue, settings, papers: Default::default(), tags: vec![] });
    queue
}

/// Empty batches, as an idle engine makes them, until nothing is due at once. How many bodies each released.
fn reap(script: &mut Script) -> Vec<usize> {
    let mut batches = Vec::new();
    while script.machine.next_due() == Some(LogTime(0)) {
        batches.push(released(&script.wait(0)));
    }
    batches
}

#[test]
fn a_purge_takes_what_is_ready_delayed_and_leased_at_once() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 3);
    send_delayed(&mut script, "g", 60);
    send_delayed(&mut script, "h", 60);
    let grant = script.receive().unwrap();
    let expired = script.receive_for(1, Micros(1)).pop().unwrap();
    script.wait(10_000);
    assert_eq!(script.counts(), Counts { ready: 2, delayed: 2, leased: 1, enqueued: 5, ..Counts::default() });

    assert_eq!(purge(&mut script), Reply::Purged(Ok(5)));
    assert_eq!(script.counts(), Counts { enqueued: 5, purged: 5, ..Counts::default() });
    assert_eq!(script.machine.queues().grantable(FIRST), 0);
    assert!(matches!(script.ack(&grant), Err(AckError::NotThere { .. })));
    assert!(matches!(script.ack(&expired), Err(AckError::NotThere { .. })));
    assert!(script.change_lease(&grant, Micros::from_secs(9)).is_err());
    assert!(script.change_lease(&grant, Micros(0)).is_err());
    assert!(script.receive().is_none());
    script.machine.audit().unwrap();
    // Neither the delay nor the lease brings anything back.
    script.wait(70_000_000);
    assert!(script.receive().is_none());
    assert_eq!(script.machine.queues().totals(), Totals::default());
    assert_eq!(script.machine.queues().sizes(), (1, 0, 0));
    assert_eq!(purge(&mut script), Reply::Purged(Ok(0)));
    script.machine.audit().unwrap();
}

#[test]
fn every_body_of_a_purged_job_is_released_once() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 20);
    script.receive_for(5, Micros::from_secs(30));
    (0..5).for_each(|_| send_delayed(&mut script, "h", 30));
    purge(&mut script);
    let mut bodies = script.wait(0);
    bodies.extend(script.wait(40_000_000));
    bodies.extend(script.wait(0));
    assert_eq!(released(&bodies), 25);
    let places: std::collections::BTreeSet<String> = bodies.iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(places.len(), bodies.len(), "each once, and nothing else");
}

#[test]
fn a_group_goes_on_at_once_while_its_purged_jobs_are_still_there() {
    let mut script = Script::new(QueueSettings { group_in_flight_max: 1, ..QueueSettings::default() });
    script.send("g", 2);
    let old = script.receive().unwrap();
    assert!(script.receive().is_none(), "the group is at its limit");
    // In one batch, so that the reaper cannot come between.
    let mut batch = BatchBuilder::default();
    batch.push(&Command::PurgeQueue { queue: QUEUE });
    let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"new") };
    batch.push(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None });
    batch.push(&Command::Receive { queue: FIRST, jobs_max: 10, lease: None, again: Default::default() });
    let next = LogIndex(script.machine.applied().0 + 1);
    let bytes = batch.finish(LogTime(script.now), WallTime(1_700_000_000_000 + script.now / 1_000));
    script.machine.apply(next, &bytes, &mut script.outcome).unwrap();
    let Some(Reply::Received(Ok(grants))) = script.outcome.replies.pop() else { panic!("a receive was last") };
    assert_eq!(grants.len(), 1, "a purged lease does not count against the limit");
    script.machine.audit().unwrap();
    assert!(matches!(script.ack(&old), Err(AckError::NotThere { .. })));
    assert_eq!(script.ack(&grants[0]), Ok(()));
    script.machine.audit().unwrap();
}

#[test]
fn a_groups_own_settings_survive_a_purge() {
    // Taken over by the next lane of the group, or by one that the reaper makes.
    for comes_back_at_once in [true, false] {
        let mut script = Script::new(QueueSettings::default());
        script.configure_group("heavy", 3, 0);
        script.configure_group("narrow", 1, 1);
        script.send("heavy", 2);
        script.receive().unwrap();
        for _ in 0..3 {
            purge(&mut script);
            if !comes_back_at_once {
                reap(&mut script);
                assert_eq!(script.machine.queues().sizes().1, 2, "a lane for each group with settings");
            }
        }
        script.machine.audit().unwrap();
        script.send("heavy", 40);
        script.send("light", 40);
        script.send("narrow", 5);
        script.machine.audit().unwrap();
        assert!(
            script.receive_for(10, Micros::from_secs(3)).iter().filter(|grant| *grant.group == *"narrow").count() <= 1
        );
        script.wait(4_000_000);
        let served = script.serve(40);
        let of = |name: &str| served.iter().filter(|group| *group == name).count();
        assert!(of("heavy") >= 2 * of("light"), "{served:?}");
        script.machine.audit().unwrap();
    }
}

#[test]
fn settings_replaced_after_a_purge_are_not_brought_back_by_the_reaper() {
    let mut script = Script::new(QueueSettings::default());
    script.configure_group("g", 9, 0);
    script.send("g", 1);
    let mut batch = BatchBuilder::default();
    batch.push(&Command::PurgeQueue { queue: QUEUE });
    let settings = evenkeel_machine::command::GroupSettings { weight: 1, in_flight_max: 0 };
    batch.push(&Command::ConfigureGroup { queue: QUEUE, group: "g", settings });
    let next = LogIndex(script.machine.applied().0 + 1);
    let bytes = batch.finish(LogTime(script.now), WallTime(1_700_000_000_000 + script.now / 1_000));
    script.machine.apply(next, &bytes, &mut script.outcome).unwrap();
    script.machine.audit().unwrap();
    reap(&mut script);
    assert_eq!(script.machine.queues().sizes(), (1, 0, 0), "no lane is kept for settings");
}

#[test]
fn a_queue_of_a_deleted_name_is_another_queue() {
    let mut script = Script::new(QueueSettings::default());
    script.configure_group("g", 9, 0);
    script.send("g", 2);
    let grant = script.receive().unwrap();
    assert_eq!(
        script.run(&Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false }),
        Reply::QueueDeleted(Ok(FIRST))
    );
    assert_eq!(
        script.run(&Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false }),
        Reply::QueueDeleted(Err(NoSuchQueue))
    );
    assert_eq!(purge(&mut script), Reply::Purged(Err(NoSuchQueue)));
    assert_eq!(script.machine.queues().find(QUEUE), None);
    script.machine.audit().unwrap();
    let receive = Command::Receive { queue: FIRST, jobs_max: 1, lease: None, again: Default::default() };
    assert_eq!(script.run(&receive), Reply::Received(Err(NoSuchQueue.into())));
    let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    let enqueue = Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None };
    assert_eq!(script.run(&enqueue), Reply::Enqueued(Err(NoSuchQueue)));

    let other = QueueSettings { lease: Micros::from_secs(5), ..QueueSettings::default() };
    let second = QueueId { slot: 0, generation: 1 };
    let reply =
        script.run(&Command::CreateQueue { queue: QUEUE, settings: other, papers: Default::default(), tags: vec![] });
    assert_eq!(reply, Reply::QueueCreated(Ok(second)), "the slot is used again, under another number");
    let queues = script.machine.queues();
    assert_eq!((queues.counts(FIRST), queues.settings(FIRST), queues.grantable(FIRST)), (None, None, 0));
    assert_eq!(queues.counts(second), Some(Counts::default()));
    script.run(&enqueue);
    assert_eq!(script.run(&receive), Reply::Received(Err(NoSuchQueue.into())));
    for queue in [FIRST, second] {
        let reply = script.run(&Command::Ack { queue, jobs: vec![held(&grant)] });
        assert!(matches!(&reply, Reply::Acked(results) if results[0].is_err()), "{reply:?}");
    }
    assert_eq!(script.machine.queues().counts(second).map(|counts| counts.ready), Some(1));
    script.machine.audit().unwrap();
    script.wait(60_000_000);
    script.machine.audit().unwrap();
    assert_eq!(script.machine.queues().sizes(), (1, 1, 1), "the old group's settings went with its queue");
}

#[test]
fn a_purge_of_a_million_jobs_is_freed_in_bounded_steps_while_work_goes_on() {
    let mut script = Script::new(QueueSettings::default());
    fill(&mut script, 1_000_000, 1_000, None);
    let (_, lanes, jobs) = script.machine.queues().sizes();
    assert_eq!((lanes, jobs), (1_000, 1_000_000));
    assert_eq!(purge(&mut script), Reply::Purged(Ok(1_000_000)));
    assert_eq!(script.machine.queues().totals().jobs, 1_000_000, "not freed yet");
    // Somebody goes on working with the same groups.
    for round in 0..50 {
        script.send(&format!("g{round}"), 2);
        assert!(released(&script.outcome.events) <= REAPED_PER_BATCH as usize);
        assert_eq!(script.serve(1).len(), 1);
    }
    let batches = reap(&mut script);
    assert!(batches.iter().all(|&bodies| bodies <= REAPED_PER_BATCH as usize));
    assert!(batches.len() >= (1_000_000 - 200 * REAPED_PER_BATCH as usize) / REAPED_PER_BATCH as usize);
    assert_eq!(script.machine.queues().totals().jobs, 50);
    script.machine.audit().unwrap();
    fill(&mut script, 900_000, 1_000, None);
    assert!(script.machine.queues().job_slots().end <= 1_000_101, "slots are used again");
    script.machine.audit().unwrap();
}

#[test]
fn purged_jobs_that_hang_in_the_wheel_do_not_stay_until_they_are_due() {
    let mut script = Script::new(QueueSettings::default());
    fill(&mut script, 100_000, 100, Some(Micros::from_secs(900)));
    fill(&mut script, 20_000, 7, None);
    purge(&mut script);
    let batches = reap(&mut script);
    assert!(batches.iter().all(|&bodies| bodies <= REAPED_PER_BATCH as usize));
    assert_eq!(batches.iter().sum::<usize>(), 120_000);
    assert_eq!(script.machine.queues().sizes(), (1, 0, 0));
    script.machine.audit().unwrap();

    // A few among many are left to their time, which costs nothing.
    fill(&mut script, 30_000, 10, None);
    script.receive_for(10, Micros::from_secs(600));
    let name = create(&mut script, "few");
    let job =
        NewJob { group: "g", delay: Some(Micros::from_secs(60)), dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    script.run(&Command::Enqueue { queue: name, jobs: vec![job; 10], call: None });
    assert_eq!(script.run(&Command::PurgeQueue { queue: name }), Reply::Purged(Ok(10)));
    assert!(reap(&mut script).len() <= 1);
    assert_eq!(script.machine.queues().totals().jobs, 30_010);
    assert_eq!(released(&script.wait(61_000_000)), 10);
    script.machine.audit().unwrap();
}

#[test]
fn what_is_purged_behind_a_sweep_goes_with_the_next_one() {
    let mut script = Script::new(QueueSettings::default());
    fill(&mut script, 10_000, 7, None);
    let many = create(&mut script, "many");
    fill_queue(&mut script, many, 40_000, 100, None);
    assert_eq!(script.run(&Command::PurgeQueue { queue: many }), Reply::Purged(Ok(40_000)));
    // Past all that lie in front.
    let before = (0..10).map(|_| released(&script.wait(0))).sum::<usize>();
    assert!((1..30_000).contains(&before), "{before}");
    assert_eq!(purge(&mut script), Reply::Purged(Ok(10_000)));
    let before = before + released(&script.outcome.events);
    let batches = reap(&mut script);
    assert_eq!(batches.iter().sum::<usize>() + before, 50_000);
    assert!(batches.len() <= 2 * 50_000 / REAPED_PER_BATCH as usize + 2, "{} batches for two sweeps", batches.len());
    assert_eq!(script.machine.queues().sizes(), (2, 0, 0));
    script.machine.audit().unwrap();
}

#[test]
fn a_few_that_are_purged_among_many_are_freed_without_a_sweep() {
    let mut script = Script::new(QueueSettings::default());
    fill(&mut script, 100_000, 100, None);
    let few = create(&mut script, "few");
    fill_queue(&mut script, few, 1_000, 10, None);
    assert_eq!(script.run(&Command::PurgeQueue { queue: few }), Reply::Purged(Ok(1_000)));
    assert_eq!(reap(&mut script), [1_000]);
    script.machine.audit().unwrap();
}

#[test]
fn a_machine_restored_in_the_middle_of_reaping_goes_on_alike() {
    let mut script = Script::new(QueueSettings::default());
    script.configure_group("g3", 5, 2);
    fill(&mut script, 30_000, 2_000, None);
    fill(&mut script, 20_000, 500, Some(Micros::from_secs(300)));
    script.receive_for(10, Micros::from_secs(100));
    purge(&mut script);
    fill(&mut script, 5_000, 300, None);
    let mut restored = 0;
    while script.machine.next_due() == Some(LogTime(0)) {
        let mut bytes = Vec::new();
        script.machine.encode(&mut bytes);
        let mut again = Machine::decode(&bytes).unwrap();
        again.audit().unwrap();
        assert_eq!(again.digest(), script.machine.digest());
        assert_eq!(again.queues().totals(), script.machine.queues().totals());
        // The restored one goes its own way, then both must be alike.
        let next = LogIndex(again.applied().0 + 1);
        let mut outcome = Outcome::default();
        let empty =
            BatchBuilder::default().finish(LogTime(script.now), WallTime(1_700_000_000_000 + script.now / 1_000));
        again.apply(next, &empty, &mut outcome).unwrap();
        assert_eq!(outcome.events, script.wait(0));
        assert_eq!(again.digest(), script.machine.digest());
        script.machine = again;
        restored += 1;
    }
    assert!(restored > 10, "{restored}");
    assert_eq!(script.machine.queues().totals().jobs, 5_000);
    script.machine.audit().unwrap();
    assert_eq!(script.serve(5_000).len(), 5_000);
}

#[test]
fn purging_again_and_again_leaves_nothing_behind() {
    let mut script = Script::new(QueueSettings::default());
    for round in 0..300 {
        let mut batch = BatchBuilder::default();
        for _ in 0..20 {
            let job = |delay| NewJob { group: "same", delay, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
            let jobs = vec![job(Some(Micros::from_secs(900))), job(None)];
            batch.push(&Command::Enqueue { queue: QUEUE, jobs, call: None });
            batch.push(&if round % 3 == 0 {
                Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false }
            } else {
                Command::PurgeQueue { queue: QUEUE }
            });
            batch.push(&Command::CreateQueue {
                queue: QUEUE,
                settings: QueueSettings::default(),
                papers: Default::default(),
                tags: vec![],
            });
        }
        let next = LogIndex(script.machine.applied().0 + 1);
        let bytes = batch.finish(LogTime(script.now), WallTime(1_700_000_000_000 + script.now / 1_000));
        script.machine.apply(next, &bytes, &mut script.outcome).unwrap();
    }
    script.machine.audit().unwrap();
    reap(&mut script);
    let (queues, lanes, jobs) = script.machine.queues().sizes();
    assert_eq!((queues, lanes), (1, jobs), "each hanging job keeps its lane");
    assert!(jobs <= script.machine.queues().job_slots().end / 16, "{jobs} hang");
    script.wait(901_000_000);
    reap(&mut script);
    assert_eq!(script.machine.queues().sizes(), (1, 0, 0));
}

#[test]
fn a_queue_takes_no_more_than_its_settings_allow() {
    let mut script = Script::new(QueueSettings { jobs_max: 3, bytes_max: 20, ..QueueSettings::default() });
    let send = |script: &mut Script, body: &[u8], delay| {
        let job = NewJob { group: "g", delay, dedup: None, counted_bytes: 1, body: Body::new(body) };
        match script.run(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None }) {
            Reply::Enqueued(Ok(mut results)) => results.remove(0).map(|_| ()),
            other => panic!("{other:?}"),
        }
    };
    let full = |cap, present, max| Err(EnqueueError::QueueFull { cap, present, max });
    assert_eq!(send(&mut script, b"0123456789", None), Ok(()));
    assert_eq!(send(&mut script, b"0123456789x", None), full(Cap::Bytes, 10, 20));
    assert_eq!(send(&mut script, b"", Some(Micros::from_secs(5))), Ok(()));
    let grant = script.receive().unwrap();
    assert_eq!(send(&mut script, b"0123456789", None), Ok(()), "exactly full");
    assert_eq!(send(&mut script, b"", None), full(Cap::Jobs, 3, 3), "leased and delayed jobs count");
    assert_eq!(script.machine.queues().totals(), Totals { jobs: 3, bytes: 20 });
    script.ack(&grant).unwrap();
    assert_eq!(send(&mut script, b"0123456789", None), Ok(()));
    purge(&mut script);
    assert_eq!(send(&mut script, b"0123456789", None), Ok(()), "a purge makes room at once");
    script.machine.audit().unwrap();
    let settings = QueueSettings { jobs_max: 1, ..QueueSettings::default() };
    script.run(&Command::ConfigureQueue { queue: QUEUE, edit: settings.into() });
    assert_eq!(send(&mut script, b"", None), full(Cap::Jobs, 1, 1));
    script.run(&Command::ConfigureQueue { queue: QUEUE, edit: (QueueSettings::default()).into() });
    assert_eq!(send(&mut script, &[b'x'; 1_000], None), Ok(()));
    script.machine.audit().unwrap();
}

#[test]
fn whoever_looks_at_everything_sees_each_queue_and_job_and_what_was_purged() {
    let mut script = Script::new(QueueSettings::default());
    script.send("a", 2_000);
    let queue = script.machine.queues().all().next().unwrap();
    assert_eq!((&*queue.name, queue.counts.present(), queue.bytes), ("q", 2_000, 2_000));
    let jobs: Vec<_> = script.machine.queues().jobs(script.machine.queues().job_slots()).collect();
    assert!(jobs.len() == 2_000 && jobs.iter().all(|job| job.queue == Some(queue.id)));
    let bodies: Vec<_> = script.machine.queues().bodies(script.machine.queues().job_slots()).collect();
    assert_eq!(jobs.iter().map(|job| job.body).collect::<Vec<_>>(), bodies);
    purge(&mut script);
    let queues = script.machine.queues();
    let here = queues.jobs(queues.job_slots()).filter(|job| job.queue.is_some()).count();
    let all = queues.jobs(queues.job_slots()).count();
    assert!(here == 0 && all > 0, "{here} of {all}: they are no queue's any more, and not freed yet");
}
