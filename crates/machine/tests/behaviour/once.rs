//! Changes that a client asks for again because it heard no answer: they are made once, and each is told what it was told.

use crate::house::{House, SECOND, key, settings};
use evenkeel_machine::{
    Machine, Reply,
    batch::BatchBuilder,
    codec::Reader,
    command::{CallKey, Command, GroupSettings, PapersEdit, QueueEdit, QueueKey, without_once},
    queue::{MoveError, PapersError},
};
use evenkeel_types::{Micros, QueueId};

fn once(number: u64, change: Command<'_>) -> Command<'_> {
    Command::Once { call: CallKey([number, 7]), change: Box::new(change) }
}

fn create(name: &str) -> Command<'_> {
    Command::CreateQueue { queue: key(name), settings: settings(name), papers: PapersEdit::default(), tags: vec![] }
}

fn delete(number: u64) -> Command<'static> {
    Command::DeleteQueue { queue: key("q"), call: Some(CallKey([number, 7])), keep_name: false }
}

fn lease(seconds: u32) -> Command<'static> {
    let edit = QueueEdit { lease: Some(Micros::from_secs(seconds)), ..QueueEdit::default() };
    Command::ConfigureQueue { queue: key("q"), edit }
}

fn note<'a>(before: Option<&'a str>, after: Option<&'a str>) -> Command<'a> {
    Command::ReplaceNote { queue: key("q"), note: "n", before, after }
}

#[test]
fn what_others_did_in_the_meantime_stays() {
    let mut house = House::new(&["q"]);
    let weight = |weight| Command::ConfigureGroup {
        queue: key("q"),
        group: "g",
        settings: GroupSettings { weight, in_flight_max: 0 },
    };
    let tag = |value| Command::TagQueue { queue: key("q"), tags: vec![("a", value)] };
    let untag = || Command::UntagQueue { queue: key("q"), keys: vec!["a"] };
    let steps: [(Command<'_>, Command<'_>); 5] = [
        (lease(5), lease(6)),
        (weight(5), weight(6)),
        (tag("1"), tag("2")),
        (untag(), tag("3")),
        (note(None, Some("x")), note(Some("x"), Some("y"))),
    ];
    for (number, (mine, theirs)) in (1..).zip(steps) {
        let first = house.run(&once(number, mine.clone()));
        house.run(&theirs);
        house.restart();
        let (digest, queue) = (house.machine.digest(), house.id("q"));
        assert_eq!(house.run(&once(number, mine.clone())), first, "{mine:?}");
        assert!(house.outcome.events.is_empty(), "{mine:?}: {:?}", house.outcome.events);
        assert_ne!(house.machine.digest(), digest, "an entry was applied");
        assert_eq!(house.id("q"), queue);
    }
    let (queues, queue) = (house.machine.queues(), house.id("q"));
    assert_eq!(queues.settings(queue).unwrap().lease, Micros::from_secs(6));
    assert_eq!(queues.group_settings(queue, "g").unwrap().weight, 6);
    let papers = queues.papers(queue).unwrap();
    assert_eq!(
        (papers.tags.get("a").map(|tag| &**tag), papers.notes.get("n").map(|note| &**note)),
        (Some("3"), Some("y"))
    );
}

#[test]
fn a_purge_that_is_repeated_leaves_what_was_sent_since() {
    let mut house = House::new(&["q"]);
    house.send("q", "g");
    house.send("q", "g");
    let purge = || Command::PurgeQueue { queue: key("q") };
    assert_eq!(house.run(&once(1, purge())), Reply::Purged(Ok(2)));
    house.send("q", "g");
    assert_eq!(house.run(&once(1, purge())), Reply::Purged(Ok(2)));
    assert_eq!(house.counts("q").ready, 1);
    assert_eq!(house.run(&once(2, purge())), Reply::Purged(Ok(1)), "another call is another purge");
    assert_eq!(house.counts("q").ready, 0);
}

#[test]
fn a_creation_that_is_repeated_makes_no_other_queue() {
    let mut house = House::new(&[]);
    let Reply::QueueCreated(Ok(first)) = house.run(&once(1, create("q"))) else { panic!("it is made") };
    house.run(&lease(5));
    assert_eq!(house.run(&once(1, create("q"))), Reply::QueueCreated(Ok(first)), "it was changed since");
    assert!(matches!(house.run(&once(2, create("q"))), Reply::QueueCreated(Err(_))), "another call has to fit");
    house.delete("q").unwrap();
    assert_eq!(house.run(&once(1, create("q"))), Reply::QueueCreated(Ok(first)));
    assert_eq!(house.machine.queues().find(key("q")), None, "it was deleted since");
    let Reply::QueueCreated(Ok(second)) = house.run(&once(3, create("q"))) else { panic!("it is made anew") };
    assert_ne!(first, second);
}

