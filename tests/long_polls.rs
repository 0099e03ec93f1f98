//! Waiting receives: thousands at once, woken at once and one at a time, and no job lost with a client that is gone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{self, Connection};
use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Client, Launch, Message, Server, client, wait};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const POLLS: u64 = 2_000;
/// Far longer than a test: a job that only comes back with its lease's end fails it.
const LEASE: u32 = 600;

/// A `ReceiveMessage` under way on a connection of its own.
fn poll(server: &Server, pen: &mut Pen, queue: &str, seconds: u32) -> Connection {
    let mut connection = Connection::open(server.address(), Duration::from_secs(u64::from(seconds) + 20)).unwrap();
    let request = client::receive_request(queue, 10, seconds, Some(LEASE)).to_string();
    connection.write(&pen.request(&server.address().to_string(), "ReceiveMessage", request.as_bytes())).unwrap();
    connection
}

fn answer(poll: &mut Connection) -> Vec<Message> {
    let answer = poll.read().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    client::messages(&body)
}

/// A server that tells how many receives wait.
struct Telling {
    server: Server,
    metrics: SocketAddr,
}

impl Telling {
    fn start() -> Self {
        let server = Launch::default().argument("--metrics-listen=127.0.0.1:0").start();
        let log = server.stderr();
        let address = log.split("metrics without a key on http://").nth(1).unwrap().split('/').next().unwrap();
        Self { metrics: address.parse().unwrap(), server }
    }

    /// Waits until so many receives wait.
    fn has_waiting(&self, count: usize) {
        let line = format!("\nevenkeel_long_polls_waiting {count}\n");
        wait::until(&format!("{count} receives to wait"), 10 * SECOND, || {
            http::get(self.metrics, "/metrics", 10 * SECOND).unwrap().text().contains(&line)
        });
    }
}

/// Allows this process, and the servers it starts, as many open files as the system lets it.
fn allow_many_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[test]
fn two_thousand_idle_polls_are_held_and_end_in_time() {
    let files = allow_many_files();
    let count = POLLS.min(files.saturating_sub(100));
    let server = Server::start();
    let queue = server.client().create_queue("empty", &json!({})).unwrap();
    let mut pen = Pen::default();
    let start = Instant::now();
    let mut polls: Vec<Connection> = (0..count).map(|_| poll(&server, &mut pen, &queue, 5)).collect();
    let sent = start.elapsed();
    assert!(sent < 5 * SECOND, "it took {sent:?} to send {count} requests");
    // Others are served meanwhile.
    let mut client = server.client();
    let busy = client.create_queue("busy", &json!({})).unwrap();
    let begin = Instant::now();
    client.send(&busy, "a job", None).unwrap();
    assert_eq!(client.receive(&busy, 1, 0, None).unwrap().len(), 1);
    assert!(begin.elapsed() < SECOND, "a send and a receive took {:?}", begin.elapsed());
    for poll in &mut polls {
        assert_eq!(answer(poll).len(), 0);
    }
    let all = start.elapsed();
    assert!(all >= 5 * SECOND, "the last ended after {all:?}, before its time");
    assert!(all < sent + 8 * SECOND, "the last ended after {all:?}");
}

#[test]
fn one_job_wakes_one_poll_and_at_once() {
    let telling = Telling::start();
    let server = &telling.server;
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let mut pen = Pen::default();
    // Which of several is heard first is up to the server's threads.
    let mut polls = vec![poll(server, &mut pen, &queue, 4)];
    telling.has_waiting(1);
    polls.extend((1..20).map(|_| poll(server, &mut pen, &queue, 4)));
    telling.has_waiting(20);
    let sent = Instant::now();
    client.send(&queue, "one", None).unwrap();
    // The one that waited longest.
    assert_eq!(answer(&mut polls[0]).len(), 1);
    assert!(sent.elapsed() < SECOND / 2, "it took {:?}", sent.elapsed());
    for poll in &mut polls[1..] {
        assert_eq!(answer(poll).len(), 0, "nobody else was given it");
    }
    assert!(sent.elapsed() > 2 * SECOND, "the others were left to wait");
}

#[test]
fn a_poll_wakes_for_a_delay_that_ends_a_lease_that_ends_and_a_job_given_back() {
    let telling = Telling::start();
    let server = &telling.server;
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let elapsed = |client: &mut Client, lease| {
        let start = Instant::now();
        let jobs = client.receive(&queue, 1, 10, Some(lease)).unwrap();
        assert_eq!(jobs.len(), 1);
        (jobs[0].handle.clone(), start.elapsed())
    };
    let about_a_second = SECOND * 6 / 10..SECOND * 2;

    client.call("SendMessage", &json!({"QueueUrl": queue, "MessageBody": "late", "DelaySeconds": 1})).unwrap();
    let (_, took) = elapsed(&mut client, 1);
    assert!(about_a_second.contains(&took), "a delay of 1 s: {took:?}");
    let (handle, took) = elapsed(&mut client, LEASE);
    assert!(about_a_second.contains(&took), "a lease of 1 s: {took:?}");

    let mut waiting = poll(server, &mut Pen::default(), &queue, 10);
    telling.has_waiting(1);
    let given_back = Instant::now();
    client.change_visibility(&queue, &handle, 0).unwrap();
    assert_eq!(answer(&mut waiting).len(), 1);
    assert!(given_back.elapsed() < SECOND / 2, "given back: {:?}", given_back.elapsed());
}

