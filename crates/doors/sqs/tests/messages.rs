//! The actions on messages: what they ask, what they answer, what they refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::*;
use evenkeel_engine::{Answer, Delivery, Proposal, QueueName, Receive, Received, Request};
use evenkeel_machine::{
    Enqueued, Grant, Reply,
    command::{Body, Command, Held, NewJob, QueueKey},
    queue::{AckError, ChangeLeaseError, EnqueueError, NoSuchQueue, ReceiveError},
};
use evenkeel_sqs::Head;
use evenkeel_types::{BodyRef, JobId, LeaseToken, LogIndex, Micros, QueueId, WallTime};

const KEY: QueueKey<'static> = QueueKey { account: CALLER.account, name: "jobs" };
const NOTHING: (&str, &str) = ("AWS.SimpleQueueService.NonExistentQueue;Sender", "com.amazonaws.sqs#QueueDoesNotExist");
/// MD5 of "hello", as `md5sum` has it.
const HELLO_MD5: &str = "5d41402abc4b2a76b9719d911017c592";
/// MD5 of the String attribute Foo = Bar, as AWS answered it.
const FOO_MD5: &str = "ae7155c6026991b6d54b11589678bf9c";
const FOO: &str = r#""MessageAttributes":{"Foo":{"DataType":"String","StringValue":"Bar"}}"#;

fn propose(command: &Command<'_>) -> Request {
    Request::Propose(Proposal::new(command))
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The body of a job with the text "hello", as `docs/format.md` draws it.
fn blob(attributes: bool, trace_header: &str) -> Vec<u8> {
    let flags = u8::from(attributes) | u8::from(!trace_header.is_empty()) << 1;
    let mut bytes = [&[1, flags][..], &hex(HELLO_MD5), b"\x05AIDA1"].concat();
    if attributes {
        bytes.extend(hex(FOO_MD5));
        bytes.extend(b"\x14\0\0\0\x03\0Foo\x06\0String\x03\0\0\0Bar");
    }
    if !trace_header.is_empty() {
        bytes.extend([u8::try_from(trace_header.len()).unwrap(), 0]);
        bytes.extend(trace_header.as_bytes());
    }
    bytes.extend(b"hello");
    bytes
}

fn enqueued(slot: u32) -> Enqueued {
    Enqueued {
        job: JobId { slot, generation: 1 },
        body: BodyRef { index: LogIndex(9), offset: slot * 100, bytes: 5 },
        again: false,
    }
}

fn id_of(slot: u32) -> String {
    let (_, pending) = asked(call(&door(), "SendMessage", r#"{URL,"MessageBody":"hello"}"#));
    let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(enqueued(slot))])));
    let body: serde_json::Value = serde_json::from_slice(&responded(pending.answer(&door(), answer)).body).unwrap();
    body["MessageId"].as_str().unwrap().to_owned()
}

fn delivery(slot: u32, group: &str, body: Vec<u8>) -> Delivery {
    let Enqueued { job, body: place, .. } = enqueued(slot);
    Delivery {
        grant: Grant {
            job,
            token: LeaseToken(2),
            body: place,
            group: group.into(),
            source: None,
            enqueued_at: WallTime(1_700_000_000_001),
            first_granted_at: WallTime(1_700_000_000_002),
        },
        body: body.into(),
    }
}

fn received(jobs: Vec<Delivery>) -> Answer {
    Answer::Received(Ok(Received { queue: QueueId { slot: 3, generation: 0 }, jobs }))
}

