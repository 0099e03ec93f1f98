//! `evenkeel peek` and `evenkeel tail` on a real server: they show what there is and take nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Server, Tool};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

/// A server with the queue `work`, and the URL of that.
fn server() -> (Server, String) {
    let server = Server::start();
    let queue = server.client().create_queue("work", &json!({})).unwrap();
    (server, queue)
}

/// How long a line may take to come.
const LINE_MAX: Duration = Duration::from_secs(60);

/// A tail that follows.
struct Tail {
    child: Child,
    out: mpsc::Receiver<String>,
    errors: mpsc::Receiver<String>,
}

/// The lines of a pipe. They are read as they come, so that whoever writes them never waits for who reads another pipe first.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}

impl Tail {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let arguments: Vec<&str> = ["tail", "work"].iter().chain(arguments).copied().collect();
        let mut child = Tool::of(server, &arguments).start();
        let (out, errors) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        let first = errors.recv_timeout(LINE_MAX).unwrap();
        assert!(first.contains("following what is sent to work"), "{first}");
        Self { child, out, errors }
    }

    fn line(&self) -> String {
        self.out.recv_timeout(LINE_MAX).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn field<'v>(jobs: &'v [Value], name: &str) -> Vec<&'v Value> {
    jobs.iter().map(|job| &job[name]).collect()
}

#[test]
fn a_peek_shows_who_is_next_and_takes_nothing() {
    let (server, queue) = server();
    let mut client = server.client();
    let empty = Tool::of(&server, &["peek", "work"]).works();
    assert_eq!((&*empty.stdout, &*empty.stderr), ("", "no job can be granted now\n"));
    for (group, body) in [("noisy", "1"), ("noisy", "2"), ("noisy", "3"), ("quiet", "a\tb \u{9b}31m")] {
        client.send(&queue, body, Some(group)).unwrap();
    }
    let alone = client.send(&queue, "alone", None).unwrap();
    let table = Tool::of(&server, &["peek", "work"]).works().stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["GROUP", "SENT", "AGO", "TRIES", "BODY"]);
    let groups: Vec<&str> = rows[1..].iter().map(|row| row[0]).collect();
    assert_eq!(groups, ["noisy", "quiet", "-", "noisy", "noisy"], "{table}");
    assert!(!table.contains('\u{9b}'), "{table}");
    let jobs = Tool::of(&server, &["peek", "work", "--json", "--max", "3"]).works().json();
    assert_eq!(field(&jobs, "group"), [&json!("noisy"), &json!("quiet"), &Value::Null]);
    assert_eq!((&jobs[1]["body"], &jobs[1]["attempts"]), (&json!("a\tb \u{9b}31m"), &json!(0)));
    assert_eq!(jobs[2]["id"], json!(alone));
    assert_eq!(client.counts(&queue).unwrap()[0], 5, "all of them still wait");
    let received = Tool::of(&server, &["receive", "work", "--all", "--json"]).works().json();
    assert_eq!(field(&received, "id")[..3], field(&jobs, "id"), "workers get what was shown");
}

#[test]
fn a_tail_follows_what_is_sent_from_then_on() {
    let (server, queue) = server();
    let mut client = server.client();
    client.send(&queue, "before", None).unwrap();
    let mut tail = Tail::start(&server, &["--json", "--max", "3"]);
    let first = client.send(&queue, "one", Some("a")).unwrap();
    let seen: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!((&seen["id"], &seen["body"], &seen["group"]), (&json!(first), &json!("one"), &json!("a")));
    Tool::of(&server, &["send", "work", "--delay", "60"]).input("two\nthree\n").works();
    let seen: Vec<Value> = (0..2).map(|_| serde_json::from_str(&tail.line()).unwrap()).collect();
    assert_eq!(field(&seen, "body"), [&json!("two"), &json!("three")]);
    assert_eq!(seen[0]["delay_seconds"], 60);
    assert_eq!(tail.child.wait().unwrap().code(), Some(0), "three were asked for");
    let people = Tail::start(&server, &[]);
    client.send(&queue, "four\nfive \u{202e}", Some("tenant")).unwrap();
    let line = people.line();
    assert!(line.contains("Z  tenant   ") && line.contains("four\\nfive"), "{line}");
    assert_eq!(client.counts(&queue).unwrap(), [3, 0, 2], "nothing was taken");
}

