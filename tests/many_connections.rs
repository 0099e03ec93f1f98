//! Ten thousand idle long polls and a thousand clients that ask for much and read nothing: those beside them do not notice.
//!
//! By default a tenth of it, which costs seconds; `EVENKEEL_CONNECTIONS=10000` for all (`cargo xtask test` does so). What a
//! connection costs is printed with `--nocapture`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Launch, Server, client, wait};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// What one idle connection may cost the server, in bytes. Measured: 14 KiB with hyper's buffers and its place among
/// the waiters.
const IDLE_BYTES_MAX: u64 = 40 * 1024;
/// What all answers that nobody reads may cost the server together, in MiB, whatever their number.
const UNREAD_MIB_MAX: u64 = 400;
/// The slowest of a hundred ordinary requests beside all this; a busy machine and its disk take their part of it.
const P99_MAX: Duration = Duration::from_millis(500);

/// One at a time: they measure.
static ALONE: Mutex<()> = Mutex::new(());

/// How many connections the system and the caller allow.
fn connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(400);
    let wanted = std::env::var("EVENKEEL_CONNECTIONS").map_or(1_000, |count| count.parse().expect("a number"));
    usize::try_from(allowed).unwrap_or(usize::MAX).min(wanted)
}

/// Asks for up to ten jobs on a connection of its own, and reads nothing.
fn ask(server: &Server, pen: &mut Pen, queue: &str, wait_seconds: u32, lease: u32) -> TcpStream {
    let request = client::receive_request(queue, 10, wait_seconds, Some(lease)).to_string();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(&pen.request(&server.address().to_string(), "ReceiveMessage", request.as_bytes())).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

fn has_answer(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Err(error) => error.kind() != ErrorKind::WouldBlock,
        Ok(_) => true,
    }
}

/// Sends, receives and deletes on a queue of its own; gives the 99th of a hundred times.
fn p99_of_others(server: &Server) -> Duration {
    let mut client = server.client();
    let queue = client.create_queue("others", &json!({})).unwrap();
    let mut times = Vec::new();
    for _ in 0..100 {
        let mut timed = |call: &mut dyn FnMut()| {
            let start = Instant::now();
            call();
            times.push(start.elapsed());
        };
        timed(&mut || drop(client.send(&queue, "a job", None).unwrap()));
        let mut handle = String::new();
        timed(&mut || handle = client.receive(&queue, 1, 0, None).unwrap()[0].handle.clone());
        timed(&mut || client.delete(&queue, &handle).unwrap());
    }
    times.sort();
    times[times.len() * 99 / 100]
}

#[test]
fn idle_polls_cost_little_and_one_job_wakes_one_of_them() {
    let _alone = ALONE.lock();
    let count = connections();
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    p99_of_others(&server);
    let before = server.resident_kib();
    let mut pen = Pen::default();
    let start = Instant::now();
    let polls: Vec<TcpStream> = (0..count).map(|_| ask(&server, &mut pen, &queue, 20, 600)).collect();
    let opened = start.elapsed();
    assert!(opened < 10 * SECOND, "it took {opened:?} to ask {count} times");
    let p99 = p99_of_others(&server);
    let each = (server.resident_kib().saturating_sub(before)) * 1_024 / count as u64;
    eprintln!("{count} idle polls, asked within {opened:?}: {each} bytes each; p99 beside them {p99:?}");
    assert!(p99 < P99_MAX, "p99 beside {count} idle polls: {p99:?}");
    assert!(each < IDLE_BYTES_MAX, "an idle poll takes {each} bytes");

    let answered = || polls.iter().filter(|poll| has_answer(poll)).count();
    for sent in 1..=20 {
        client.send(&queue, "one", None).unwrap();
        wait::until("a poll to wake", 5 * SECOND, || answered() >= sent);
        assert!(start.elapsed() < 19 * SECOND, "the machine is too slow for this test: the polls are about to end");
        assert_eq!(answered(), sent, "each job wakes one");
    }
    assert_eq!(client.counts(&queue).unwrap(), [0, 20, 0]);

    // All go at once, with jobs or without.
    drop(polls);
    client.call("PurgeQueue", &json!({"QueueUrl": queue})).unwrap();
    client.send(&queue, "last", None).unwrap();
    assert_eq!(client.receive(&queue, 1, 5, None).unwrap()[0].body, "last");
    assert!(p99_of_others(&server) < P99_MAX);
}

#[test]
fn answers_that_nobody_reads_are_bounded_and_hold_nobody_back() {
    let _alone = ALONE.lock();
    let count = connections() / 10;
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("large", &json!({})).unwrap();
    let body = "x".repeat(200_000);
    for _ in 0..10 {
        client.send(&queue, &body, None).unwrap();
    }
    p99_of_others(&server);
    let before = server.resident_kib();
    let mut pen = Pen::default();
    // Leases of no length, so that each gets the same ten jobs: two megabytes.
    let mut unread: Vec<TcpStream> = (0..count).map(|_| ask(&server, &mut pen, &queue, 20, 0)).collect();
    wait::until("all to be answered", 15 * SECOND, || unread.iter().all(has_answer));
    let p99 = p99_of_others(&server);
    let mib = server.resident_kib().saturating_sub(before) / 1_024;
    eprintln!("{count} answers of 2 MB that nobody reads: {mib} MiB; p99 beside them {p99:?}");
    assert!(p99 < P99_MAX, "p99 beside {count} unread answers: {p99:?}");
    assert!(mib < UNREAD_MIB_MAX, "{count} unread answers take {mib} MiB");

    // Who reads after all gets it whole.
    let mut late = unread.pop().unwrap();
    late.set_nonblocking(false).unwrap();
    late.set_read_timeout(Some(20 * SECOND)).unwrap();
    let mut read = vec![0; 2_000_000];
    late.read_exact(&mut read).unwrap();
    drop(unread);
    wait::until("the jobs to be free", 10 * SECOND, || client.counts(&queue).unwrap() == [10, 0, 0]);
    assert_eq!(client.receive(&queue, 10, 0, Some(600)).unwrap().len(), 10);
    eprintln!("after they went: {} MiB more than before", server.resident_kib().saturating_sub(before) / 1_024);
}

#[test]
fn looks_that_nobody_reads_are_bounded_too() {
    let _alone = ALONE.lock();
    let count = connections() / 2;
    let server = Launch::default().argument("--insecure-no-auth").start();
    let mut client = server.client();
    let queue = client.create_queue("large", &json!({})).unwrap();
    let body = "x".repeat(200_000);
    for _ in 0..10 {
        client.send(&queue, &body, None).unwrap();
    }
    let before = server.resident_kib();
    let head = format!("GET /v1/queues/large/next?max=10 HTTP/1.1\r\nHost: {}\r\n\r\n", server.address());
    let unread: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    let mut most = 0;
    wait::until("all to be answered", 60 * SECOND, || {
        most = most.max(server.resident_kib().saturating_sub(before) / 1_024);
        unread.iter().all(has_answer)
    });
    eprintln!("{count} looks of 2 MB that nobody reads: {most} MiB at the most");
    assert!(most < UNREAD_MIB_MAX, "{count} unread looks take {most} MiB");
    assert!(p99_of_others(&server) < P99_MAX);
}
