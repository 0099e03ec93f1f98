//! Changes whose answer was lost: the client says the same again, under the same number, and is told what it would have been told.
//! What others did in between stays as they left it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod common;

use common::{CALLER, URL, head, house::House, text};
use evenkeel_sqs::Head;
use serde_json::{Value, json};

const DEAD: &str = "http://localhost:9324/000000000012/dead";
const DEAD_ARN: &str = "arn:aws:sqs:eu-west-1:000000000012:dead";

/// A call under a number: status and answer.
fn call(house: &mut House, number: &str, action: &str, body: &Value) -> (u16, Value) {
    let target = format!("AmazonSQS.{action}");
    let head = Head { invocation: Some(number), ..head(&target) };
    let step = house.door.accept(CALLER, head, body.to_string().as_bytes());
    let response = house.finish(step);
    (response.status, serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", text(&response))))
}

/// A queue with a message, and its dead letters with another.
fn house() -> House {
    let mut house = House::new();
    let policy = json!({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": 1}).to_string();
    call(&mut house, "1", "CreateQueue", &json!({"QueueName": "dead"}));
    let attributes = json!({"RedrivePolicy": policy});
    call(&mut house, "2", "CreateQueue", &json!({"QueueName": "jobs", "Attributes": attributes}));
    house.call("SendMessage", json!({"MessageBody": "letter"}));
    house.call("ReceiveMessage", json!({"VisibilityTimeout": 0}));
    house.call("ReceiveMessage", json!({}));
    house.call("SendMessage", json!({"MessageBody": "job"}));
    house
}

/// All that can be asked about the queue.
fn state(house: &mut House) -> Vec<Value> {
    let asked = [
        ("ListQueues", json!({})),
        ("GetQueueAttributes", json!({"QueueUrl": URL, "AttributeNames": ["All", "EvenkeelGroup.g"]})),
        ("ListQueueTags", json!({"QueueUrl": URL})),
        ("ListMessageMoveTasks", json!({"SourceArn": DEAD_ARN, "MaxResults": 10})),
    ];
    asked.iter().map(|(action, body)| call(house, "", action, body).1).collect()
}

#[test]
fn a_change_that_is_repeated_is_told_the_same_and_made_once() {
    let url = |rest: Value| {
        let mut request = rest;
        request["QueueUrl"] = URL.into();
        request
    };
    let set = |name: &str, value: &str| ("SetQueueAttributes", url(json!({"Attributes": {name: value}})));
    let permission = url(json!({"Label": "l", "AWSAccountIds": ["000000000034"], "Actions": ["SendMessage"]}));
    let label = url(json!({"Label": "l"}));
    let tag = |value: &str| ("TagQueue", url(json!({"Tags": {"a": value}})));
    let untag = ("UntagQueue", url(json!({"TagKeys": ["a"]})));
    let purge = ("PurgeQueue", url(json!({})));
    let delete = ("DeleteQueue", url(json!({})));
    let create = |name: &str| ("CreateQueue", json!({"QueueName": name}));
    let start = ("StartMessageMoveTask", json!({"SourceArn": DEAD_ARN, "MaxNumberOfMessagesPerSecond": 1}));
    let send = ("SendMessage", url(json!({"MessageBody": "sent since"})));
    let add = ("AddPermission", permission.clone());
    let remove = ("RemovePermission", label.clone());
    // What was there before, the change, and what others do before it comes again.
    let cases = [
        (vec![], add.clone(), vec![]),
        (vec![], add.clone(), vec![remove.clone()]),
        (vec![], add.clone(), vec![set("Policy", "")]),
        (vec![], add.clone(), vec![delete.clone()]),
        (vec![add.clone()], remove.clone(), vec![]),
        (vec![add.clone()], remove.clone(), vec![add.clone()]),
        (vec![], create("other"), vec![]),
        (vec![], create("other"), vec![("DeleteQueue", json!({"QueueUrl": URL.replace("jobs", "other")}))]),
        (
            vec![],
            ("CreateQueue", json!({"QueueName": "other", "Attributes": {"DelaySeconds": "5"}})),
            vec![(
                "SetQueueAttributes",
                json!({"QueueUrl": URL.replace("jobs", "other"), "Attributes": {"DelaySeconds": "6"}}),
            )],
        ),
        (vec![], delete.clone(), vec![]),
        (vec![], delete.clone(), vec![create("jobs")]),
        (vec![], delete, vec![create("jobs"), send.clone()]),
        (vec![], tag("1"), vec![tag("2")]),
        (vec![tag("1")], untag.clone(), vec![tag("2")]),
        (vec![], purge.clone(), vec![]),
        (vec![], purge, vec![send]),
        (vec![], set("DelaySeconds", "5"), vec![set("DelaySeconds", "6")]),
        (vec![], set("EvenkeelGroup.g", "{\"weight\":5}"), vec![set("EvenkeelGroup.g", "{\"weight\":6}")]),
        // The next entry of the log moves the one letter; then the task waits for its next second.
        (vec![], start, vec![tag("1")]),
    ];
    for (before, (action, body), since) in cases {
        let mut house = house();
        for (number, (action, body)) in before.iter().enumerate() {
            assert_eq!(call(&mut house, &format!("before-{number}"), action, body).0, 200, "{action} {body}");
        }
        let first = call(&mut house, "mine", action, &body);
        assert_eq!(first.0, 200, "{action} {body}: {first:?}");
        for (number, (action, body)) in since.iter().enumerate() {
            assert_eq!(call(&mut house, &format!("since-{number}"), action, body).0, 200, "{action} {body}");
        }
        let left = state(&mut house);
        assert_eq!(call(&mut house, "mine", action, &body), first, "{action} {body}, after {since:?}");
        assert_eq!(state(&mut house), left, "{action} {body}, after {since:?}");
    }
}

#[test]
fn a_task_that_was_cancelled_is_told_to_have_been() {
    let mut house = house();
    let start = json!({"SourceArn": DEAD_ARN, "MaxNumberOfMessagesPerSecond": 1});
    let (_, begun) = call(&mut house, "1-", "StartMessageMoveTask", &start);
    let cancel = json!({"TaskHandle": begun["TaskHandle"]});
    let first = call(&mut house, "2-", "CancelMessageMoveTask", &cancel);
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(call(&mut house, "2-", "CancelMessageMoveTask", &cancel), first);
    assert_eq!(call(&mut house, "3-", "CancelMessageMoveTask", &cancel).0, 404, "another call is told how it is");
    assert_eq!(call(&mut house, "1-", "StartMessageMoveTask", &start), (200, begun), "nor does it begin anew");
    let counts = json!({"QueueUrl": DEAD, "AttributeNames": ["ApproximateNumberOfMessages"]});
    assert_eq!(call(&mut house, "", "GetQueueAttributes", &counts).0, 200);
}

#[test]
fn another_call_and_one_without_a_number_are_judged_by_what_there_is() {
    let mut house = house();
    let permission =
        json!({"QueueUrl": URL, "Label": "l", "AWSAccountIds": ["000000000034"], "Actions": ["SendMessage"]});
    assert_eq!(call(&mut house, "mine", "AddPermission", &permission).0, 200);
    for number in ["", "another", &"x".repeat(129)] {
        let (status, told) = call(&mut house, number, "AddPermission", &permission);
        assert_eq!(
            (status, &told["message"]),
            (400, &json!("Value l for parameter Label is invalid. Reason: Already exists."))
        );
    }
    // The number of a call does not stand for another request.
    let mut other = permission.clone();
    other["Actions"] = json!(["ReceiveMessage"]);
    assert_eq!(call(&mut house, "mine", "AddPermission", &other).0, 400);
    // What was refused is tried again.
    let remove = json!({"QueueUrl": URL, "Label": "other"});
    assert_eq!(call(&mut house, "refused", "RemovePermission", &remove).0, 400);
    let mut add = permission;
    add["Label"] = "other".into();
    assert_eq!(call(&mut house, "add", "AddPermission", &add).0, 200);
    assert_eq!(call(&mut house, "refused", "RemovePermission", &remove).0, 200);
}
