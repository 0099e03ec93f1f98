//! What FIFO queues have beyond others, and calls that are repeated: what is asked of the engine, and what is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::*;
use evenkeel_engine::{Again, Answer, Delivery, QueueName, Receive, Received, Request};
use evenkeel_machine::{
    Enqueued, Grant, Reply,
    codec::Reader,
    command::{CallKey, Command, DedupId},
    queue::{AckError, EnqueueError, ReceiveError},
};
use evenkeel_sqs::{Caller, Head, Step};
use evenkeel_types::{BodyRef, JobId, LeaseToken, LogIndex, QueueId, WallTime};

const FIFO: &str = r#""QueueUrl":"http://localhost:9324/000000000012/jobs.fifo""#;
/// SHA-256 of "hello", as `sha256sum` has it.
const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn fifo(action: &str, body: &str) -> Step {
    call(&door(), action, &body.replace("FIFO", FIFO))
}

/// A proposed command's de-duplication ids, each with whether it is of the content; and the call's key.
fn sent(request: &Request) -> (Vec<Option<(String, bool)>>, Option<CallKey>) {
    let Request::Propose(proposal) = request else { panic!("{request:?}") };
    let Command::Enqueue { jobs, call, .. } = Command::decode(&mut Reader::new(proposal.bytes())).unwrap() else {
        panic!("no send");
    };
    let id = |dedup: DedupId<'_>| (dedup.id.to_owned(), dedup.is_content);
    (jobs.iter().map(|job| job.dedup.map(id)).collect(), call)
}

fn enqueued() -> Enqueued {
    Enqueued {
        job: JobId { slot: 1, generation: 1 },
        body: BodyRef { index: LogIndex(9), offset: 77, bytes: 5 },
        again: false,
    }
}

/// The log entry's index and the offset in it, as one number.
const SEQUENCE_NUMBER: &str = r#""SequenceNumber":"00000000000150995021""#;

