//! Dead letters and move tasks: what goes elsewhere, and comes back.

use crate::house::{House, SECOND, key, settings};
use evenkeel_machine::{
    Event, Reply,
    command::{Allow, Command, Held, PapersEdit, QueueSettings},
    queue::{ConfigureError, MoveError, MoveStatus, PapersError},
};
use evenkeel_types::Micros;

fn refused(error: PapersError) -> Result<(), ConfigureError> {
    Err(ConfigureError::Papers(error))
}

#[test]
fn a_job_that_was_granted_too_often_goes_to_the_dead_letters_instead() {
    let mut house = House::new(&["q", "dead"]);
    assert_eq!(house.redrive("q", "dead", 2), Ok(()));
    let sent = house.send("q", "g");
    house.fail("q", 2);
    assert_eq!(house.counts("q").ready, 1, "two grants are allowed");
    assert_eq!(house.receive("q", 1), [], "the third would be one too many");
    assert_eq!((house.counts("q").present(), house.counts("q").moved_out), (0, 1));
    assert_eq!((house.counts("dead").ready, house.counts("dead").moved_in), (1, 1));
    assert!(house.outcome.events.contains(&Event::Ready(house.id("dead"))), "whoever waits there is told");
    assert!(!house.outcome.events.iter().any(|event| matches!(event, Event::BodyReleased(_))), "its body is needed");
    house.restart();
    let grant = house.receive("dead", 1).remove(0);
    assert_eq!((grant.job, grant.body), (sent.job, sent.body), "the same job, so that its id stays");
    assert_eq!(grant.token.0, 3, "and its count goes on");
    assert_eq!(grant.source.as_deref(), Some("q"));
    assert_eq!(&*grant.group, "g");
    assert!(house.ack("dead", &grant));
    assert!(house.outcome.events.contains(&Event::BodyReleased(sent.body)));
    let next = house.send("dead", "g");
    assert_eq!(next.job.slot, sent.job.slot);
    assert_eq!(house.receive("dead", 1)[0].source, None, "who takes the slot next has nothing of it");
}

#[test]
fn many_dead_letters_are_passed_over_a_bounded_number_at_a_time() {
    let mut house = House::new(&["q", "dead"]);
    for _ in 0..100 {
        house.send("q", "g");
    }
    for _ in 0..10 {
        assert_eq!(house.receive("q", 10).len(), 10);
    }
    house.wait(31 * SECOND);
    house.redrive("q", "dead", 1).unwrap();
    let good = house.send("q", "other");
    assert_eq!(house.receive("q", 1)[0].job, good.job, "others are not held up");
    let mut receives = 0;
    while house.counts("q").ready > 0 {
        assert_eq!(house.receive("q", 10), []);
        receives += 1;
    }
    assert_eq!((house.counts("dead").ready, receives), (100, 2));
}

#[test]
fn a_fifo_head_that_dies_frees_its_group_and_counts_as_sent_anew() {
    let mut house = House::new(&["q.fifo", "dead.fifo"]);
    house.redrive("q.fifo", "dead.fifo", 1).unwrap();
    let (first, second) = (house.send("q.fifo", "g"), house.send("q.fifo", "g"));
    house.fail("q.fifo", 1);
    house.now += 100 * SECOND;
    let grants = house.receive("q.fifo", 10);
    assert_eq!(grants.iter().map(|grant| grant.job).collect::<Vec<_>>(), [second.job]);
    let dead = house.receive("dead.fifo", 1).remove(0);
    assert_eq!(dead.job, first.job);
    assert!(dead.enqueued_at > grants[0].enqueued_at);
}

#[test]
fn what_has_no_place_to_go_is_granted_on() {
    let mut house = House::new(&["q"]);
    house.create("dead", QueueSettings { jobs_max: 1, ..QueueSettings::default() });
    house.redrive("q", "dead", 1).unwrap();
    house.send("dead", "");
    house.send("q", "g");
    house.fail("q", 1);
    assert_eq!(house.receive("q", 1).len(), 1, "the dead letters are full");
    house.wait(31 * SECOND);
    house.delete("dead").unwrap();
    assert_eq!(house.receive("q", 1).len(), 1, "and now gone");
    house.wait(31 * SECOND);
    house.create("dead", settings("dead"));
    assert_eq!(house.receive("q", 1), [], "found by its name");
    assert_eq!(house.counts("dead").moved_in, 1);
}

