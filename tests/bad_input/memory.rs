//! Thousands of bad requests, large ones among them, leave the server no larger than they found it.

use crate::house::{House, Way};
use evenkeel_tests::http::Connection;
use serde_json::{Value, json};

/// Rounds to warm up: allocators, buffers and caches take what they need.
const ROUNDS_BEFORE: usize = 60;
/// Rounds that are measured, of some 140 requests each.
const ROUNDS: usize = 60;
/// What they may leave behind, in KiB. A leak of a KiB a request would be twice as much.
const GROWTH_KIB_MAX: u64 = 4_096;

fn round(house: &mut House, requests: &[(Way, &'static str, Value)], raw: &[Vec<u8>]) {
    for (way, action, request) in requests {
        let answer = house.call(*way, action, request);
        assert!((400..500).contains(&answer.status), "{action}: {} {}", answer.status, answer.text());
    }
    for bytes in raw {
        let mut connection = Connection::open(house.server.address(), crate::house::TIMEOUT).unwrap();
        _ = connection.write(bytes);
        _ = connection.end_writing();
        while let Ok(answer) = connection.read() {
            assert!((400..500).contains(&answer.status), "{}", answer.text());
        }
    }
}

#[test]
fn thousands_of_bad_requests_leave_nothing_behind() {
    let mut house = House::open();
    let before = house.state();
    let (queue, host) = (house.queue.clone(), house.server.address());
    let mut requests = Vec::new();
    for way in [Way::Json, Way::Post, Way::Get] {
        for at in 0..20 {
            // Values that no cache has seen: each is another one.
            let name = format!("no such name {at}");
            requests.extend([
                (way, "GetQueueUrl", json!({"QueueName": name})),
                (way, "CreateQueue", json!({"QueueName": "another", "Attributes": {name.as_str(): "1"}})),
            ]);
        }
        requests.extend([
            (way, "SendMessage", json!({"QueueUrl": queue, "MessageBody": "\u{1}"})),
            (way, "SendMessage", json!({"QueueUrl": queue, "MessageBody": "a", "MessageGroupId": "a b"})),
            (way, "DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": "none"})),
            (way, "SendMessageBatch", json!({"QueueUrl": queue, "Entries": vec![json!({"Id": "a"}); 500]})),
        ]);
    }
    let large = "x".repeat(1 << 20) + "\u{1}";
    requests.push((Way::Json, "SendMessage", json!({"QueueUrl": queue, "MessageBody": large})));
    requests.push((Way::Post, "SendMessage", json!({"QueueUrl": queue, "MessageBody": large})));
    let deep = "[".repeat(2_000_000);
    let raw = vec![
        b"garbage\r\n\r\n".to_vec(),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nX-Filler: {}", "x".repeat(100_000)).into_bytes(),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000000\r\n\r\nhalf").into_bytes(),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: {}\r\n\r\n{deep}",
            deep.len()
        )
        .into_bytes(),
    ];
    for _ in 0..ROUNDS_BEFORE {
        round(&mut house, &requests, &raw);
    }
    let memory = house.server.resident_kib();
    for _ in 0..ROUNDS {
        round(&mut house, &requests, &raw);
    }
    let grown = house.server.resident_kib().saturating_sub(memory);
    let count = ROUNDS * (requests.len() + raw.len());
    eprintln!("{memory} KiB, and {grown} KiB more after {count} bad requests");
    assert!(grown < GROWTH_KIB_MAX, "{count} bad requests took {grown} KiB");
    assert_eq!(house.state(), before);
    assert!(house.server.is_running());
}