#[test]
fn a_tail_that_stands_still_costs_little_and_is_told_what_it_missed() {
    let (server, queue) = server();
    let mut client = server.client();
    let tail = Tail::start(&server, &["--json"]);
    tail.signal(Signal::STOP);
    let body = "x".repeat(20_000);
    for batch in 0..60 {
        let bodies: Vec<String> = (0..10).map(|at| format!("{}{body}", batch * 10 + at)).collect();
        client.send_batch(&queue, &bodies, None).unwrap();
    }
    tail.signal(Signal::CONT);
    let missed = tail.errors.recv_timeout(LINE_MAX).unwrap();
    assert!(missed.contains("some jobs are left out"), "{missed}");
    let number = |line: String| {
        let job: Value = serde_json::from_str(&line).unwrap();
        job["body"].as_str().unwrap().trim_end_matches('x').parse::<u32>().unwrap()
    };
    let mut seen = vec![number(tail.line())];
    while *seen.last().unwrap() != 599 {
        seen.push(number(tail.line()));
    }
    // What came first may have been on its way already.
    let kept = seen.iter().rev().zip(seen.iter().rev().skip(1)).take_while(|(later, before)| **later == **before + 1);
    let kept = kept.count();
    assert!((150..=220).contains(&kept), "4 MiB of 12 are kept: {kept}");
}

#[test]
fn who_may_not_receive_may_not_look() {
    let (server, queue) = server();
    server.client().send(&queue, "secret", None).unwrap();
    let made = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["keys", "--json", "create"].iter().chain(arguments).copied().collect();
        let key = Tool::of(&server, &arguments).works().json().remove(0);
        (key["access_key"].as_str().unwrap().to_owned(), key["secret_key"].as_str().unwrap().to_owned())
    };
    let signed = |key: &(String, String), arguments: &[&str]| {
        Tool::of(&server, arguments).variable("AWS_ACCESS_KEY_ID", &key.0).variable("AWS_SECRET_ACCESS_KEY", &key.1)
    };
    for key in [made(&["sender", "--action", "sqs:SendMessage"]), made(&["other", "--queue", "mail"])] {
        for command in ["peek", "tail"] {
            let error = signed(&key, &[command, "work"]).fails(1);
            assert!(error.contains("may not read the jobs of queue work") && error.contains("AccessDenied"), "{error}");
        }
    }
    let reader = made(&["reader", "--action", "sqs:Receive*", "--queue", "wo"]);
    assert!(signed(&reader, &["peek", "work"]).works().stdout.contains("secret"));
    let deny =
        json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*"}});
    let policy = |text: &str| server.client().set_attributes(&queue, &json!({"Policy": text})).unwrap();
    policy(&deny.to_string());
    assert!(signed(&reader, &["peek", "work"]).fails(1).contains("no policy that denies it"));
    policy("");
    signed(&reader, &["peek", "work"]).works();
    let stranger = made(&["stranger", "--account", "000000000001"]);
    assert!(signed(&stranger, &["peek", "work"]).fails(1).contains("there is no queue work"));
    let error = Tool::of(&server, &["peek", "wrok"]).fails(1);
    assert!(error.contains("did you mean work?"), "{error}");
    assert!(Tool::of(&server, &["tail", "a b"]).fails(1).contains("is no queue's name"));
    assert!(Tool::of(&server, &["peek", "work", "--max", "101"]).fails(2).contains("100"));
}
