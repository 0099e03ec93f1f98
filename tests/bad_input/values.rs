//! Values of the right kind that may not be: out of their range, too long, too many, missing, or about what is not there.

use crate::house::{House, TIMEOUT, Way, arn, assert_refused};
use crate::types::{ACTIONS, Kind, right};
use evenkeel_tests::http::Connection;
use serde_json::{Value, json};

const MISSING: &str = "MissingParameter";
const INVALID: &str = "InvalidParameterValue";
const ABSENT: &str = "AWS.SimpleQueueService.NonExistentQueue";
const NO_HANDLE: &str = "ReceiptHandleIsInvalid";
const NO_RESOURCE: &str = "ResourceNotFoundException";
const ADDRESS: &str = "InvalidAddress";

fn of(queue: &str, rest: &Value) -> Value {
    let mut request = rest.clone();
    request["QueueUrl"] = queue.into();
    request
}

#[test]
fn sends_out_of_their_ranges_are_refused() {
    let mut house = House::open();
    let (q, f) = (house.queue.clone(), house.fifo.clone());
    let mebibyte = "x".repeat(1 << 20);
    let on = |rest: Value, code| ("SendMessage", of(&q, &rest), code);
    let fifo = |rest: Value, code| ("SendMessage", of(&f, &rest), code);
    let trace = |value: Value| json!({"MessageBody": "a", "MessageSystemAttributes": {"AWSTraceHeader": value}});
    let mut cases = vec![
        on(json!({}), MISSING),
        on(json!({"MessageBody": ""}), MISSING),
        on(json!({"MessageBody": null}), MISSING),
        on(json!({"MessageBody": mebibyte.clone() + "x"}), INVALID),
        on(json!({"MessageBody": "ä".repeat(1 << 19) + "x"}), INVALID),
        on(
            json!({"MessageBody": mebibyte, "MessageAttributes": {"a": {"DataType": "String", "StringValue": "b"}}}),
            INVALID,
        ),
        on(json!({"MessageBody": "a", "MessageDeduplicationId": "d"}), INVALID),
        on(
            json!({"MessageBody": "a", "MessageSystemAttributes": {"Other": {"DataType": "String", "StringValue": "b"}}}),
            INVALID,
        ),
        on(trace(json!({"DataType": "String", "StringValue": ""})), INVALID),
        on(trace(json!({"DataType": "Binary", "BinaryValue": "AAAA"})), INVALID),
        on(trace(json!({"DataType": "String", "StringValue": "x".repeat(4_097)})), INVALID),
        fifo(json!({"MessageBody": "a", "MessageDeduplicationId": "d"}), MISSING),
        fifo(json!({"MessageBody": "a", "MessageGroupId": "", "MessageDeduplicationId": "d"}), MISSING),
        fifo(json!({"MessageBody": "a", "MessageGroupId": "g"}), INVALID),
        fifo(
            json!({"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}),
            INVALID,
        ),
    ];
    for delay in [-1, 901, i32::MAX, i32::MIN] {
        cases.push(on(json!({"MessageBody": "a", "DelaySeconds": delay}), INVALID));
    }
    for id in ["a b", "ä", " ", &"x".repeat(129), "a\n"] {
        cases.push(on(json!({"MessageBody": "a", "MessageGroupId": id}), INVALID));
        cases.push(fifo(json!({"MessageBody": "a", "MessageGroupId": id, "MessageDeduplicationId": "d"}), INVALID));
        cases.push(fifo(json!({"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": id}), INVALID));
    }
    cases.push(fifo(json!({"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": ""}), INVALID));
    house.refuses_all(&cases);
}

#[test]
fn receives_and_leases_out_of_their_ranges_are_refused() {
    let mut house = House::open();
    let (q, f, handle) = (house.queue.clone(), house.fifo.clone(), house.handle.clone());
    let mut cases = Vec::new();
    for (parameter, values) in [
        ("MaxNumberOfMessages", vec![0, 11, -1, i32::MAX, i32::MIN]),
        ("VisibilityTimeout", vec![-1, 43_201, i32::MAX, i32::MIN]),
        ("WaitTimeSeconds", vec![-1, 21, i32::MAX, i32::MIN]),
    ] {
        for value in values {
            cases.push(("ReceiveMessage", json!({"QueueUrl": q, parameter: value}), INVALID));
        }
    }
    // Those of queues are valid in the older list, and in it only.
    for name in ["Policy", "VisibilityTimeout"] {
        let message = json!({"QueueUrl": q, "MessageSystemAttributeNames": [name]});
        cases.push(("ReceiveMessage", message, "InvalidAttributeName"));
    }
    for name in ["Nothing", "", "all", "ALL", "policy", "a.*"] {
        cases.push(("ReceiveMessage", json!({"QueueUrl": q, "AttributeNames": [name]}), "InvalidAttributeName"));
        let both = json!({"QueueUrl": q, "AttributeNames": ["All"], "MessageSystemAttributeNames": ["SenderId", name]});
        cases.push(("ReceiveMessage", both, "InvalidAttributeName"));
    }
    for names in ["AttributeNames", "MessageSystemAttributeNames", "MessageAttributeNames"] {
        cases.push(("ReceiveMessage", json!({"QueueUrl": q, names: vec!["All"; 101]}), INVALID));
    }
    for id in ["a b", "ä", "", &"x".repeat(129)] {
        cases.push(("ReceiveMessage", json!({"QueueUrl": f, "ReceiveRequestAttemptId": id}), INVALID));
    }
    for seconds in [-1, 43_201, i32::MAX, i32::MIN] {
        let one = json!({"QueueUrl": q, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        cases.push(("ChangeMessageVisibility", one, INVALID));
    }
    cases.push(("ChangeMessageVisibility", json!({"QueueUrl": q, "ReceiptHandle": handle}), MISSING));
    let twisted: String = handle.chars().rev().collect();
    let longer = format!("{handle}A");
    let long = "A".repeat(1_025);
    let padded = format!("{handle}==");
    for action in ["DeleteMessage", "ChangeMessageVisibility"] {
        let with =
            |queue: &str, handle: &str| json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 0});
        for wrong in ["none", " ", &twisted, &handle[1..], &longer, &padded, &long, "\u{1F6A2}", "../../etc/passwd"] {
            cases.push((action, with(&q, wrong), NO_HANDLE));
        }
        cases.push((action, with(&f, &handle), NO_HANDLE));
        cases.push((action, with(&q, ""), MISSING));
        cases.push((action, json!({"QueueUrl": q, "VisibilityTimeout": 0}), MISSING));
    }
    house.refuses_all(&cases);
}

#[test]
fn batches_against_their_rules_are_refused_wholly() {
    let mut house = House::open();
    let (q, handle) = (house.queue.clone(), house.handle.clone());
    let entry = |id: &str| json!({"Id": id, "MessageBody": "a", "ReceiptHandle": handle, "VisibilityTimeout": 0});
    let mut cases = Vec::new();
    for action in ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
        let mut refused = |entries: Value, code| {
            cases.push((action, json!({"QueueUrl": q, "Entries": entries}), code));
        };
        refused(json!(null), "AWS.SimpleQueueService.EmptyBatchRequest");
        refused(json!([]), "AWS.SimpleQueueService.EmptyBatchRequest");
        let many: Vec<Value> = (0..11).map(|at| entry(&at.to_string())).collect();
        refused(json!(many), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
        let many: Vec<Value> = (0..1_000).map(|at| json!({"Id": at.to_string()})).collect();
        refused(json!(many), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
        refused(json!([entry("a"), entry("b"), entry("a")]), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
        for id in ["", "a b", "ä", "a.b", "a/b", "\n", &"x".repeat(81)] {
            refused(json!([entry("a"), entry(id)]), "AWS.SimpleQueueService.InvalidBatchEntryId");
        }
        refused(json!([{"MessageBody": "a", "ReceiptHandle": handle}]), "AWS.SimpleQueueService.InvalidBatchEntryId");
    }
    let half = "x".repeat((1 << 19) + 1);
    let halves = json!([{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}]);
    cases.push((
        "SendMessageBatch",
        json!({"QueueUrl": q, "Entries": halves}),
        "AWS.SimpleQueueService.BatchRequestTooLong",
    ));
    house.refuses_all(&cases);
}

/// What is wrong with one entry fails that entry, with HTTP 200 and the sender's fault.
#[test]
fn entries_that_are_wrong_fail_alone() {
    let mut house = House::open();
    let (q, handle) = (house.queue.clone(), house.handle.clone());
    let before = house.state();
    for (action, entry, code) in [
        ("SendMessageBatch", json!({"Id": "a"}), MISSING),
        ("SendMessageBatch", json!({"Id": "a", "MessageBody": ""}), MISSING),
        ("SendMessageBatch", json!({"Id": "a", "MessageBody": "\u{8}"}), "InvalidMessageContents"),
        ("SendMessageBatch", json!({"Id": "a", "MessageBody": "a", "DelaySeconds": 901}), INVALID),
        ("SendMessageBatch", json!({"Id": "a", "MessageBody": "a", "MessageGroupId": "a b"}), INVALID),
        ("SendMessageBatch", json!({"Id": "a", "MessageBody": "a", "MessageDeduplicationId": "d"}), INVALID),
        (
            "SendMessageBatch",
            json!({"Id": "a", "MessageBody": "a", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "b"}}}),
            INVALID,
        ),
        ("DeleteMessageBatch", json!({"Id": "a"}), MISSING),
        ("DeleteMessageBatch", json!({"Id": "a", "ReceiptHandle": "none"}), NO_HANDLE),
        ("ChangeMessageVisibilityBatch", json!({"Id": "a", "ReceiptHandle": handle}), MISSING),
        (
            "ChangeMessageVisibilityBatch",
            json!({"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 43_201}),
            INVALID,
        ),
        ("ChangeMessageVisibilityBatch", json!({"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": -1}), INVALID),
        (
            "ChangeMessageVisibilityBatch",
            json!({"Id": "a", "ReceiptHandle": "none", "VisibilityTimeout": 0}),
            NO_HANDLE,
        ),
    ] {
        let request = json!({"QueueUrl": q, "Entries": [entry]});
        let answer = house.call(Way::Json, action, &request);
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &told["Successful"]), (200, &Value::Null), "{action} {entry}: {told}");
        let failed = &told["Failed"][0];
        assert_eq!((&failed["Id"], &failed["SenderFault"], &failed["Code"]), (&json!("a"), &json!(true), &json!(code)));
        let answer = house.call(Way::Post, action, &request);
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        assert!(
            text.contains("<SenderFault>true</SenderFault>") && text.contains(&format!("<Code>{code}</Code>")),
            "{text}"
        );
        assert_eq!(house.state(), before, "after {action} {entry}");
    }
}

#[test]
fn names_lists_tags_and_permissions_out_of_their_ranges_are_refused() {
    let mut house = House::open();
    let (q, dead) = (house.queue.clone(), house.dead.clone());
    let mut cases = vec![
        ("GetQueueUrl", json!({}), MISSING),
        ("GetQueueUrl", json!({"QueueName": ""}), MISSING),
        ("GetQueueUrl", json!({"QueueName": "none"}), ABSENT),
        ("GetQueueUrl", json!({"QueueName": "a b"}), ABSENT),
        ("GetQueueUrl", json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "12"}), ABSENT),
        ("GetQueueUrl", json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "123456789012"}), ABSENT),
        ("TagQueue", json!({"QueueUrl": q}), MISSING),
        ("TagQueue", json!({"QueueUrl": q, "Tags": {"aws:x": "b"}}), INVALID),
        ("TagQueue", json!({"QueueUrl": q, "Tags": {"": "b"}}), INVALID),
        ("TagQueue", json!({"QueueUrl": q, "Tags": {"x".repeat(129): "b"}}), INVALID),
        ("TagQueue", json!({"QueueUrl": q, "Tags": {"b": "x".repeat(257)}}), INVALID),
        ("TagQueue", json!({"QueueUrl": q, "Tags": {"b": "<b>"}}), INVALID),
        ("TagQueue", json!({"QueueUrl": q, "Tags": many(51)}), INVALID),
        // With the one that is there they are too many.
        ("TagQueue", json!({"QueueUrl": q, "Tags": many(50)}), INVALID),
        ("CreateQueue", json!({"QueueName": "another", "tags": many(51)}), INVALID),
        ("CreateQueue", json!({"QueueName": "another", "tags": {"AWS:x": "b"}}), INVALID),
        ("UntagQueue", json!({"QueueUrl": q}), MISSING),
        ("UntagQueue", json!({"QueueUrl": q, "TagKeys": []}), MISSING),
        ("UntagQueue", json!({"QueueUrl": q, "TagKeys": ["a", ""]}), INVALID),
        ("UntagQueue", json!({"QueueUrl": q, "TagKeys": ["a", "x".repeat(129)]}), INVALID),
        ("UntagQueue", json!({"QueueUrl": q, "TagKeys": vec!["a"; 51]}), INVALID),
        ("RemovePermission", json!({"QueueUrl": q}), MISSING),
        ("RemovePermission", json!({"QueueUrl": q, "Label": ""}), MISSING),
        ("RemovePermission", json!({"QueueUrl": q, "Label": "none"}), INVALID),
        ("RemovePermission", json!({"QueueUrl": q, "Label": "a b"}), INVALID),
    ];
    for max in [0, -1, 1_001, i32::MAX, i32::MIN] {
        cases.push(("ListQueues", json!({"MaxResults": max}), INVALID));
        cases.push(("ListDeadLetterSourceQueues", json!({"QueueUrl": dead, "MaxResults": max}), INVALID));
    }
    for token in ["none", "=", &"A".repeat(100), &"A".repeat(10_000)] {
        cases.push(("ListQueues", json!({"MaxResults": 1, "NextToken": token}), INVALID));
        cases.push(("ListDeadLetterSourceQueues", json!({"QueueUrl": dead, "NextToken": token}), INVALID));
    }
    let mut permission = |change: (&str, Value), code| {
        let mut request =
            json!({"QueueUrl": q, "Label": "one", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]});
        request[change.0] = change.1;
        cases.push(("AddPermission", request, code));
    };
    for label in ["kept", "a b", "ä", "a.b", &"x".repeat(81)] {
        permission(("Label", json!(label)), INVALID);
    }
    for label in [json!(null), json!("")] {
        permission(("Label", label), MISSING);
    }
    for accounts in [json!([]), json!(["12"]), json!(["123456789012", "x"]), json!(["1234567890123"]), json!(["*"])] {
        permission(("AWSAccountIds", accounts), INVALID);
    }
    permission(("AWSAccountIds", json!(vec!["123456789012"; 51])), "OverLimit");
    permission(("Actions", json!([])), MISSING);
    for action in ["Nothing", "CreateQueue", "sendmessage", "SQS:SendMessage", "SendMessageBatch", ""] {
        permission(("Actions", json!([action])), INVALID);
    }
    permission(("Actions", json!(vec!["SendMessage"; 8])), "OverLimit");
    permission(("Actions", json!(vec!["SendMessage"; 1_000])), "OverLimit");
    house.refuses_all(&cases);
}