#[test]
fn ids_are_the_senders_or_of_the_content() {
    let cases = [
        (r#"{FIFO,"MessageBody":"hello","MessageGroupId":"g"}"#, (HELLO_SHA256, true)),
        (r#"{FIFO,"MessageBody":"hello","MessageGroupId":"g","MessageDeduplicationId":"a!"}"#, ("a!", false)),
    ];
    for (body, (id, is_content)) in cases {
        let (request, pending) = asked(fifo("SendMessage", body));
        assert_eq!(sent(&request), (vec![Some((id.to_owned(), is_content))], None), "{body}");
        let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(enqueued())])));
        let told = text(&responded(pending.answer(&door(), answer)));
        assert!(told.contains(SEQUENCE_NUMBER), "{told}");
    }
    let batch = r#"{FIFO,"Entries":[{"Id":"a","MessageBody":"hello","MessageGroupId":"g"},{"Id":"b","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"i"}]}"#;
    let (request, pending) = asked(fifo("SendMessageBatch", batch));
    let ids = vec![Some((HELLO_SHA256.to_owned(), true)), Some(("i".to_owned(), false))];
    assert_eq!(sent(&request).0, ids);
    let replies = vec![Err(EnqueueError::NoDedupId), Ok(enqueued())];
    let told = text(&responded(pending.answer(&door(), Answer::Reply(Reply::Enqueued(Ok(replies))))));
    assert!(told.contains(SEQUENCE_NUMBER) && told.contains(r#""Code":"InvalidParameterValue""#), "{told}");
}

#[test]
fn ids_that_cannot_be_are_refused() {
    let long =
        format!(r#"{{FIFO,"MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"{}"}}"#, "i".repeat(129));
    for (action, body, part) in [
        (
            "SendMessage",
            r#"{FIFO,"MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":""}"#,
            "1 to 128 in length",
        ),
        (
            "SendMessage",
            r#"{FIFO,"MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"a b"}"#,
            "punctuation",
        ),
        ("SendMessage", long.as_str(), "1 to 128 in length"),
        ("SendMessage", r#"{URL,"MessageBody":"x","MessageDeduplicationId":"a"}"#, "not valid for this queue type"),
        ("ReceiveMessage", r#"{FIFO,"ReceiveRequestAttemptId":"a b"}"#, "ReceiveRequestAttemptId"),
        ("ReceiveMessage", r#"{FIFO,"ReceiveRequestAttemptId":""}"#, "ReceiveRequestAttemptId"),
        (
            "SendMessage",
            r#"{FIFO,"MessageBody":"x","MessageGroupId":"g","DelaySeconds":1}"#,
            "not valid for this queue type",
        ),
    ] {
        let (status, code, shape, message) = error(fifo(action, body));
        assert_eq!((status, &*code, &*shape), (400, VALUE.0, VALUE.1), "{body}");
        assert!(message.contains(part), "{body}: {message}");
    }
}

#[test]
fn what_the_machine_refuses_of_a_fifo_queue_is_told_in_words_of_aws() {
    for (refused, code, part) in [
        (EnqueueError::NoGroup, MISSING.0, "MessageGroupId"),
        (EnqueueError::NoDedupId, VALUE.0, "ContentBasedDeduplication enabled or MessageDeduplicationId"),
        (EnqueueError::OwnDelay, VALUE.0, "DelaySeconds"),
    ] {
        let (_, pending) = asked(fifo("SendMessage", r#"{FIFO,"MessageBody":"x","MessageGroupId":"g"}"#));
        let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Err(refused)])));
        let (status, found, _, message) = error(pending.answer(&door(), answer));
        assert_eq!((status, &*found), (400, code));
        assert!(message.contains(part), "{message}");
    }
    let (_, code, _, message) = error(fifo("SendMessage", r#"{FIFO,"MessageBody":"x"}"#));
    assert_eq!(code, MISSING.0);
    assert!(message.contains("MessageGroupId"), "{message}");
}

fn received(texts: &[(&str, Option<&str>)]) -> Answer {
    let jobs = texts.iter().map(|(text, id)| {
        let mut body = vec![1, if id.is_some() { 4 } else { 0 }];
        body.extend([0; 16]);
        body.extend(b"\x02me");
        if let Some(id) = id {
            body.push(u8::try_from(id.len()).unwrap());
            body.extend(id.as_bytes());
        }
        body.extend(text.as_bytes());
        let Enqueued { job, body: place, .. } = enqueued();
        let grant = Grant {
            job,
            token: LeaseToken(1),
            body: place,
            group: "g".into(),
            source: None,
            enqueued_at: WallTime(1),
            first_granted_at: WallTime(2),
        };
        Delivery { grant, body: body.into() }
    });
    Answer::Received(Ok(Received { queue: QueueId { slot: 3, generation: 0 }, jobs: jobs.collect() }))
}

#[test]
fn receivers_see_number_and_id_of_a_fifo_queue_only() {
    let attributes = |body: &str, id: Option<&str>| {
        let (_, pending) = asked(fifo("ReceiveMessage", body));
        let response = responded(pending.answer(&door(), received(&[("hello", id)])));
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        body["Messages"][0]["Attributes"].clone()
    };
    let all = attributes(r#"{FIFO,"AttributeNames":["All"]}"#, Some("mine"));
    assert_eq!(all["SequenceNumber"], "00000000000150995021");
    assert_eq!(all["MessageDeduplicationId"], "mine");
    let asked = r#"{FIFO,"MessageSystemAttributeNames":["MessageDeduplicationId"]}"#;
    assert_eq!(attributes(asked, Some("mine")), serde_json::json!({ "MessageDeduplicationId": "mine" }));
    let standard = attributes(r#"{URL,"AttributeNames":["SequenceNumber","MessageDeduplicationId"]}"#, None);
    assert!(standard.is_null());
}

#[test]
fn an_attempt_counts_in_fifo_queues_only() {
    let receive = |name: &str, attempt: &str| {
        Request::Receive(Receive {
            queue: QueueName { account: CALLER.account, name: name.into() },
            jobs_max: 1,
            lease: None,
            wait: None,
            again: Again { call: None, attempt: attempt.into() },
        })
    };
    let (request, _) = asked(fifo("ReceiveMessage", r#"{FIFO,"ReceiveRequestAttemptId":"try"}"#));
    assert_eq!(request, receive("jobs.fifo", "try"));
    let (request, _) = asked(fifo("ReceiveMessage", r#"{URL,"ReceiveRequestAttemptId":"a b"}"#));
    assert_eq!(request, receive("jobs", ""));
}

#[test]
fn a_fifo_queue_with_as_many_in_flight_as_can_be_looks_empty() {
    let full = || Answer::Received(Err(ReceiveError::TooManyInFlight));
    let (_, pending) = asked(fifo("ReceiveMessage", "{FIFO}"));
    assert_eq!(text(&responded(pending.answer(&door(), full()))), "{}");
    let (_, pending) = asked(fifo("ReceiveMessage", "{URL}"));
    assert_eq!(error(pending.answer(&door(), full())).1, "OverLimit;Sender");
}

#[test]
fn a_handle_whose_lease_has_ended_is_said_to_have() {
    let (_, pending) = asked(fifo("ReceiveMessage", "{FIFO}"));
    let response = responded(pending.answer(&door(), received(&[("hello", None)])));
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let handle = body["Messages"][0]["ReceiptHandle"].as_str().unwrap();
    let delete = format!(r#"{{FIFO,"ReceiptHandle":"{handle}"}}"#);
    let (_, pending) = asked(fifo("DeleteMessage", &delete));
    let expired = AckError::Expired { job: enqueued().job };
    let (status, code, _, message) = error(pending.answer(&door(), Answer::Reply(Reply::Acked(vec![Err(expired)]))));
    assert_eq!((status, &*code), (400, VALUE.0));
    assert!(message.contains("The receipt handle has expired"), "{message}");
    let (_, pending) = asked(fifo("DeleteMessage", &delete));
    let again = AckError::NotThere { job: enqueued().job };
    assert_eq!(text(&responded(pending.answer(&door(), Answer::Reply(Reply::Acked(vec![Err(again)]))))), "{}");
}

/// The key that a call is recognised by.
fn key(invocation: Option<&str>, sender_id: &str, action: &str, body: &str) -> Option<CallKey> {
    let target = format!("AmazonSQS.{action}");
    let head = Head { invocation, ..head(&target) };
    let caller = Caller { sender_id, ..CALLER };
    let body = body.replace("URL", &format!(r#""QueueUrl":"{URL}""#)).replace("FIFO", FIFO);
    match asked(door().accept(caller, head, body.as_bytes())).0 {
        Request::Receive(receive) => receive.again.call,
        Request::Propose(proposal) => match Command::decode(&mut Reader::new(proposal.bytes())).unwrap() {
            Command::Enqueue { call, .. } | Command::DeleteQueue { call, .. } => call,
            Command::Once { call, .. } => Some(call),
            _ => None,
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_is_recognised_by_caller_number_and_all_that_it_asks() {
    let send = r#"{URL,"MessageBody":"x"}"#;
    let first = key(Some("1"), "me", "SendMessage", send);
    assert!(first.is_some());
    assert_eq!(key(Some("1"), "me", "SendMessage", send), first);
    for other in [
        key(Some("2"), "me", "SendMessage", send),
        key(Some("1"), "you", "SendMessage", send),
        key(Some("1"), "me", "SendMessage", r#"{URL,"MessageBody":"y"}"#),
        key(Some("1"), "me", "ReceiveMessage", "{URL}"),
        key(Some("1"), "me", "ReceiveMessage", "{FIFO}"),
        key(Some("1"), "me", "DeleteQueue", "{URL}"),
        key(Some("1"), "me", "PurgeQueue", "{URL}"),
        key(Some("1"), "me", "SendMessageBatch", r#"{URL,"Entries":[{"Id":"a","MessageBody":"x"}]}"#),
    ] {
        assert!(other.is_some() && other != first);
    }
    for unnumbered in [None, Some("")] {
        assert_eq!(key(unnumbered, "me", "SendMessage", send), None);
        assert_eq!(key(unnumbered, "me", "ReceiveMessage", "{URL}"), None);
        assert_eq!(key(unnumbered, "me", "PurgeQueue", "{URL}"), None);
    }
}