#[test]
fn a_call_may_wait_less_than_the_queue_says() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({"ReceiveMessageWaitTimeSeconds": "20"})).unwrap();
    let start = Instant::now();
    assert_eq!(client.receive(&queue, 1, 0, None).unwrap().len(), 0);
    assert!(start.elapsed() < SECOND);
}

#[test]
fn a_client_that_is_gone_before_the_job_comes_takes_no_job() {
    let telling = Telling::start();
    let server = &telling.server;
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    for round in 0..10 {
        let gone = poll(server, &mut Pen::default(), &queue, 20);
        telling.has_waiting(1);
        drop(gone);
        telling.has_waiting(0);
        client.send(&queue, &format!("{round}"), None).unwrap();
        let jobs = client.receive(&queue, 1, 5, Some(LEASE)).unwrap();
        assert_eq!(jobs.len(), 1, "round {round}: the job went to a client that was gone");
        client.delete(&queue, &jobs[0].handle).unwrap();
    }
}

#[test]
fn a_client_that_goes_without_reading_its_jobs_gives_them_back_at_once() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let body = "x".repeat(90_000);
    for _ in 0..10 {
        client.send(&queue, &body, None).unwrap();
    }
    let unread = poll(&server, &mut Pen::default(), &queue, 0);
    wait::until("the jobs to be leased", 5 * SECOND, || client.counts(&queue).unwrap()[1] == 10);
    drop(unread);
    wait::until("the jobs to be back", 5 * SECOND, || client.counts(&queue).unwrap() == [10, 0, 0]);
    assert_eq!(client.receive(&queue, 10, 0, Some(LEASE)).unwrap().len(), 10);
}

/// A worker is at work, and something on the way (a balancer, a firewall) resets its idle connection. Taken for a client that
/// did not read, its job would go to a second worker while the first still holds it.
#[test]
fn a_worker_whose_connection_is_reset_later_keeps_its_jobs() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    client.send(&queue, &"x".repeat(90_000), None).unwrap();
    let idle = poll(&server, &mut Pen::default(), &queue, 0);
    wait::until("the job to be leased", 5 * SECOND, || client.counts(&queue).unwrap()[1] == 1);
    std::thread::sleep(3 * SECOND);
    // Unread bytes make the end a reset.
    drop(idle);
    std::thread::sleep(SECOND / 2);
    assert_eq!(client.counts(&queue).unwrap(), [0, 1, 0]);
}

/// A proxy has the answer as a whole and passes it on; that it resets the connection then, as HAProxy does with those that it does not need any more, says
/// nothing of the worker.
#[test]
fn a_worker_behind_a_proxy_keeps_its_jobs_however_the_proxys_connection_ends() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    client.send(&queue, "for one behind a proxy", None).unwrap();
    let body = client::receive_request(&queue, 1, 0, Some(LEASE)).to_string();
    let framing = format!("Content-Length: {}\r\nX-Forwarded-For: 192.0.2.7\r\n", body.len());
    let mut head = Pen::default().head(&server.address().to_string(), "ReceiveMessage", body.as_bytes(), &framing);
    head.extend_from_slice(body.as_bytes());
    let mut passing = std::net::TcpStream::connect(server.address()).unwrap();
    passing.write_all(&head).unwrap();
    // It comes; and unread bytes make the end a reset.
    passing.read_exact(&mut [0; 1]).unwrap();
    drop(passing);
    assert!(client.receive(&queue, 1, 2, Some(LEASE)).unwrap().is_empty(), "another worker got it");
    assert_eq!(client.counts(&queue).unwrap(), [0, 1, 0]);
}

/// The hard case: the client goes in the moment in which its job is on the way.
#[test]
fn a_client_that_goes_while_its_job_comes_loses_none() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let mut pen = Pen::default();
    let mut random = evenkeel_tests::random::Random(1);
    let rounds = 100;
    for round in 0..rounds {
        let going = poll(&server, &mut pen, &queue, 20);
        std::thread::sleep(Duration::from_millis(5));
        let pause = Duration::from_micros(random.below(2_000));
        let gone = std::thread::spawn(move || {
            std::thread::sleep(pause);
            drop(going);
        });
        client.send(&queue, &format!("{round}"), None).unwrap();
        gone.join().unwrap();
        let jobs = client.receive(&queue, 1, 5, Some(LEASE)).unwrap();
        assert_eq!(
            jobs.len(),
            1,
            "round {round}: the job is held for a client that went {pause:?} after the send began"
        );
        client.delete(&queue, &jobs[0].handle).unwrap();
    }
}
