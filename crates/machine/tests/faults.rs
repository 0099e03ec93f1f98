//! The checks checked: deliberate defects of FIFO queues, repeated calls, retention and dead letters make small scripts end otherwise. The
//! simulator hunts for these and all others.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

#[allow(dead_code, reason = "the behaviour tests need more of it")]
#[path = "behaviour/house.rs"]
mod house;

use evenkeel_machine::{
    Outcome, Reply,
    batch::BatchBuilder,
    command::{Body, CallKey, Command, DedupId, Held, NewJob, QueueSettings},
    fault::{self, Fault},
    limits::FEATURE_LEVEL,
};
use evenkeel_types::Micros;
use house::{House, SECOND, key};

/// Whether things go as they should.
type Script = fn() -> bool;

const SCRIPTS: [(Fault, Script); 9] = [
    (Fault::IgnoreLock, a_group_is_locked),
    (Fault::LoseFifoOrder, what_comes_back_keeps_its_order),
    (Fault::ForgetDedup, an_id_counts_once),
    (Fault::ForgetCalls, a_call_counts_once),
    (Fault::KeepExpired, time_passes),
    (Fault::NeverDead, the_dead_are_buried),
    (Fault::LoseDead, the_dead_are_counted),
    (Fault::ForgetChanges, a_change_is_made_once),
    (Fault::ApplyAnyLevel, a_newer_level_stops_it),
];

fn a_group_is_locked() -> bool {
    let mut house = House::new(&["q.fifo"]);
    house.send("q.fifo", "g");
    house.send("q.fifo", "g");
    house.receive("q.fifo", 1).len() == 1 && house.receive("q.fifo", 1).is_empty()
}

fn what_comes_back_keeps_its_order() -> bool {
    let mut house = House::new(&["q.fifo"]);
    (0..3).for_each(|_| _ = house.send("q.fifo", "g"));
    let grants = house.receive("q.fifo", 3);
    let queue = house.id("q.fifo");
    for grant in &grants {
        let held = Held { job: grant.job, token: grant.token };
        house.run(&Command::ChangeLease { queue, jobs: vec![(held, Micros(0))] });
    }
    let jobs = |grants: &[evenkeel_machine::Grant]| grants.iter().map(|grant| grant.job).collect::<Vec<_>>();
    jobs(&house.receive("q.fifo", 3)) == jobs(&grants)
}

fn an_id_counts_once() -> bool {
    let mut house = House::new(&["q.fifo"]);
    let dedup = Some(DedupId { id: "id", is_content: false });
    let job = NewJob { group: "g", delay: None, dedup, counted_bytes: 1, body: Body::new(b"x") };
    for _ in 0..2 {
        house.run(&Command::Enqueue { queue: key("q.fifo"), jobs: vec![job], call: None });
    }
    house.counts("q.fifo").ready == 1
}

fn a_call_counts_once() -> bool {
    let mut house = House::new(&["q"]);
    let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    for _ in 0..2 {
        let call = Some(CallKey([1, 2]));
        let sent = house.run(&Command::Enqueue { queue: key("q"), jobs: vec![job], call });
        assert!(matches!(sent, Reply::Enqueued(Ok(_))));
    }
    house.counts("q").ready == 1
}

fn a_change_is_made_once() -> bool {
    let mut house = House::new(&["q"]);
    let change = || Command::Once { call: CallKey([1, 2]), change: Box::new(Command::PurgeQueue { queue: key("q") }) };
    house.run(&change());
    house.send("q", "g");
    house.run(&change());
    house.counts("q").ready == 1
}

fn a_newer_level_stops_it() -> bool {
    let mut house = House::new(&[]);
    let mut batch = BatchBuilder::default();
    batch.push(&Command::RaiseFeatureLevel { level: FEATURE_LEVEL + 1 });
    let bytes = batch.finish(house.machine.log_time(), house.machine.wall_time());
    house.machine.apply(house.machine.applied().next(), &bytes, &mut Outcome::default()).is_err()
}

fn time_passes() -> bool {
    let mut house = House::new(&[]);
    house.create("q", QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    house.send("q", "g");
    house.wait(61 * SECOND);
    house.counts("q").present() == 0
}

fn the_dead_are_buried() -> bool {
    let mut house = House::new(&["q", "dead"]);
    house.redrive("q", "dead", 1).unwrap();
    house.send("q", "g");
    house.fail("q", 1);
    house.receive("q", 1).is_empty() && house.counts("dead").ready == 1
}

/// The house recounts everything after each command, and stops the test if it does not add up.
fn the_dead_are_counted() -> bool {
    std::panic::catch_unwind(the_dead_are_buried).unwrap_or(false)
}

#[test]
fn each_defect_shows_and_without_one_all_is_well() {
    for (defect, script) in SCRIPTS {
        fault::choose(None);
        assert!(script(), "without a defect ({defect:?})");
        fault::choose(Some(defect));
        let goes_well = script();
        fault::choose(None);
        assert!(!goes_well, "{defect:?} was not noticed");
    }
}
