//! Stopping and starting again: what was accepted is finished, and what was kept is still there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::Connection;
use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Server, client, wait};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sigterm_ends_long_polls_and_the_server_quickly() {
    let mut server = Server::start();
    let queue = server.client().create_queue("jobs", &json!({})).unwrap();
    let host = server.address().to_string();
    let poll = client::receive_request(&queue, 1, 20, None).to_string();
    let mut polls: Vec<Connection> = (0..20)
        .map(|_| {
            let mut connection = Connection::open(server.address(), 30 * SECOND).unwrap();
            connection.write(&Pen::default().request(&host, "ReceiveMessage", poll.as_bytes())).unwrap();
            connection
        })
        .collect();
    // An idle connection must not hold it up either.
    let _idle = Connection::open(server.address(), SECOND).unwrap();
    std::thread::sleep(SECOND / 2);
    let start = Instant::now();
    server.ask_to_stop();
    for poll in &mut polls {
        let answer = poll.read().expect("a long poll is answered when the server stops");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        // Empty, or "stopping, retry": SDKs take both as no news.
        assert!(answer.status == 200 || answer.status == 503, "{} {}", answer.status, answer.text());
        assert_eq!(client::messages(&body).len(), 0);
    }
    let ended = server.wait_for_end("the server to stop");
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(start.elapsed() < 3 * SECOND, "it took {:?}", start.elapsed());
}

#[test]
fn sigterm_under_load_answers_every_request_that_was_accepted() {
    let mut server = Server::start();
    let queue = server.client().create_queue("jobs", &json!({})).unwrap();
    let sent = std::thread::scope(|threads| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (mut client, queue) = (server.client(), &queue);
                threads.spawn(move || {
                    (0..)
                        .map(|at| format!("{sender}-{at}"))
                        .take_while(|body| client.send(queue, body, None).is_ok())
                        .count()
                })
            })
            .collect();
        std::thread::sleep(SECOND / 2);
        server.ask_to_stop();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum::<usize>()
    });
    let ended = server.wait_for_end("the server to stop");
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    server.start_again();
    let [waiting, ..] = server.client().counts(&queue).unwrap();
    // Each of the four may have had one send whose answer it did not wait for.
    let sent = sent as u64;
    assert!((sent..=sent + 4).contains(&waiting), "{sent} sends were acknowledged, {waiting} jobs are there");
}

#[test]
fn a_restart_keeps_queues_jobs_leases_and_counts() {
    for graceful in [true, false] {
        let mut server = Server::start();
        let mut client = server.client();
        let attributes = json!({"VisibilityTimeout": "60", "MaximumMessageSize": "2048"});
        let queue = client.create_queue("jobs", &attributes).unwrap();
        client.set_attributes(&queue, &json!({"EvenkeelGroupInFlightLimit": "7"})).unwrap();
        for at in 0..5 {
            client.send(&queue, &format!("job {at}"), Some("vip")).unwrap();
        }
        let given_back = client.receive(&queue, 1, 0, None).unwrap().remove(0);
        client.change_visibility(&queue, &given_back.handle, 0).unwrap();
        let held = client.receive(&queue, 2, 0, None).unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(client.counts(&queue).unwrap(), [3, 2, 0]);

        if graceful {
            assert!(server.stop().status.success());
        } else {
            server.kill();
        }
        server.start_again();

        assert_eq!(client.counts(&queue).unwrap(), [3, 2, 0], "the leases are still held");
        let found = client.call("GetQueueUrl", &json!({"QueueName": "jobs"})).unwrap();
        assert!(found["QueueUrl"].as_str().unwrap().ends_with("/000000000000/jobs"));
        let kept = client.call("GetQueueAttributes", &json!({"QueueUrl": queue, "AttributeNames": ["All"]})).unwrap();
        let kept = |name: &str| kept["Attributes"][name].as_str().unwrap().to_owned();
        assert_eq!(kept("VisibilityTimeout"), "60");
        assert_eq!(kept("EvenkeelGroupInFlightLimit"), "7");
        client.create_queue("jobs", &attributes).expect("equal settings find the queue that is there");

        // The handles of the last life are good.
        client.change_visibility(&queue, &held[0].handle, 0).unwrap();
        client.delete(&queue, &held[1].handle).unwrap();
        assert_eq!(client.counts(&queue).unwrap(), [4, 0, 0]);

        let mut rest = client.receive(&queue, 10, 0, None).unwrap();
        rest.sort_by(|one, other| one.body.cmp(&other.body));
        assert_eq!(rest.len(), 4);
        for job in &rest {
            // Counts of earlier lives are kept: the one given back before counts again.
            let earlier = u32::from(job.id == given_back.id) + u32::from(job.id == held[0].id);
            assert_eq!(job.receive_count, 1 + earlier, "{}", job.body);
            assert_eq!(job.group.as_deref(), Some("vip"));
        }
    }
}

#[test]
fn a_lease_goes_on_across_a_restart_and_then_ends() {
    let mut server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({"VisibilityTimeout": "2"})).unwrap();
    client.send(&queue, "a job", None).unwrap();
    let first = client.receive(&queue, 1, 0, None).unwrap().remove(0);
    server.kill();
    server.start_again();
    assert_eq!(client.receive(&queue, 1, 0, None).unwrap().len(), 0, "the lease is still held");
    let again = client.receive(&queue, 1, 10, None).unwrap().remove(0);
    assert_eq!((again.id, again.receive_count), (first.id, 2));
}

#[test]
fn many_restarts_in_a_row_lose_nothing_and_do_not_grow_slow() {
    let mut server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    for at in 0..12 {
        client.send(&queue, &format!("{at}"), None).unwrap();
        if at % 2 == 0 {
            server.kill();
        } else {
            assert!(server.stop().status.success());
        }
        let start = Instant::now();
        server.start_again();
        assert!(start.elapsed() < 10 * SECOND, "start {at} took {:?}", start.elapsed());
    }
    wait::until("all twelve jobs to be there", 10 * SECOND, || client.counts(&queue).unwrap()[0] == 12);
}

#[test]
fn a_stop_whose_last_checkpoint_cannot_be_written_ends_all_the_same() {
    let mut server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    std::fs::remove_dir_all(server.data().join("checkpoints")).unwrap();
    // A file in its place, so that nobody makes the folder anew.
    std::fs::write(server.data().join("checkpoints"), "").unwrap();
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("checkpoint"), "it is told: {}", ended.stderr);
}