#[test]
fn a_redrive_policy_is_checked_when_it_is_set() {
    let mut house = House::new(&["q", "dead", "dead.fifo"]);
    assert_eq!(house.redrive("q", "nowhere", 1), refused(PapersError::NoSuchTarget));
    assert_eq!(house.redrive("q", "q", 1), refused(PapersError::UnfitTarget));
    assert_eq!(house.redrive("q", "dead.fifo", 1), refused(PapersError::UnfitTarget));
    for grants_max in [0, 1_001] {
        assert_eq!(house.redrive("q", "dead", grants_max), refused(PapersError::GrantsOutOfRange));
    }
    let allow = |allow| PapersEdit { allow: Some(allow), ..PapersEdit::default() };
    house.papers("dead", allow(Some(Allow::Nobody))).unwrap();
    assert_eq!(house.redrive("q", "dead", 1), refused(PapersError::NotAllowed));
    house.papers("dead", allow(Some(Allow::These(vec!["other"])))).unwrap();
    assert_eq!(house.redrive("q", "dead", 1), refused(PapersError::NotAllowed));
    house.papers("dead", allow(Some(Allow::These(vec!["other", "q"])))).unwrap();
    assert_eq!(house.redrive("q", "dead", 1), Ok(()));
    house.papers("dead", allow(None)).unwrap();
    assert_eq!(house.redrive("q", "dead", 1_000), Ok(()));
}

#[test]
fn the_sources_of_a_queue_are_listed_in_pages_and_forgotten_with_their_policies() {
    let mut house = House::new(&["dead", "c", "a", "b"]);
    for name in ["c", "a", "b"] {
        house.redrive(name, "dead", 3).unwrap();
    }
    let sources = |house: &House, behind: Option<&str>, max: usize| -> Vec<String> {
        house.machine.queues().sources_of(key("dead"), behind, max).iter().map(|name| name.to_string()).collect()
    };
    assert_eq!(sources(&house, None, 2), ["a", "b"]);
    house.restart();
    assert_eq!(sources(&house, Some("b"), 2), ["c"]);
    house.papers("b", PapersEdit { redrive: Some(None), ..PapersEdit::default() }).unwrap();
    house.delete("c").unwrap();
    assert_eq!(sources(&house, None, 10), ["a"]);
    house.delete("a").unwrap();
    assert!(!house.machine.queues().is_dead_letter_queue(key("dead")));
}

/// A dead-letter queue with jobs of two queues in it.
fn dead_letters() -> House {
    let mut house = House::new(&["a", "b", "dead", "else"]);
    for name in ["a", "b"] {
        house.redrive(name, "dead", 1).unwrap();
        house.send(name, "g");
        house.send(name, "h");
        house.fail(name, 2);
        assert_eq!(house.receive(name, 10), []);
    }
    assert_eq!(house.counts("dead").ready, 4);
    house
}

#[test]
fn a_move_task_takes_each_job_back_to_where_it_came_from() {
    let mut house = dead_letters();
    let in_flight = house.receive("dead", 1).remove(0);
    let number = house.start_move("dead", None, None).unwrap();
    house.restart();
    let events = house.wait(1);
    assert_eq!(house.move_status("dead"), (MoveStatus::Completed, 3));
    assert_eq!(house.newest_move("dead").number, number);
    assert_eq!(house.newest_move("dead").to_move, 3);
    assert!(events.contains(&Event::Ready(house.id("a"))) && events.contains(&Event::Ready(house.id("b"))));
    assert_eq!(house.counts("a").ready + house.counts("b").ready, 3);
    let grant = house.receive("b", 1).remove(0);
    assert_eq!((grant.token.0, grant.source.clone()), (1, None), "sent anew");
    assert_ne!(grant.job.slot, in_flight.job.slot);
    assert_eq!(house.counts("dead").leased, 1, "what is with a worker stays");
    assert_eq!(house.machine.next_due().map(|due| due.0 > house.now), Some(true), "nothing more to do at once");
}

/// Its body lies in the log before those of jobs that are before it in its group. The order of bodies, once taken for that of the
/// jobs, would put it first.
#[test]
fn what_was_moved_back_keeps_its_place_behind_what_was_there() {
    let mut house = House::new(&["q.fifo", "dead.fifo"]);
    house.redrive("q.fifo", "dead.fifo", 1).unwrap();
    let moved = house.send("q.fifo", "g");
    house.fail("q.fifo", 1);
    assert_eq!(house.receive("q.fifo", 1), []);
    house.papers("q.fifo", PapersEdit { redrive: Some(None), ..PapersEdit::default() }).unwrap();
    let native = house.send("q.fifo", "g");
    house.redrive("q.fifo", "dead.fifo", 100).unwrap();
    house.start_move("dead.fifo", None, None).unwrap();
    house.wait(1);
    assert_eq!(house.move_status("dead.fifo"), (MoveStatus::Completed, 1));
    for first_back in [0, 1] {
        let grants = house.receive("q.fifo", 10);
        assert_eq!(grants.iter().map(|grant| grant.body).collect::<Vec<_>>(), [native.body, moved.body]);
        for at in [first_back, 1 - first_back] {
            let held = Held { job: grants[at].job, token: grants[at].token };
            let queue = house.id("q.fifo");
            house.run(&Command::ChangeLease { queue, jobs: vec![(held, Micros(0))] });
        }
    }
    assert_eq!(house.receive("q.fifo", 1)[0].body, native.body);
}

