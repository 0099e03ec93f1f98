//! Lists of many queues by pages: each queue is on one page, with a prefix and without.
//!
//! By default 2,000 queues, which costs a second or two; `EVENKEEL_QUEUES=100000` for many. What pages cost is printed with
//! `--nocapture`: what is on them, however many queues there are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Client, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const MAKERS: usize = 16;
/// How often each page is asked for, to see what it costs.
const ROUNDS: usize = 101;

/// Half of them begin with `a`, half with `b`.
fn name(number: usize) -> String {
    format!("{}-{:06}", ["a", "b"][number % 2], number)
}

fn make(server: &Server, count: usize) {
    thread::scope(|scope| {
        for maker in 0..MAKERS {
            scope.spawn(move || {
                let mut client = server.client();
                for number in (maker..count).step_by(MAKERS) {
                    client.create_queue(&name(number), &json!({})).unwrap();
                }
            });
        }
    });
}

/// What a page's request is, from the token that the page before had.
fn request(prefix: &str, size: usize, token: Option<&Value>) -> Value {
    let mut request = json!({"QueueNamePrefix": prefix, "MaxResults": size});
    if let Some(token) = token {
        request["NextToken"] = token.clone();
    }
    request
}

/// The requests of all pages, and the names on them.
fn pages(client: &mut Client, prefix: &str, size: usize) -> (Vec<Value>, Vec<String>) {
    let mut requests = vec![request(prefix, size, None)];
    let mut names = Vec::new();
    loop {
        let page = client.call("ListQueues", requests.last().unwrap()).unwrap();
        let urls = page["QueueUrls"].as_array().unwrap();
        assert!((1..=size).contains(&urls.len()), "{} on a page of {size}", urls.len());
        names.extend(urls.iter().map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()));
        let Some(token) = page.get("NextToken") else { return (requests, names) };
        requests.push(request(prefix, size, Some(token)));
    }
}

/// The middle one of some tries.
fn cost(client: &mut Client, request: &Value) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            client.call("ListQueues", request).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

#[test]
fn each_queue_is_on_one_page_however_many_there_are() {
    let count: usize = std::env::var("EVENKEEL_QUEUES").map_or(2_000, |count| count.parse().expect("a number"));
    let server = Server::start();
    make(&server, count);
    let mut client = server.client();
    let mut all: Vec<String> = (0..count).map(name).collect();
    all.sort();
    for prefix in ["", "b"] {
        let expected: Vec<&String> = all.iter().filter(|name| name.starts_with(prefix)).collect();
        for size in [10, 1_000] {
            let (requests, names) = pages(&mut client, prefix, size);
            assert_eq!(names.iter().collect::<Vec<_>>(), expected, "prefix {prefix:?}, {size} on a page");
            assert_eq!(requests.len(), expected.len().div_ceil(size), "no page is empty");
            let [first, middle, last] =
                [0, requests.len() / 2, requests.len() - 1].map(|at| cost(&mut client, &requests[at]));
            eprintln!(
                "{count} queues, prefix {prefix:?}, {size} on a page: first {first:?}, middle {middle:?}, last {last:?}"
            );
        }
    }
}
