//! Fair turns through the real API: what a tenant waits for depends on how many tenants there are, not on how much the
//! others have queued.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Client, Server};
use serde_json::json;
use std::time::{Duration, Instant};

fn send_many(client: &mut Client, queue: &str, group: &str, count: usize) {
    let bodies: Vec<String> = (0..count).map(|at| format!("{group} {at}")).collect();
    for bodies in bodies.chunks(10) {
        assert!(client.send_batch(queue, bodies, Some(group)).unwrap().iter().all(|&taken| taken));
    }
}

/// The groups of the next `count` jobs, in the order of their turns; each job is deleted at once.
fn next_groups(client: &mut Client, queue: &str, count: usize) -> Vec<String> {
    let mut groups = Vec::new();
    while groups.len() < count {
        let max = u32::try_from((count - groups.len()).min(10)).unwrap();
        let jobs = client.receive(queue, max, 0, None).unwrap();
        assert!(!jobs.is_empty(), "the queue is empty after {} of {count}", groups.len());
        for job in jobs {
            client.delete(queue, &job.handle).unwrap();
            groups.push(job.group.unwrap_or_default());
        }
    }
    groups
}

#[test]
fn a_quiet_tenant_waits_for_one_job_of_a_noisy_one_each_turn() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    send_many(&mut client, &queue, "noisy", 2_000);
    next_groups(&mut client, &queue, 25);
    send_many(&mut client, &queue, "quiet", 10);
    let groups = next_groups(&mut client, &queue, 30);
    let turns: Vec<usize> = (0..).zip(&groups).filter(|(_, group)| *group == "quiet").map(|(at, _)| at).collect();
    assert_eq!(turns.len(), 10, "{groups:?}");
    assert!(turns[0] <= 1, "the first comes after {} others", turns[0]);
    assert!(turns[9] <= 19, "the tenth comes as number {}", turns[9] + 1);
}

#[test]
fn jobs_without_a_group_are_one_tenant_among_others() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    for _ in 0..30 {
        client.send_batch(&queue, &vec!["no group".to_owned(); 10], None).unwrap();
    }
    send_many(&mut client, &queue, "quiet", 5);
    let groups = next_groups(&mut client, &queue, 12);
    assert_eq!(groups.iter().filter(|group| *group == "quiet").count(), 5, "{groups:?}");
}

#[test]
fn weights_give_turns_in_proportion() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    client.set_attributes(&queue, &json!({"EvenkeelGroup.large": r#"{"weight":3}"#})).unwrap();
    send_many(&mut client, &queue, "small", 100);
    send_many(&mut client, &queue, "large", 100);
    let groups = next_groups(&mut client, &queue, 80);
    let large = |groups: &[String]| groups.iter().filter(|group| *group == "large").count();
    assert!((59..=61).contains(&large(&groups)), "1 to 3 of 80: {} large", large(&groups));
    // Interleaved, not in blocks: within each four turns in a row, about three.
    for four in groups.chunks(4) {
        assert!((2..=4).contains(&large(four)), "{groups:?}");
    }
}

#[test]
fn a_group_holds_no_more_jobs_than_its_limit() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({"EvenkeelGroupInFlightLimit": "3"})).unwrap();
    client.set_attributes(&queue, &json!({"EvenkeelGroup.big": r#"{"in_flight_limit":5}"#})).unwrap();
    for group in ["small", "big"] {
        send_many(&mut client, &queue, group, 20);
    }
    let mut held = Vec::new();
    loop {
        let jobs = client.receive(&queue, 10, 0, None).unwrap();
        if jobs.is_empty() {
            break;
        }
        held.extend(jobs);
    }
    let of = |group: &str| held.iter().filter(|job| job.group.as_deref() == Some(group)).count();
    assert_eq!((of("small"), of("big")), (3, 5));
    // A finished job makes room for one more of its group, and a waiting poll gets it at once.
    let done = held.iter().find(|job| job.group.as_deref() == Some("small")).unwrap();
    let (mut worker, watched) = (server.client(), queue.clone());
    let poll = std::thread::spawn(move || (worker.receive(&watched, 10, 10, None).unwrap(), Instant::now()));
    std::thread::sleep(Duration::from_millis(300));
    let deleted = Instant::now();
    client.delete(&queue, &done.handle).unwrap();
    let (next, at) = poll.join().unwrap();
    assert_eq!(next.iter().map(|job| job.group.as_deref()).collect::<Vec<_>>(), [Some("small")]);
    assert!(at - deleted < Duration::from_secs(1), "it came {:?} after the delete", at - deleted);
}

#[test]
fn by_lease_time_long_jobs_do_not_take_all_turns() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({"EvenkeelFairBy": "lease_time"})).unwrap();
    send_many(&mut client, &queue, "slow", 60);
    send_many(&mut client, &queue, "quick", 60);
    // One worker: a job of "slow" takes 100 ms, one of "quick" none.
    let (mut slow, mut quick) = (0, 0);
    for _ in 0..60 {
        let job = client.receive(&queue, 1, 0, None).unwrap().remove(0);
        if job.group.as_deref() == Some("slow") {
            std::thread::sleep(Duration::from_millis(100));
            slow += 1;
        } else {
            quick += 1;
        }
        client.delete(&queue, &job.handle).unwrap();
    }
    assert!(quick >= 40, "equal time means many more quick jobs: {slow} slow, {quick} quick");
    assert!(slow >= 1, "nobody starves: {slow} slow, {quick} quick");
}
