//! Retention, tags, names and what else is kept of a queue.

use crate::house::{House, SECOND, key, settings};
use evenkeel_machine::{
    Event, Reply,
    command::{Command, PapersEdit, QueueEdit, QueueSettings},
    queue::{ConfigureError, CreateQueueError, PapersError},
};
use evenkeel_types::{Micros, WallTime};

const DAY: u64 = 86_400 * SECOND;

#[test]
fn a_job_past_its_retention_is_never_granted_and_goes_by_itself() {
    let mut house = House::new(&[]);
    house.create("q", QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    let old = house.send("q", "g");
    house.wait(50 * SECOND);
    let young = house.send("q", "g");
    house.now += 10 * SECOND;
    assert_eq!(house.receive("q", 10).iter().map(|grant| grant.job).collect::<Vec<_>>(), [young.job]);
    assert_eq!(house.counts("q").expired, 1);
    // Nobody asks for it: it goes all the same, and says that its body is not needed.
    let mut house = House::new(&[]);
    house.create("q", QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    let bodies: Vec<_> = (0..3).map(|_| house.send("q", "g").body).collect();
    let due = house.machine.next_due().unwrap();
    assert!(due.0 >= house.now + 59 * SECOND && due.0 <= house.now + 61 * SECOND, "{due:?}");
    let events = house.wait(61 * SECOND);
    assert_eq!((house.counts("q").expired, house.counts("q").present()), (3, 0));
    assert!(bodies.iter().all(|body| events.contains(&Event::BodyReleased(*body))));
    assert_eq!(old.body.bytes, 4);
    house.wait(1);
    assert_eq!(house.machine.next_due(), None, "nothing is left to look at");
}

#[test]
fn what_is_out_when_its_time_passes_goes_when_it_comes_back() {
    let mut house = House::new(&[]);
    house.create("q", QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    house.send("q", "g");
    let grant = house.receive("q", 1).remove(0);
    house.ahead_millis = 70_000;
    house.wait(SECOND);
    assert!(house.ack("q", &grant), "its worker may still finish it");
    house.send("q", "g");
    house.receive("q", 1);
    house.ahead_millis += 70_000;
    house.wait(31 * SECOND);
    assert_eq!((house.counts("q").expired, house.counts("q").present()), (1, 0));
}

#[test]
fn a_changed_retention_counts_for_what_is_there() {
    let mut house = House::new(&["q"]);
    house.send("q", "g");
    house.wait(DAY);
    house.restart();
    let edit = |secs| QueueEdit { retention_secs: Some(secs), ..QueueEdit::default() };
    house.configure("q", edit(1_209_600)).unwrap();
    house.wait(5 * DAY);
    assert_eq!(house.counts("q").ready, 1);
    house.configure("q", edit(86_400)).unwrap();
    house.wait(1);
    assert_eq!(house.counts("q").expired, 1);
}

#[test]
fn many_jobs_past_their_time_go_in_bounded_steps_while_others_come() {
    let mut house = House::new(&[]);
    house.create("q", QueueSettings { retention_secs: 60, ..QueueSettings::default() });
    for at in 0..6_000 {
        house.now += 10;
        // Audits of thousands are slow: one job in each of many lanes, sent in one go.
        if at % 10 == 0 {
            let groups: Vec<String> = (at..at + 10).map(|group| group.to_string()).collect();
            let job = |group: &String| evenkeel_machine::command::NewJob {
                group: group.clone().leak(),
                delay: None,
                dedup: None,
                counted_bytes: 1,
                body: evenkeel_machine::command::Body::new(b"x"),
            };
            let mut batch = evenkeel_machine::batch::BatchBuilder::default();
            batch.push(&Command::Enqueue { queue: key("q"), jobs: groups.iter().map(job).collect(), call: None });
            let bytes = batch.finish(evenkeel_types::LogTime(house.now), WallTime(1_700_000_001_000));
            let next = evenkeel_types::LogIndex(house.machine.applied().0 + 1);
            house.machine.apply(next, &bytes, &mut house.outcome).unwrap();
        }
    }
    house.wait(70 * SECOND);
    let expired = house.counts("q").expired;
    assert!(expired > 250 && expired < 6_000, "{expired} in one batch");
    house.restart();
    let young = house.send("q", "young");
    while house.counts("q").present() > 1 {
        house.wait(1);
    }
    assert_eq!(house.counts("q").expired, 6_000);
    assert_eq!(house.receive("q", 1)[0].job, young.job);
    for _ in 0..20 {
        house.wait(1);
    }
    let due = house.machine.next_due().unwrap().0;
    assert!(due > house.now, "{due}: the empty lanes are forgotten too");
}

#[test]
fn an_edit_changes_what_it_gives_and_nothing_else() {
    let mut house = House::new(&["q"]);
    let lease = QueueEdit { lease: Some(Micros::from_secs(5)), ..QueueEdit::default() };
    let delay = QueueEdit { delay: Some(Micros::from_secs(6)), ..QueueEdit::default() };
    house.now += SECOND;
    house.configure("q", lease).unwrap();
    house.configure("q", delay).unwrap();
    let settings = *house.machine.queues().settings(house.id("q")).unwrap();
    assert_eq!((settings.lease, settings.delay), (Micros::from_secs(5), Micros::from_secs(6)));
    let fifo = QueueEdit { dedup_by_content: Some(true), ..QueueEdit::default() };
    assert_eq!(house.configure("q", fifo), Err(ConfigureError::OtherKind));
    let (created, modified) = house.machine.queues().times(house.id("q")).unwrap();
    assert_eq!(modified.0 - created.0, 1_000);
    house.restart();
    assert_eq!(house.machine.queues().times(house.id("q")), Some((created, modified)));
    let notes = |notes| PapersEdit { notes, ..PapersEdit::default() };
    house.papers("q", notes(vec![("Policy", Some("text")), ("Other", Some("x"))])).unwrap();
    house.papers("q", notes(vec![("Other", None)])).unwrap();
    house.restart();
    let papers = house.machine.queues().papers(house.id("q")).unwrap();
    assert_eq!(papers.notes.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(), [("Policy", "text")]);
    house.papers("q", notes(vec![("Policy", None)])).unwrap();
    assert_eq!(house.machine.queues().papers(house.id("q")), None);
}

#[test]
fn tags_are_added_replaced_and_taken_off() {
    let mut house = House::new(&["q"]);
    let tag = |house: &mut House, tags: Vec<(&str, &str)>| house.run(&Command::TagQueue { queue: key("q"), tags });
    assert_eq!(tag(&mut house, vec![("a", "1"), ("b", "2")]), Reply::Tagged(Ok(Ok(()))));
    assert_eq!(tag(&mut house, vec![("a", "3")]), Reply::Tagged(Ok(Ok(()))));
    house.run(&Command::UntagQueue { queue: key("q"), keys: vec!["b", "never"] });
    house.restart();
    let papers = house.machine.queues().papers(house.id("q")).unwrap();
    assert_eq!(papers.tags.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(), [("a", "3")]);
    let keys: Vec<String> = (0..50).map(|n| format!("k{n}")).collect();
    let many = keys.iter().map(|key| (key.as_str(), "v")).collect();
    assert_eq!(tag(&mut house, many), Reply::Tagged(Ok(Err(PapersError::TooMany))));
    assert_eq!(house.machine.queues().papers(house.id("q")).unwrap().tags.len(), 1, "nothing changed");
}

#[test]
fn names_are_listed_in_order_by_prefix_and_in_pages() {
    let mut house = House::new(&["work-2", "other", "work-10", "work-1", "work.fifo"]);
    let names = |house: &House, prefix: &str, behind: Option<&str>, max: usize| -> Vec<String> {
        let account = key("x").account;
        house.machine.queues().names(account, prefix, behind, max).iter().map(|name| name.to_string()).collect()
    };
    assert_eq!(names(&house, "", None, 10), ["other", "work-1", "work-10", "work-2", "work.fifo"]);
    assert_eq!(names(&house, "work-", None, 2), ["work-1", "work-10"]);
    house.restart();
    assert_eq!(names(&house, "work-", Some("work-10"), 2), ["work-2"]);
    assert_eq!(names(&house, "work-", Some("a"), 1), ["work-1"], "a place before the prefix is its beginning");
    house.delete("work-1").unwrap();
    assert_eq!(names(&house, "work-1", None, 10), ["work-10"]);
    assert_eq!(names(&house, "none", None, 10), [""; 0]);
}

#[test]
fn the_name_of_a_deleted_queue_stays_taken_only_if_it_is_asked_for() {
    let mut house = House::new(&["q"]);
    house.delete("q").unwrap();
    house.create("q", settings("q"));
    let delete = Command::DeleteQueue { queue: key("q"), call: None, keep_name: true };
    assert!(matches!(house.run(&delete), Reply::QueueDeleted(Ok(_))));
    let create = Command::CreateQueue {
        queue: key("q"),
        settings: settings("q"),
        papers: PapersEdit::default(),
        tags: vec![("team", "x")],
    };
    house.restart();
    assert_eq!(house.run(&create), Reply::QueueCreated(Err(CreateQueueError::DeletedLately)));
    house.now += 60 * SECOND;
    assert!(matches!(house.run(&create), Reply::QueueCreated(Ok(_))));
    assert_eq!(house.machine.queues().papers(house.id("q")).unwrap().tags.len(), 1);
}