/// A dead letter takes its number of grants along, and when it was leased, but not its place among what it was leased with.
#[test]
fn a_dead_letter_does_not_pass_what_was_leased_at_the_same_time() {
    let mut house = House::new(&["q.fifo", "dead.fifo"]);
    house.redrive("q.fifo", "dead.fifo", 1).unwrap();
    house.send("dead.fifo", "g");
    let native = house.send("dead.fifo", "g");
    let dies = house.send("q.fifo", "g");
    house.send("q.fifo", "g");
    house.send("q.fifo", "g");
    let grants = house.receive("dead.fifo", 2);
    assert_eq!(house.receive("q.fifo", 3).len(), 3);
    assert!(house.ack("dead.fifo", &grants[0]));
    let held = Held { job: grants[1].job, token: grants[1].token };
    let queue = house.id("dead.fifo");
    house.run(&Command::ChangeLease { queue, jobs: vec![(held, Micros::from_secs(60))] });
    house.wait(31 * SECOND);
    assert_eq!(house.receive("q.fifo", 1), [], "all three are dead");
    assert_eq!(house.counts("dead.fifo").ready, 3);
    house.run(&Command::ChangeLease { queue, jobs: vec![(held, Micros(0))] });
    let order: Vec<_> = house.receive("dead.fifo", 2).iter().map(|grant| grant.body).collect();
    assert_eq!(order, [native.body, dies.body]);
}

#[test]
fn a_move_task_goes_at_its_rate_and_can_be_cancelled() {
    let mut house = dead_letters();
    let number = house.start_move("dead", Some("else"), Some(2)).unwrap();
    assert_eq!(house.start_move("dead", None, None), Err(MoveError::Running));
    house.wait(1);
    assert_eq!(house.move_status("dead"), (MoveStatus::Running, 1));
    house.wait(SECOND / 4);
    assert_eq!(house.move_status("dead").1, 1, "not yet");
    house.wait(SECOND / 2);
    assert_eq!(house.move_status("dead").1, 2);
    let cancelled = house.run(&Command::CancelMove { source: key("dead"), number });
    assert_eq!(cancelled, Reply::MoveCancelled(Ok(2)));
    house.wait(10 * SECOND);
    assert_eq!(house.move_status("dead"), (MoveStatus::Cancelled, 2));
    let again = house.run(&Command::CancelMove { source: key("dead"), number });
    assert_eq!(again, Reply::MoveCancelled(Err(MoveError::NoSuchTask)));
    assert_eq!((house.counts("else").ready, house.counts("dead").ready), (2, 2));
}

#[test]
fn a_move_task_says_why_it_cannot_go_on() {
    let mut house = dead_letters();
    assert_eq!(house.start_move("a", None, None), Err(MoveError::NotDeadLetters));
    assert_eq!(house.start_move("nowhere", None, None), Err(MoveError::NoSuchSource));
    assert_eq!(house.start_move("dead", Some("nowhere"), None), Err(MoveError::NoSuchDestination));
    assert_eq!(house.start_move("dead", Some("dead"), None), Err(MoveError::NoSuchDestination));
    assert_eq!(house.start_move("dead", None, Some(501)), Err(MoveError::RateOutOfRange));
    // One came from nowhere.
    let mut house = House::new(&["q", "dead", "else"]);
    house.redrive("q", "dead", 1).unwrap();
    house.send("dead", "");
    house.send("dead", "");
    house.start_move("dead", None, None).unwrap();
    house.wait(1);
    assert_eq!(house.move_status("dead"), (MoveStatus::NoOrigin, 0));
    house.start_move("dead", Some("else"), Some(1)).unwrap();
    house.delete("else").unwrap();
    house.wait(2 * SECOND);
    assert_eq!(house.move_status("dead"), (MoveStatus::NoDestination, 1));
    // The last ten are remembered, the newest first.
    for _ in 0..12 {
        house.start_move("dead", None, None).unwrap();
        house.wait(1);
    }
    let numbers: Vec<u64> = house.machine.queues().moves_of(key("dead")).iter().map(|task| task.number).collect();
    assert!(numbers.len() == 10 && numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    house.delete("dead").unwrap();
    house.create("dead", settings("dead"));
    assert_eq!(house.machine.queues().moves_of(key("dead")), []);
}