#[test]
fn a_deletion_that_is_repeated_leaves_the_queue_that_was_made_since() {
    let mut house = House::new(&["q"]);
    let first = house.id("q");
    assert_eq!(house.run(&delete(1)), Reply::QueueDeleted(Ok(first)));
    house.create("q", settings("q"));
    house.send("q", "g");
    assert_eq!(house.run(&delete(1)), Reply::QueueDeleted(Ok(first)));
    assert_eq!(house.counts("q").ready, 1);
    let second = QueueId { generation: first.generation + 1, ..first };
    assert_eq!(house.run(&delete(2)), Reply::QueueDeleted(Ok(second)));
}

#[test]
fn a_task_that_is_begun_again_is_the_same_and_ends_once() {
    let mut house = House::new(&["dead", "q"]);
    house.redrive("q", "dead", 1).unwrap();
    for _ in 0..3 {
        house.send("q", "g");
        house.fail("q", 1);
        assert!(house.receive("q", 1).is_empty());
    }
    let start = || Command::StartMove { source: key("dead"), destination: None, rate: Some(1) };
    let Reply::MoveStarted(Ok(number)) = house.run(&once(1, start())) else { panic!("it begins") };
    assert_eq!(house.run(&once(1, start())), Reply::MoveStarted(Ok(number)));
    assert_eq!(house.run(&once(2, start())), Reply::MoveStarted(Err(MoveError::Running)));
    let cancel = || Command::CancelMove { source: key("dead"), number };
    let Reply::MoveCancelled(Ok(moved)) = house.run(&once(3, cancel())) else { panic!("it ends") };
    assert!(moved < 3);
    house.wait(10 * SECOND);
    assert_eq!(house.run(&once(3, cancel())), Reply::MoveCancelled(Ok(moved)));
    assert_eq!(house.run(&once(4, cancel())), Reply::MoveCancelled(Err(MoveError::NoSuchTask)));
    assert_eq!(house.run(&once(1, start())), Reply::MoveStarted(Ok(number)), "it does not begin anew");
    assert_eq!(house.counts("dead").ready, 3 - moved);
}

#[test]
fn what_was_refused_is_tried_again_and_what_is_long_ago_is_forgotten() {
    let mut house = House::new(&["q"]);
    let keys: Vec<String> = (0..50).map(|at| at.to_string()).collect();
    let tag = |names: &[&'static str]| Command::TagQueue {
        queue: key("q"),
        tags: names.iter().map(|name| (*name, "v")).collect(),
    };
    let full = keys.iter().map(|key| (key.as_str(), "v")).collect();
    house.run(&Command::TagQueue { queue: key("q"), tags: full });
    assert_eq!(house.run(&once(1, tag(&["more"]))), Reply::Tagged(Ok(Err(PapersError::TooMany))));
    house.run(&Command::UntagQueue { queue: key("q"), keys: vec!["0"] });
    assert_eq!(house.run(&once(1, tag(&["more"]))), Reply::Tagged(Ok(Ok(()))));
    house.run(&Command::UntagQueue { queue: key("q"), keys: vec!["more"] });
    house.now += 119 * SECOND;
    assert_eq!(house.run(&once(1, tag(&["more"]))), Reply::Tagged(Ok(Ok(()))));
    let has_more = |house: &House| house.machine.queues().papers(house.id("q")).unwrap().tags.contains_key("more");
    assert!(!has_more(&house), "it is the same call");
    house.now += 2 * SECOND;
    assert_eq!(house.run(&once(1, tag(&["more"]))), Reply::Tagged(Ok(Ok(()))));
    assert!(has_more(&house), "after two minutes it is another");
}

#[test]
fn a_change_can_be_taken_out_of_what_makes_it_once() {
    let bytes = |command: &Command<'_>| {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        bytes
    };
    for change in [create("q"), lease(5), delete(1)] {
        let plain = bytes(&change);
        assert_eq!(without_once(&plain), plain);
        assert_eq!(without_once(&bytes(&once(1, change))), plain);
    }
    assert_eq!(without_once(&[]), []);
    assert_eq!(without_once(&[3, 1]), []);
}

/// Bytes of a log may be anything: a command within a command within a command must not be followed.
#[test]
fn only_a_change_is_made_once() {
    let read = |command: &Command<'_>| {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        Command::decode(&mut Reader::new(&bytes)).is_ok()
    };
    assert!(read(&once(1, create("q"))));
    assert!(!read(&once(1, once(2, create("q")))));
    assert!(!read(&once(1, delete(1))));
    assert!(!read(&once(1, Command::RaiseFeatureLevel { level: 1 })));
    let send = Command::Enqueue { queue: QueueKey { ..key("q") }, jobs: vec![], call: None };
    assert!(!read(&once(1, send)));
    // As deep as an entry is long.
    let layer: Vec<u8> = [3].into_iter().chain([0; 16]).collect();
    assert!(Command::decode(&mut Reader::new(&layer.repeat(100_000))).is_err());
    let mut batch = BatchBuilder::default();
    batch.push_encoded(&layer.repeat(10));
    let bytes = batch.finish(evenkeel_types::LogTime(1), evenkeel_types::WallTime(1));
    let mut machine = Machine::default();
    assert!(machine.apply(evenkeel_types::LogIndex(1), &bytes, &mut Default::default()).is_err());
}
