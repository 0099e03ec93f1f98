//! Senders that never come to an end: they are told so after a minute, and nobody waits for them.

use crate::house::{House, Way, assert_refused};
use evenkeel_tests::http::Connection;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// A body must be whole, and a head too, within this time; a loaded machine takes its part.
const PATIENCE: Duration = Duration::from_secs(150);

/// A client that has sent no more than this.
fn stopped(house: &House, head: &str, rest: &str) -> Connection {
    let mut connection = Connection::open(house.server.address(), PATIENCE).unwrap();
    connection.write(format!("{head}{rest}").as_bytes()).unwrap();
    connection
}

#[test]
fn slow_senders_are_told_so_and_hold_nobody_up() {
    let mut house = House::open();
    let before = house.state();
    let host = house.server.address();
    let length = "Content-Length: 100000";
    let json = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n{length}\r\n\r\n"
    );
    let form = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
    );
    let half_head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n");
    let mut slow: Vec<(Way, Connection)> = Vec::new();
    let mut halves = Vec::new();
    for _ in 0..100 {
        slow.push((Way::Json, stopped(&house, &json, "{\"QueueUrl\":\"")));
        slow.push((Way::Post, stopped(&house, &form, "Action=SendMessage&")));
        halves.push(stopped(&house, &half_head, "X-Filler: "));
    }
    let began = Instant::now();
    // Beside them all goes on: a job is sent, taken and finished.
    let mut client = house.server.client();
    let queue = client.create_queue("quick", &json!({})).unwrap();
    for _ in 0..20 {
        client.send(&queue, "quick", None).unwrap();
        let job = client.receive(&queue, 1, 0, None).unwrap().remove(0);
        client.delete(&queue, &job.handle).unwrap();
    }
    client.call("DeleteQueue", &json!({"QueueUrl": queue})).unwrap();
    // A byte now and then is no progress that counts.
    while began.elapsed() < Duration::from_secs(20) {
        for (_, connection) in &mut slow {
            connection.write(b" ").unwrap();
        }
        thread::sleep(Duration::from_secs(1));
    }
    for (way, mut connection) in slow {
        let answer = connection.read().unwrap();
        assert_refused(way, &answer, "RequestTimeout", "a slow body");
        assert!(connection.is_closed(), "what comes late is not the next request");
    }
    for mut connection in halves {
        // Who never finished a head is answered nothing, or that it was late.
        match connection.read() {
            Ok(answer) => assert_eq!(answer.status, 408, "{}", answer.text()),
            Err(_) => assert!(connection.is_closed()),
        }
    }
    assert!(began.elapsed() < PATIENCE);
    house.reconnect();
    assert_eq!(house.state(), before);
}
