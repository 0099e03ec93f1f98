//! What the door itself costs per request, on one thread: `cargo run --release -p evenkeel-sqs --example cost`.
//!
//! No HTTP, no signatures, no engine: reading the request, making the command, writing the answer. The yardstick is the
//! MD5 of the body, which the protocol asks for.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use evenkeel_access::Policies;
use evenkeel_engine::{Answer, Delivery, Received};
use evenkeel_machine::{Enqueued, Grant, Reply, command::QueueKey, queue::Papers};
use evenkeel_sqs::{Caller, Door, Head, Ids, POLICY, Response, Step};
use evenkeel_types::{AccountId, BodyRef, JobId, LeaseToken, LogIndex, QueueId, WallTime};
use std::{hint::black_box, sync::Arc, time::Instant};

const URL: &str = "http://localhost:9324/000000000000/jobs";

fn main() {
    let door = Door::new(Ids::new(&[7; 32]), "eu-west-1");
    let job = JobId { slot: 1, generation: 2 };
    let place = BodyRef { index: LogIndex(9), offset: 8, bytes: 7 };
    for bytes in [100, 1_024, 65_536] {
        for (kind, text) in [("plain", "x".repeat(bytes)), ("json", r#"{"id":1,"na":"y"}"#.repeat(bytes / 17))] {
            let body =
                serde_json::json!({"QueueUrl": URL, "MessageBody": text, "MessageGroupId": "tenant-1"}).to_string();
            let enqueued = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(Enqueued { job, body: place, again: false })])));
            measure(&format!("SendMessage {bytes} {kind}"), || call(&door, "SendMessage", &body, &enqueued));

            if 10 * bytes < 1 << 20 {
                let entry = |id: usize| serde_json::json!({"Id": id.to_string(), "MessageBody": text});
                let entries: Vec<_> = (0..10).map(entry).collect();
                let body = serde_json::json!({"QueueUrl": URL, "Entries": entries}).to_string();
                let each = Ok(Enqueued { job, body: place, again: false });
                let enqueued = Answer::Reply(Reply::Enqueued(Ok(vec![each; 10])));
                let name = format!("SendMessageBatch 10 x {bytes} {kind}");
                measure(&name, || call(&door, "SendMessageBatch", &body, &enqueued));
            }

            let blob = [&[1, 0][..], &[0; 16], b"\x02me", text.as_bytes()].concat();
            let (enqueued_at, first_granted_at) = (WallTime(1_700_000_000_000), WallTime(1_700_000_000_001));
            let token = LeaseToken(1);
            let grant = Grant {
                job,
                token,
                body: place,
                group: "tenant-1".into(),
                source: None,
                enqueued_at,
                first_granted_at,
            };
            let delivery = Delivery { grant, body: blob.into() };
            let received =
                Answer::Received(Ok(Received { queue: QueueId { slot: 1, generation: 0 }, jobs: vec![delivery] }));
            let ask = serde_json::json!({"QueueUrl": URL, "MessageSystemAttributeNames": ["All"]}).to_string();
            measure(&format!("ReceiveMessage {bytes} {kind}"), || call(&door, "ReceiveMessage", &ask, &received));

            let response: serde_json::Value =
                serde_json::from_slice(&call(&door, "ReceiveMessage", &ask, &received).body).unwrap();
            let handle = response.pointer("/Messages/0/ReceiptHandle").unwrap();
            let delete = serde_json::json!({"QueueUrl": URL, "ReceiptHandle": handle}).to_string();
            let acked = Answer::Reply(Reply::Acked(vec![Ok(())]));
            measure("DeleteMessage", || call(&door, "DeleteMessage", &delete, &acked));
        }
    }
    guarded(&Answer::Reply(Reply::Enqueued(Ok(vec![Ok(Enqueued { job, body: place, again: false })]))));
}

/// What policies cost: on the door's way where another queue has one, and where this one has, of twenty statements that do not fit.
fn guarded(enqueued: &Answer) {
    let statements: Vec<_> = (0..20)
        .map(|number| {
            let user = format!("arn:aws:iam::000000000000:user/u{number}");
            serde_json::json!({"Effect": "Deny", "Principal": {"AWS": user}, "Action": "sqs:Send*", "Resource": "*"})
        })
        .collect();
    let policy = serde_json::json!({"Statement": statements}).to_string();
    let papers = Papers { notes: [(POLICY.into(), policy.into())].into(), ..Papers::default() };
    let body = serde_json::json!({"QueueUrl": URL, "MessageBody": "x".repeat(100)}).to_string();
    for (whose, name) in [("another queue's", "mail"), ("its own", "jobs")] {
        let policies = Arc::new(Policies::new(POLICY));
        let queue = QueueKey { account: AccountId::default(), name };
        policies.set(0, Some((queue, &papers)));
        let door = Door::new(Ids::new(&[7; 32]), "eu-west-1").guarded_by(policies);
        measure(&format!("SendMessage 100, {whose} policy"), || call(&door, "SendMessage", &body, enqueued));
    }
}

fn call(door: &Door, action: &str, body: &str, answer: &Answer) -> Response {
    let caller = Caller {
        account: AccountId::default(),
        sender_id: "000000000000",
        rights: &evenkeel_policy::EVERYTHING,
        is_root: false,
    };
    let target = format!("AmazonSQS.{action}");
    let head = Head { target: Some(&target), host: "localhost:9324", ..Head::default() };
    let mut step = door.accept(caller, head, body.as_bytes());
    loop {
        match step {
            Step::Respond(response) => return response,
            Step::Ask(_, pending) => step = pending.answer(door, answer.clone()),
        }
    }
}

fn measure(name: &str, mut run: impl FnMut() -> Response) {
    let start = Instant::now();
    let mut rounds = 0u32;
    while start.elapsed().as_millis() < 200 {
        for _ in 0..100 {
            assert_eq!(black_box(run()).status, 200);
        }
        rounds += 100;
    }
    println!("{name:40} {:8.2} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}