fn many(count: usize) -> Value {
    (0..count).map(|at| (format!("tag-{at}"), Value::from("b"))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn move_tasks_that_cannot_be_are_refused() {
    let mut house = House::open();
    let mut cases = vec![("CancelMessageMoveTask", json!({}), MISSING)];
    for handle in ["none", "=", &"A".repeat(1_000)] {
        cases.push(("CancelMessageMoveTask", json!({"TaskHandle": handle}), INVALID));
    }
    for action in ["StartMessageMoveTask", "ListMessageMoveTasks"] {
        cases.push((action, json!({}), MISSING));
        cases.push((action, json!({"SourceArn": ""}), MISSING));
        for arn in [
            "dead",
            "arn",
            "arn:aws:sqs:us-east-1:000000000000",
            "arn:aws:sqs:us-east-1:0:dead",
            "arn:aws:sns:us-east-1:000000000000:dead",
            "arn:aws:sqs::000000000000:dead",
            "urn:aws:sqs:us-east-1:000000000000:dead",
            "arn:aws:sqs:us-east-1:000000000000:de ad",
            "arn:aws:sqs:us-east-1:000000000000:",
        ] {
            cases.push((action, json!({"SourceArn": arn}), INVALID));
        }
        cases.push((action, json!({"SourceArn": arn("none")}), NO_RESOURCE));
        cases.push((action, json!({"SourceArn": "arn:aws:sqs:us-east-1:123456789012:dead"}), NO_RESOURCE));
    }
    cases.push(("StartMessageMoveTask", json!({"SourceArn": arn("jobs")}), INVALID));
    for rate in [0, -1, 501, 65_537, i32::MAX, i32::MIN] {
        let start = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": rate});
        cases.push(("StartMessageMoveTask", start, INVALID));
    }
    for (destination, code) in [
        ("jobs", INVALID),
        (&*arn("none"), NO_RESOURCE),
        (&*arn("jobs.fifo"), NO_RESOURCE),
        (&*arn("dead"), NO_RESOURCE),
    ] {
        let start = json!({"SourceArn": arn("dead"), "DestinationArn": destination});
        cases.push(("StartMessageMoveTask", start, code));
    }
    for max in [0, -1, 11, i32::MAX, i32::MIN] {
        cases.push(("ListMessageMoveTasks", json!({"SourceArn": arn("dead"), "MaxResults": max}), INVALID));
    }
    house.refuses_all(&cases);
}

#[test]
fn urls_that_lead_nowhere_are_refused_for_each_action() {
    let mut house = House::open();
    let before = house.state();
    let endpoint = house.server.endpoint();
    let long = format!("{endpoint}/000000000000/{}", "x".repeat(100_000));
    for (action, parameters) in ACTIONS {
        if !parameters.contains(&("QueueUrl", Kind::Text)) {
            continue;
        }
        let mut with = |url: Value, code: &str| {
            let mut request = right(&house, action);
            request["QueueUrl"] = url;
            house.refuses(action, &request, code);
        };
        with(json!(null), MISSING);
        with(json!(""), MISSING);
        for url in [
            "jo bs",
            "http://",
            "http://host",
            "http://host/",
            "http://host/jobs",
            "/0/jobs",
            "/000000000000/",
            "/000000000000/a b",
            "/000000000000/jobs/",
            "/000000000000/jobs\0",
            "/000000000000/jobs?a=b",
            "/000000000000/jobs#a",
            "/000000000000/%6Aobs",
            "/000000000000/../000000000000/jobs",
            "//000000000000/jobs",
            "/00000000000\u{ff10}/jobs",
            "/-00000000000/jobs",
            &long,
        ] {
            with(json!(url), ADDRESS);
        }
        // What a handle is of is known without a look, so that it is refused first.
        let by_handle = parameters.iter().any(|(name, _)| name.ends_with("ReceiptHandle"));
        let is_batch = action.ends_with("Batch");
        if !by_handle {
            with(json!(format!("{endpoint}/000000000000/none")), ABSENT);
        } else if !is_batch {
            with(json!(format!("{endpoint}/000000000000/none")), NO_HANDLE);
        }
        // Nothing is told of others' queues; to root it is open what takes a policy back, wherever.
        let rescues = ["GetQueueAttributes", "SetQueueAttributes", "RemovePermission"];
        let code = if rescues.contains(&action) { ABSENT } else { "AccessDenied" };
        with(json!(format!("{endpoint}/123456789012/jobs")), code);
        assert_eq!(house.state(), before, "after {action}");
    }
}

#[test]
fn bodies_and_heads_that_are_too_large_are_refused_in_both_protocols() {
    let mut house = House::open();
    let before = house.state();
    let host = house.server.address();
    for (way, line) in [(Way::Json, "X-Amz-Target: AmazonSQS.SendMessage\r\n"), (Way::Post, "")] {
        // Refused by what is announced: nobody waits for it.
        for length in [7 * (1 << 20) + 1, u64::from(u32::MAX) + 1, u64::MAX / 2] {
            let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{line}Content-Length: {length}\r\n\r\n");
            let mut connection = Connection::open(host, TIMEOUT).unwrap();
            connection.write(head.as_bytes()).unwrap();
            assert_refused(way, &connection.read().unwrap(), "RequestEntityTooLarge", &length.to_string());
        }
    }
    // Within the server's bound, and beyond what can be said.
    let many = "a=b&".repeat(1_000_000);
    assert_refused(Way::Post, &house.post("/", many.as_bytes()), "MalformedQueryString", "a million parameters");
    assert_eq!(house.state(), before);
}