/// The handle under which the job in that slot is received.
fn handle_of(slot: u32) -> String {
    let (_, pending) = asked(call(&door(), "ReceiveMessage", "{URL}"));
    let response = responded(pending.answer(&door(), received(vec![delivery(slot, "", blob(false, ""))])));
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    body["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_owned()
}

fn held(slot: u32) -> Held {
    Held { job: enqueued(slot).job, token: LeaseToken(2) }
}

#[test]
fn a_message_becomes_a_job_and_its_sums_are_told() {
    let cases = [
        (r#"{URL,"MessageBody":"hello"}"#.to_owned(), "", None, 5, blob(false, ""), String::new()),
        (
            r#"{URL,"MessageBody":"hello","DelaySeconds":0,"MessageGroupId":"tenant-1!"}"#.to_owned(),
            "tenant-1!", Some(Micros(0)), 5, blob(false, ""), String::new(),
        ),
        (
            r#"{URL,"MessageBody":"hell\u006f","DelaySeconds":900,"MessageGroupId":"","MessageAttributes":{}}"#.to_owned(),
            "", Some(Micros::from_secs(900)), 5, blob(false, ""), String::new(),
        ),
        (
            format!(r#"{{URL,"MessageBody":"hello",{FOO}}}"#),
            "", None, 17, blob(true, ""), format!(r#","MD5OfMessageAttributes":"{FOO_MD5}""#),
        ),
        (
            r#"{URL,"MessageBody":"hello","MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}}"#
                .to_owned(),
            "", None, 5, blob(false, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
            r#","MD5OfMessageSystemAttributes":"5ae4d5d7636402d80f4eb6d213245a88""#.to_owned(),
        ),
    ];
    for (body, group, delay, counted_bytes, blob, sums) in cases {
        let (request, pending) = asked(call(&door(), "SendMessage", &body));
        let job = NewJob { group, delay, dedup: None, counted_bytes, body: Body::new(&blob) };
        assert_eq!(request, propose(&Command::Enqueue { queue: KEY, jobs: vec![job], call: None }), "{body}");
        let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(enqueued(1))])));
        let response = responded(pending.answer(&door(), answer));
        let id = id_of(1);
        assert_eq!(text(&response), format!(r#"{{"MessageId":"{id}","MD5OfMessageBody":"{HELLO_MD5}"{sums}}}"#));
    }
    assert_ne!(id_of(1), id_of(2));
}

#[test]
fn the_trace_of_a_request_goes_with_its_messages() {
    let sent = |trace, action: &str, body: &str| {
        let target = format!("AmazonSQS.{action}");
        let body = body.replace("URL", &format!(r#""QueueUrl":"{URL}""#));
        let (request, pending) = asked(door().accept(CALLER, Head { trace, ..head(&target) }, body.as_bytes()));
        let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(enqueued(1))])));
        (request, text(&responded(pending.answer(&door(), answer))))
    };
    let with_trace = |trace: &str| {
        let blob = blob(false, trace);
        let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: 5, body: Body::new(&blob) };
        propose(&Command::Enqueue { queue: KEY, jobs: vec![job], call: None })
    };
    let plain = r#"{URL,"MessageBody":"hello"}"#;
    let batch = r#"{URL,"Entries":[{"Id":"a","MessageBody":"hello"}]}"#;
    for (action, body) in [("SendMessage", plain), ("SendMessageBatch", batch)] {
        let (request, told) = sent(Some("Root=1-5759e988"), action, body);
        assert_eq!(request, with_trace("Root=1-5759e988"), "{action}");
        // A client checks the sum of what it gave as an attribute, and this it did not.
        assert!(!told.contains("MD5OfMessageSystemAttributes"), "{told}");
    }
    let own = r#"{URL,"MessageBody":"hello","MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=2"}}}"#;
    assert_eq!(sent(Some("Root=1-5759e988"), "SendMessage", own).0, with_trace("Root=2"));
    // Nobody is refused for a header that a proxy may have added.
    for useless in ["", "a\u{1}", &"x".repeat(4_097)] {
        assert_eq!(sent(Some(useless), "SendMessage", plain).0, with_trace(""), "{useless:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    check_refused(
        "SendMessage",
        400,
        MISSING.0,
        MISSING.1,
        &[
            (r#"{"MessageBody":"x"}"#, "The request must contain the parameter QueueUrl."),
            ("{URL}", "The request must contain the parameter MessageBody."),
            (r#"{URL,"MessageBody":""}"#, "The request must contain the parameter MessageBody."),
            (r#"{URL,"MessageBody":null}"#, "The request must contain the parameter MessageBody."),
        ],
    );
    let long = format!(r#"{{URL,"MessageBody":"{}"}}"#, "x".repeat(1_048_577));
    let attribute = r#""MessageAttributes":{"a":{"DataType":"String","StringValue":"x"}}"#;
    let long_with_attributes = format!(r#"{{URL,"MessageBody":"{}",{attribute}}}"#, "x".repeat(1_048_569));
    let group = format!(r#"{{URL,"MessageBody":"x","MessageGroupId":"{}"}}"#, "g".repeat(129));
    check_refused(
        "SendMessage",
        400,
        VALUE.0,
        VALUE.1,
        &[
            (&long, "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."),
            (&long_with_attributes, "Message must be shorter than 1048576 bytes."),
            (
                r#"{URL,"MessageBody":"x","DelaySeconds":901}"#,
                "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
            ),
            (r#"{URL,"MessageBody":"x","DelaySeconds":-1}"#, "Value -1 for parameter DelaySeconds is invalid."),
            (&group, "for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include"),
            (r#"{URL,"MessageBody":"x","MessageGroupId":"a b"}"#, "Value a b for parameter MessageGroupId is invalid."),
            (r#"{URL,"MessageBody":"x","MessageGroupId":"\u00e4"}"#, "for parameter MessageGroupId is invalid."),
            (
                r#"{URL,"MessageBody":"x","MessageDeduplicationId":"d"}"#,
                "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.",
            ),
            (r#"{URL,"MessageBody":"x","MessageAttributes":{"a":{}}}"#, "non-empty message attribute type"),
            (r#"{URL,"MessageBody":"x","MessageSystemAttributes":{"a":{}}}"#, "AWSTraceHeader"),
        ],
    );
    let contents = ("InvalidMessageContents;Sender", "com.amazonaws.sqs#InvalidMessageContents");
    check_refused(
        "SendMessage",
        400,
        contents.0,
        contents.1,
        &[
            (r#"{URL,"MessageBody":"\u0000"}"#, "Valid unicode characters are"),
            (r#"{URL,"MessageBody":"\uffff"}"#, "Valid unicode characters are"),
        ],
    );
    let shape = "com.amazon.coral.service#SerializationException";
    check_refused(
        "SendMessage",
        400,
        "MalformedInput;Sender",
        shape,
        &[
            ("", ""),
            ("[]", ""),
            ("{", ""),
            (r#"{"QueueUrl":1}"#, ""),
            (r#"{URL,"DelaySeconds":"1"}"#, ""),
            (r#"{URL,"DelaySeconds":99999999999}"#, ""),
            (r#"{URL,"MessageAttributes":[]}"#, ""),
        ],
    );
    let address = ("InvalidAddress;Sender", "com.amazonaws.sqs#InvalidAddress");
    check_refused(
        "SendMessage",
        404,
        address.0,
        address.1,
        &[(r#"{"QueueUrl":"jo bs"}"#, "The address jo bs is not valid")],
    );
    let denied = ("AccessDenied;Sender", "com.amazon.coral.service#AccessDeniedException");
    let body = r#"{"QueueUrl":"http://h/000000000013/jobs","MessageBody":"x"}"#;
    check_refused(
        "SendMessage",
        403,
        denied.0,
        denied.1,
        &[(body, "Access to the resource http://h/000000000013/jobs is denied.")],
    );
}

#[test]
fn the_longest_message_is_taken() {
    let body = format!(r#"{{URL,"MessageBody":"{}"}}"#, "x".repeat(1_048_576));
    asked(call(&door(), "SendMessage", &body));
}

#[test]
fn what_the_machine_refuses_of_a_message_is_told() {
    let cases = [
        (Reply::Enqueued(Err(NoSuchQueue)), NOTHING.0, "The specified queue does not exist."),
        (
            Reply::Enqueued(Ok(vec![Err(EnqueueError::BodyTooLarge { bytes: 2_000, max: 1_024 })])),
            VALUE.0,
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        ),
        (
            Reply::Enqueued(Ok(vec![Err(EnqueueError::Full)])),
            "OverLimit;Sender",
            "there are as many jobs or groups as can be.",
        ),
        (Reply::Enqueued(Ok(vec![])), "InternalFailure;Receiver", "The server did not answer for this message."),
    ];
    for (reply, code, message) in cases {
        let (_, pending) = asked(call(&door(), "SendMessage", r#"{URL,"MessageBody":"x"}"#));
        let found = error(pending.answer(&door(), Answer::Reply(reply)));
        assert_eq!((&*found.1, &*found.3), (code, message));
    }
}

#[test]
fn a_batch_is_one_command_and_fails_entry_by_entry() {
    let body = r#"{URL,"Entries":[{"Id":"a","MessageBody":"hello"},{"Id":"b"},
        {"Id":"c","MessageBody":"hello","MessageGroupId":"g"},{"Id":"d","MessageBody":"hello","DelaySeconds":1}]}"#;
    let (request, pending) = asked(call(&door(), "SendMessageBatch", body));
    let blob = blob(false, "");
    let job = |group, delay| NewJob { group, delay, dedup: None, counted_bytes: 5, body: Body::new(&blob) };
    let jobs = vec![job("", None), job("g", None), job("", Some(Micros::from_secs(1)))];
    assert_eq!(request, propose(&Command::Enqueue { queue: KEY, jobs, call: None }));
    let too_large = Err(EnqueueError::BodyTooLarge { bytes: 5, max: 4 });
    let answer = Answer::Reply(Reply::Enqueued(Ok(vec![Ok(enqueued(1)), too_large, Ok(enqueued(2))])));
    let (one, two) = (id_of(1), id_of(2));
    let expected = [
        r#"{"Successful":["#,
        &format!(r#"{{"Id":"a","MessageId":"{one}","MD5OfMessageBody":"{HELLO_MD5}"}},"#),
        &format!(r#"{{"Id":"d","MessageId":"{two}","MD5OfMessageBody":"{HELLO_MD5}"}}],"#),
        r#""Failed":[{"Id":"b","SenderFault":true,"Code":"MissingParameter","#,
        r#""Message":"The request must contain the parameter MessageBody."},"#,
        r#"{"Id":"c","SenderFault":true,"Code":"InvalidParameterValue","#,
        r#""Message":"One or more parameters cannot be validated. Reason: Message must be shorter than 4 bytes."}]}"#,
    ];
    assert_eq!(text(&responded(pending.answer(&door(), answer))), expected.concat());
}

#[test]
fn a_batch_of_refused_entries_asks_nothing() {
    for (action, entry) in [
        ("SendMessageBatch", r#"{"Id":"a"}"#),
        ("DeleteMessageBatch", r#"{"Id":"a"}"#),
        ("ChangeMessageVisibilityBatch", r#"{"Id":"a","VisibilityTimeout":0}"#),
    ] {
        let response = responded(call(&door(), action, &format!(r#"{{URL,"Entries":[{entry}]}}"#)));
        assert_eq!(response.status, 200);
        let start = r#"{"Failed":[{"Id":"a","SenderFault":true,"Code":"MissingParameter","Message":""#;
        assert!(text(&response).starts_with(start), "{action}: {}", text(&response));
    }
}

#[test]
fn the_rules_on_a_batch_fail_the_whole_call() {
    let entries = |count: usize, id: fn(usize) -> String| {
        let entries: Vec<_> = (0..count).map(|at| format!(r#"{{"Id":"{}","MessageBody":"x"}}"#, id(at))).collect();
        format!(r#"{{URL,"Entries":[{}]}}"#, entries.join(","))
    };
    let half = "x".repeat(524_289);
    let too_long =
        format!(r#"{{URL,"Entries":[{{"Id":"a","MessageBody":"{half}"}},{{"Id":"b","MessageBody":"{half}"}}]}}"#);
    let empty = "There should be at least one SendMessageBatchRequestEntry in the request.";
    let cases = [
        ("{URL}".to_owned(), "EmptyBatchRequest", empty),
        (entries(0, |_| String::new()), "EmptyBatchRequest", empty),
        (
            entries(20, |at| at.to_string()),
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 20.",
        ),
        (entries(2, |_| "same".to_owned()), "BatchEntryIdsNotDistinct", "Id same repeated."),
        (
            entries(2, |_| "a:b".to_owned()),
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        ),
        (
            too_long,
            "BatchRequestTooLong",
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.",
        ),
    ];
    for (body, name, message) in cases {
        let (code, shape) = (format!("AWS.SimpleQueueService.{name};Sender"), format!("com.amazonaws.sqs#{name}"));
        check_refused("SendMessageBatch", 400, &code, &shape, &[(&body, message)]);
    }
}

#[test]
fn a_receive_asks_for_what_the_request_says() {
    let queue = QueueName { account: CALLER.account, name: "jobs".into() };
    let cases = [
        ("{URL}", 1, None, None),
        (
            r#"{URL,"MaxNumberOfMessages":10,"VisibilityTimeout":43200,"WaitTimeSeconds":20,"ReceiveRequestAttemptId":"x"}"#,
            10,
            Some(Micros::from_secs(43_200)),
            Some(Micros::from_secs(20)),
        ),
        (r#"{URL,"VisibilityTimeout":0,"WaitTimeSeconds":0}"#, 1, Some(Micros(0)), Some(Micros(0))),
    ];
    for (body, jobs_max, lease, wait) in cases {
        let (request, pending) = asked(call(&door(), "ReceiveMessage", body));
        assert_eq!(
            request,
            Request::Receive(Receive { queue: queue.clone(), jobs_max, lease, wait, again: Default::default() })
        );
        let response = responded(pending.answer(&door(), received(vec![])));
        assert_eq!((text(&response).as_str(), response.undelivered), ("{}", None));
    }
    check_refused(
        "ReceiveMessage",
        400,
        VALUE.0,
        VALUE.1,
        &[
            (
                r#"{URL,"MaxNumberOfMessages":11}"#,
                "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
            ),
            (r#"{URL,"MaxNumberOfMessages":0}"#, "Value 0 for parameter MaxNumberOfMessages is invalid."),
            (r#"{URL,"MaxNumberOfMessages":-1}"#, "Value -1 for parameter MaxNumberOfMessages is invalid."),
            (r#"{URL,"MaxNumberOfMessages":257}"#, "Value 257 for parameter MaxNumberOfMessages is invalid."),
            (
                r#"{URL,"WaitTimeSeconds":21}"#,
                "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
            ),
            (r#"{URL,"WaitTimeSeconds":-1}"#, "Value -1 for parameter WaitTimeSeconds is invalid."),
            (r#"{URL,"VisibilityTimeout":43201}"#, "Value 43201 for parameter VisibilityTimeout is invalid."),
        ],
    );
    let name = ("InvalidAttributeName;Sender", "com.amazonaws.sqs#InvalidAttributeName");
    check_refused(
        "ReceiveMessage",
        400,
        name.0,
        name.1,
        &[
            (r#"{URL,"AttributeNames":["Nonsense"]}"#, "Unknown Attribute Nonsense."),
            (r#"{URL,"MessageSystemAttributeNames":["All","sentTimestamp"]}"#, "Unknown Attribute sentTimestamp."),
        ],
    );
}

#[test]
fn a_received_message_tells_what_was_asked_for() {
    let times = r#""SentTimestamp":"1700000000001","ApproximateReceiveCount":"2","ApproximateFirstReceiveTimestamp":"1700000000002""#;
    let all = format!(r#","Attributes":{{"SenderId":"AIDA1",{times},"MessageGroupId":"g","AWSTraceHeader":"Root=1"}}"#);
    let foo = format!(r#","MD5OfMessageAttributes":"{FOO_MD5}",{FOO}"#);
    let cases = [
        ("{URL}".to_owned(), String::new()),
        (r#"{URL,"AttributeNames":["All"]}"#.to_owned(), all.clone()),
        (r#"{URL,"MessageSystemAttributeNames":["All"]}"#.to_owned(), all.clone()),
        (
            r#"{URL,"AttributeNames":["SenderId","SequenceNumber"],"MessageSystemAttributeNames":["MessageGroupId"]}"#
                .to_owned(),
            r#","Attributes":{"SenderId":"AIDA1","MessageGroupId":"g"}"#.to_owned(),
        ),
        (r#"{URL,"AttributeNames":["SequenceNumber"]}"#.to_owned(), String::new()),
        (r#"{URL,"MessageAttributeNames":["All"]}"#.to_owned(), foo.clone()),
        (r#"{URL,"MessageAttributeNames":["Fo.*"]}"#.to_owned(), foo.clone()),
        (r#"{URL,"MessageAttributeNames":["Bar"]}"#.to_owned(), String::new()),
        (r#"{URL,"AttributeNames":["All"],"MessageAttributeNames":["Foo"]}"#.to_owned(), format!("{all}{foo}")),
    ];
    for (body, told) in cases {
        let (_, pending) = asked(call(&door(), "ReceiveMessage", &body));
        let response = responded(pending.answer(&door(), received(vec![delivery(1, "g", blob(true, "Root=1"))])));
        let (id, handle) = (id_of(1), handle_of(1));
        let expected = format!(
            r#"{{"Messages":[{{"MessageId":"{id}","ReceiptHandle":"{handle}","MD5OfBody":"{HELLO_MD5}","Body":"hello"{told}}}]}}"#
        );
        assert_eq!(text(&response), expected, "{body}");
    }
    // Without a group there is none to tell.
    let (_, pending) = asked(call(&door(), "ReceiveMessage", r#"{URL,"AttributeNames":["MessageGroupId"]}"#));
    let response = responded(pending.answer(&door(), received(vec![delivery(1, "", blob(false, ""))])));
    assert!(!text(&response).contains("Attributes"));
}

#[test]
fn what_cannot_be_delivered_is_given_back() {
    let (_, pending) = asked(call(&door(), "ReceiveMessage", r#"{URL,"MaxNumberOfMessages":2}"#));
    let jobs = vec![delivery(1, "", blob(false, "")), delivery(2, "", blob(false, ""))];
    let response = responded(pending.answer(&door(), received(jobs)));
    let jobs = vec![(held(1), Micros(0)), (held(2), Micros(0))];
    assert_eq!(
        response.undelivered,
        Some(propose(&Command::ChangeLease { queue: QueueId { slot: 3, generation: 0 }, jobs }))
    );
}

#[test]
fn a_body_that_cannot_be_read_does_not_keep_back_the_others() {
    let (_, pending) = asked(call(&door(), "ReceiveMessage", "{URL}"));
    let jobs = vec![delivery(1, "", vec![9]), delivery(2, "", blob(false, "")), delivery(3, "", vec![])];
    let response = responded(pending.answer(&door(), received(jobs)));
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["Messages"].as_array().unwrap().len(), 1);
    assert_eq!(body["Messages"][0]["MessageId"], id_of(2));
    let (_, pending) = asked(call(&door(), "ReceiveMessage", "{URL}"));
    assert_eq!(error(pending.answer(&door(), received(vec![delivery(1, "", vec![9])]))).0, 500);
}

#[test]
fn what_the_machine_refuses_of_a_receive_is_told() {
    let cases =
        [(ReceiveError::NoSuchQueue(NoSuchQueue), NOTHING.0), (ReceiveError::TooManyInFlight, "OverLimit;Sender")];
    for (refusal, code) in cases {
        let (_, pending) = asked(call(&door(), "ReceiveMessage", "{URL}"));
        assert_eq!(error(pending.answer(&door(), Answer::Received(Err(refusal)))).1, code);
    }
}

#[test]
fn a_late_or_repeated_delete_succeeds() {
    let not_there = Err(AckError::NotThere { job: JobId::default() });
    let lost = Err(AckError::LeaseLost { job: JobId::default(), given: LeaseToken(2), held: LeaseToken(3) });
    for acked in [Ok(()), not_there, lost] {
        let body = format!(r#"{{URL,"ReceiptHandle":"{}"}}"#, handle_of(1));
        let (request, pending) = asked(call(&door(), "DeleteMessage", &body));
        assert_eq!(request, propose(&Command::Ack { queue: QueueId { slot: 3, generation: 0 }, jobs: vec![held(1)] }));
        let response = responded(pending.answer(&door(), Answer::Reply(Reply::Acked(vec![acked]))));
        assert_eq!((response.status, text(&response).as_str()), (200, "{}"));
    }
}

#[test]
fn a_handle_that_is_not_of_this_queue_is_refused() {
    let invalid = ("ReceiptHandleIsInvalid;Sender", "com.amazonaws.sqs#ReceiptHandleIsInvalid");
    let other = format!(r#"{{"QueueUrl":"http://h/000000000012/other","ReceiptHandle":"{}"}}"#, handle_of(1));
    let cases = [
        (r#"{URL,"ReceiptHandle":"fake"}"#, "The input receipt handle \"fake\" is not a valid receipt handle."),
        (&*other, "is not a valid receipt handle."),
    ];
    for action in ["DeleteMessage", "ChangeMessageVisibility"] {
        check_refused(action, 404, invalid.0, invalid.1, &cases);
        check_refused(action, 400, MISSING.0, MISSING.1, &[("{URL}", "ReceiptHandle"), ("{}", "QueueUrl")]);
    }
    let body = r#"{URL,"Entries":[{"Id":"a","ReceiptHandle":"fake"}]}"#;
    let expected = concat!(
        r#"{"Failed":[{"Id":"a","SenderFault":true,"Code":"ReceiptHandleIsInvalid","#,
        r#""Message":"The input receipt handle \"fake\" is not a valid receipt handle."}]}"#
    );
    assert_eq!(text(&responded(call(&door(), "DeleteMessageBatch", body))), expected);
}

#[test]
fn deletes_of_a_batch_are_one_command() {
    let (one, two) = (handle_of(1), handle_of(2));
    let body = format!(
        r#"{{URL,"Entries":[{{"Id":"a","ReceiptHandle":"{one}"}},{{"Id":"b","ReceiptHandle":"x"}},{{"Id":"c","ReceiptHandle":"{two}"}}]}}"#
    );
    let (request, pending) = asked(call(&door(), "DeleteMessageBatch", &body));
    assert_eq!(
        request,
        propose(&Command::Ack { queue: QueueId { slot: 3, generation: 0 }, jobs: vec![held(1), held(2)] })
    );
    let not_there = Err(AckError::NotThere { job: JobId::default() });
    let response = responded(pending.answer(&door(), Answer::Reply(Reply::Acked(vec![Ok(()), not_there]))));
    assert!(text(&response).starts_with(r#"{"Successful":[{"Id":"a"},{"Id":"c"}],"Failed":[{"Id":"b","#));
}

#[test]
fn a_lease_is_changed_or_the_reason_is_told() {
    let handle = handle_of(1);
    let gone = format!(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change."
    );
    let too_long = "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
                    message is beyond the limit [43200 seconds]";
    let not_there = AckError::NotThere { job: JobId::default() };
    let lost = AckError::LeaseLost { job: JobId::default(), given: LeaseToken(2), held: LeaseToken(3) };
    let cases = [
        (Ok(()), None),
        (Err(ChangeLeaseError::NotHeld(not_there)), Some(&*gone)),
        (Err(ChangeLeaseError::NotHeld(lost)), Some(&*gone)),
        (Err(ChangeLeaseError::TooLong), Some(too_long)),
    ];
    for (changed, message) in cases {
        let body = format!(r#"{{URL,"ReceiptHandle":"{handle}","VisibilityTimeout":43200}}"#);
        let (request, pending) = asked(call(&door(), "ChangeMessageVisibility", &body));
        let jobs = vec![(held(1), Micros::from_secs(43_200))];
        assert_eq!(request, propose(&Command::ChangeLease { queue: QueueId { slot: 3, generation: 0 }, jobs }));
        let step = pending.answer(&door(), Answer::Reply(Reply::LeaseChanged(vec![changed])));
        match message {
            None => assert_eq!(text(&responded(step)), "{}"),
            Some(message) => {
                let (status, code, shape, found) = error(step);
                assert_eq!((status, &*code, &*shape, &*found), (400, VALUE.0, VALUE.1, message));
            }
        }
    }
    let body = |time: &str| format!(r#"{{URL,"ReceiptHandle":"{handle}"{time}}}"#);
    check_refused("ChangeMessageVisibility", 400, MISSING.0, MISSING.1, &[(&body(""), "VisibilityTimeout")]);
    check_refused(
        "ChangeMessageVisibility",
        400,
        VALUE.0,
        VALUE.1,
        &[
            (&body(r#","VisibilityTimeout":43201"#), "beyond the limit [43200 seconds]"),
            (&body(r#","VisibilityTimeout":-1"#), "Value -1 for parameter VisibilityTimeout is invalid."),
        ],
    );
}

#[test]
fn leases_of_a_batch_are_changed_by_one_command() {
    let (one, two) = (handle_of(1), handle_of(2));
    let body = format!(
        r#"{{URL,"Entries":[{{"Id":"a","ReceiptHandle":"{one}","VisibilityTimeout":0}},{{"Id":"b","ReceiptHandle":"{two}","VisibilityTimeout":60}},{{"Id":"c","ReceiptHandle":"{two}"}}]}}"#
    );
    let (request, pending) = asked(call(&door(), "ChangeMessageVisibilityBatch", &body));
    let jobs = vec![(held(1), Micros(0)), (held(2), Micros::from_secs(60))];
    assert_eq!(request, propose(&Command::ChangeLease { queue: QueueId { slot: 3, generation: 0 }, jobs }));
    let answer = Answer::Reply(Reply::LeaseChanged(vec![Ok(()), Err(ChangeLeaseError::TooLong)]));
    let text = text(&responded(pending.answer(&door(), answer)));
    let start = r#"{"Successful":[{"Id":"a"}],"Failed":[{"Id":"b","SenderFault":true,"Code":"InvalidParameterValue","Message":"Value 60 "#;
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains(r#"{"Id":"c","SenderFault":true,"Code":"MissingParameter""#), "{text}");
}
