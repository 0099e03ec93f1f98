//! What a person sees who looks: queues, groups, a job.

use crate::house::{House, SECOND, key, settings};
use evenkeel_machine::{
    command::{Command, PapersEdit, QueueKey},
    queue::{AGE_LANES, JobPlace, QueueRow},
};
use evenkeel_types::{AccountId, WallTime};

fn row(house: &House, name: &str) -> QueueRow {
    house.machine.queues().rows(None, None, 100).into_iter().find(|row| *row.name == *name).unwrap()
}

fn create(house: &mut House, account: u64, name: &str) {
    let queue = QueueKey { account: AccountId::from_number(account).unwrap(), name };
    house.run(&Command::CreateQueue { queue, settings: settings(name), papers: PapersEdit::default(), tags: vec![] });
}

#[test]
fn queues_come_in_pages_by_account_and_name() {
    let mut house = House::new(&["b", "a", "c"]);
    create(&mut house, 2, "a");
    create(&mut house, 1, "z");
    let queues = house.machine.queues();
    let page = |account: Option<u64>, behind: Option<(u64, &'static str)>, rows| -> Vec<String> {
        let of = |number| AccountId::from_number(number).unwrap();
        let behind = behind.map(|(account, name)| QueueKey { account: of(account), name });
        let rows = queues.rows(account.map(of), behind, rows);
        rows.iter().map(|row| format!("{}{}", row.account.number(), row.name)).collect()
    };
    assert_eq!(page(None, None, 2), ["0a", "0b"]);
    assert_eq!(page(None, Some((0, "b")), 9), ["0c", "1z", "2a"]);
    assert_eq!(page(Some(0), Some((0, "bb")), 9), ["0c"]);
    assert_eq!(page(Some(1), None, 9), ["1z"]);
    assert_eq!(page(Some(1), Some((0, "b")), 9), ["1z"], "a place of another account is before it");
    assert_eq!(page(Some(0), Some((1, "b")), 9), [""; 0]);
    assert_eq!(page(Some(3), None, 9), [""; 0]);
}

#[test]
fn the_oldest_is_told_while_it_waits_for_its_turn() {
    let mut house = House::new(&["q"]);
    assert_eq!(row(&house, "q").oldest, None);
    let mut sent = Vec::new();
    for group in 0..AGE_LANES {
        house.wait(SECOND);
        house.send("q", &group.to_string());
        sent.push(WallTime(1_700_000_000_000 + house.now / 1_000));
    }
    assert_eq!((row(&house, "q").oldest, row(&house, "q").groups_in_turns), (Some(sent[0]), AGE_LANES as u64));
    let grant = house.receive("q", 1).remove(0);
    assert_eq!(row(&house, "q").oldest, Some(sent[1]), "it is with a worker");
    assert!(house.ack("q", &grant));
    house.restart();
    assert_eq!(row(&house, "q").oldest, Some(sent[1]));
    house.receive("q", 10);
    house.receive("q", 10);
    assert_eq!((row(&house, "q").oldest, row(&house, "q").counts.leased), (None, AGE_LANES as u64 - 1));
}

#[test]
fn a_group_at_its_limit_counts_among_the_oldest() {
    let mut house = House::new(&["q.fifo"]);
    house.send("q.fifo", "g");
    house.receive("q.fifo", 1);
    house.wait(SECOND);
    house.send("q.fifo", "g");
    let seen = row(&house, "q.fifo");
    assert_eq!((seen.groups_in_turns, seen.oldest.is_some()), (0, true), "it waits, though it takes no turns");
}

#[test]
fn groups_come_in_pages_and_by_name() {
    let mut house = House::new(&["q", "other"]);
    for group in ["a", "b", "c", "d", "e"] {
        house.send("q", group);
    }
    house.send("q", "b");
    house.send("other", "x");
    let id = house.id("q");
    let first = house.machine.queues().groups(id, None, 2).unwrap();
    let names = |page: &evenkeel_machine::queue::GroupPage| -> Vec<String> {
        page.rows.iter().map(|row| row.group.to_string()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    let second = house.machine.queues().groups(id, first.next, 2).unwrap();
    assert_eq!(names(&second), ["c", "d"]);
    let last = house.machine.queues().groups(id, second.next, 2).unwrap();
    assert_eq!((names(&last), last.next), (vec!["e".to_owned()], None));
    assert_eq!(house.machine.queues().group(id, "b").map(|row| row.ready), Some(2));
    assert_eq!(house.machine.queues().group(id, "x"), None, "it is another queue's");
    // A page of another queue, or of before a purge, begins anew.
    let other = house.machine.queues().groups(house.id("other"), second.next, 2).unwrap();
    assert_eq!(names(&other), ["x"]);
    house.run(&Command::PurgeQueue { queue: key("q") });
    assert_eq!(names(&house.machine.queues().groups(id, second.next, 2).unwrap()), [""; 0]);
    house.run(&Command::DeleteQueue { queue: key("q"), call: None, keep_name: false });
    assert_eq!(house.machine.queues().groups(id, None, 2), None);
}

#[test]
fn a_jobs_life_is_told_until_it_is_gone() {
    let mut house = House::new(&["q"]);
    let sent = house.send("q", "g");
    let look = |house: &House| house.machine.job_at(sent.job.slot, sent.body.index, sent.body.offset);
    let ready = look(&house).unwrap();
    assert_eq!((ready.place, ready.grants, ready.first_granted_at), (JobPlace::Ready, 0, None));
    assert_eq!((&*ready.queue, &*ready.group), ("q", "g"));
    assert_eq!(ready.expires_at.0 - ready.enqueued_at.0, 345_600_000);
    house.wait(2 * SECOND);
    let grant = house.receive("q", 1).remove(0);
    house.wait(SECOND);
    let leased = look(&house).unwrap();
    let since = WallTime(ready.enqueued_at.0 + 2_000);
    assert_eq!(leased.place, JobPlace::Leased { since, until: WallTime(since.0 + 30_000) });
    assert_eq!((leased.grants, leased.first_granted_at), (1, Some(since)));
    assert!(
        house.machine.job_at(sent.job.slot, sent.body.index, sent.body.offset + 1).is_none(),
        "another job's place"
    );
    assert!(house.ack("q", &grant));
    assert_eq!(look(&house), None);
    house.send("q", "g");
    assert_eq!(look(&house), None, "another job has its slot");
}

#[test]
fn a_purged_job_is_gone_at_once() {
    let mut house = House::new(&["q"]);
    let sent = house.send("q", "g");
    house.receive("q", 1);
    house.run(&Command::PurgeQueue { queue: key("q") });
    assert_eq!(house.machine.job_at(sent.job.slot, sent.body.index, sent.body.offset), None);
}
