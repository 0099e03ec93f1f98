//! Queues' attributes that may not be, at creation and later.

use crate::house::{House, arn};
use serde_json::{Value, json};

const NAME: &str = "InvalidAttributeName";
const VALUE: &str = "InvalidAttributeValue";
const INVALID: &str = "InvalidParameterValue";

/// Attributes with a number, and their ranges (API Reference, SetQueueAttributes; the last ones are the server's own).
const NUMBERS: [(&str, i64, i64); 9] = [
    ("DelaySeconds", 0, 900),
    ("MaximumMessageSize", 1_024, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ("VisibilityTimeout", 0, 43_200),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ("EvenkeelDefaultWeight", 1, 100),
    ("EvenkeelGroupInFlightLimit", 0, u32::MAX as i64),
    ("EvenkeelJobsMax", 0, i64::MAX),
];

/// Attributes, each refused with its code whether the queue is made with them or given them.
fn refused() -> Vec<(Value, &'static str)> {
    let mut refused = Vec::new();
    for (name, min, max) in NUMBERS {
        let mut values: Vec<String> =
            ["", "soon", " 1", "1 ", "1.5", "1e2", "0x10", "+1", "-1", "1_0", "\u{ff11}", "1\0"]
                .map(str::to_owned)
                .into();
        values.push((min - 1).to_string());
        values.push((i128::from(max) + 1).to_string());
        values.push("9".repeat(40));
        if max == i64::MAX {
            // 64 bits without a sign.
            values.retain(|value| *value != "9223372036854775808");
            values.push("18446744073709551616".to_owned());
        }
        refused.extend(values.into_iter().map(|value| (json!({name: value}), VALUE)));
    }
    for name in [
        "",
        "Nothing",
        "visibilitytimeout",
        "All",
        "QueueArn",
        "ApproximateNumberOfMessages",
        "CreatedTimestamp",
        "VisibilityTimeout ",
        "VisibilityTimeout\0",
        "evenkeelJobsMax",
        &"x".repeat(10_000),
    ] {
        refused.push((json!({name: "1"}), NAME));
    }
    let dead = arn("dead");
    for policy in ["{", "[]", "7", "null", "\"a\"", "not JSON"] {
        refused.push((json!({"RedrivePolicy": policy}), VALUE));
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for (name, member) in [("RedriveAllowPolicy", "redrivePermission"), ("Policy", "Statement")] {
        refused.push((json!({name: format!("{{\"{member}\":{deep}}}")}), VALUE));
    }
    for member in ["deadLetterTargetArn", "maxReceiveCount"] {
        refused.push((json!({"RedrivePolicy": format!("{{\"{member}\":{deep}}}")}), INVALID));
    }
    let both = format!("{{\"deadLetterTargetArn\":{deep},\"maxReceiveCount\":{deep}}}");
    refused.push((json!({"RedrivePolicy": both}), INVALID));
    for policy in [
        json!({}),
        json!({"maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": dead}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": 0}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": 1_001}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": 65_537}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": u64::MAX}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": "many"}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": -1}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": [1]}),
        json!({"deadLetterTargetArn": dead, "maxReceiveCount": 1, "more": 1}),
        json!({"deadLetterTargetArn": 7, "maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": "", "maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": "dead", "maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": arn("none"), "maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": arn("jobs.fifo"), "maxReceiveCount": 1}),
        json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": 1}),
    ] {
        refused.push((json!({"RedrivePolicy": policy.to_string()}), INVALID));
    }
    for allow in [
        "{",
        "[]",
        "{}",
        "{\"redrivePermission\":\"all\"}",
        "{\"redrivePermission\":7}",
        "{\"redrivePermission\":\"byQueue\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[]}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"jobs\"]}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[7]}",
        "{\"redrivePermission\":\"denyAll\",\"sourceQueueArns\":[\"arn:aws:sqs:us-east-1:000000000000:jobs\"]}",
    ] {
        refused.push((json!({"RedriveAllowPolicy": allow}), VALUE));
    }
    let eleven = json!({"redrivePermission": "byQueue", "sourceQueueArns": vec![arn("jobs"); 11]}).to_string();
    refused.push((json!({"RedriveAllowPolicy": eleven}), VALUE));
    for policy in
        ["{", "[]", "7", "{\"Version\":\"1999-01-01\",\"Statement\":[]}", "{\"Statement\":7}", &"x".repeat(8_193)]
    {
        refused.push((json!({"Policy": policy}), VALUE));
    }
    for (name, value) in [
        ("SqsManagedSseEnabled", "yes"),
        ("SqsManagedSseEnabled", ""),
        ("KmsMasterKeyId", "a\nb"),
        ("KmsMasterKeyId", &*"x".repeat(2_049)),
        ("EvenkeelFairBy", "luck"),
        ("DeduplicationScope", "all"),
        ("FifoThroughputLimit", "none"),
        ("ContentBasedDeduplication", "1"),
    ] {
        refused.push((json!({name: value}), VALUE));
    }
    refused.push((json!({"KmsMasterKeyId": "alias/mine", "SqsManagedSseEnabled": "true"}), NAME));
    // What only FIFO queues have.
    for (name, value) in
        [("ContentBasedDeduplication", "true"), ("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")]
    {
        refused.push((json!({name: value}), NAME));
    }
    refused.push((json!({"FifoQueue": "false"}), NAME));
    let many: serde_json::Map<_, _> = (0..100).map(|at| (format!("name-{at}"), json!("1"))).collect();
    refused.push((many.into(), INVALID));
    refused
}

#[test]
fn no_queue_is_made_with_attributes_that_may_not_be() {
    let mut house = House::open();
    let create = |attributes: Value| json!({"QueueName": "another", "Attributes": attributes});
    let mut cases: Vec<_> = refused().into_iter().map(|(given, code)| ("CreateQueue", create(given), code)).collect();
    // Groups have their shares once the queue is there.
    let share = json!({"EvenkeelGroup.a": "{\"weight\":5}"});
    cases.push(("CreateQueue", create(share), "AWS.SimpleQueueService.UnsupportedOperation"));
    for name in ["a b", "ä", "a/b", "a.b", ".fifo", "a.fifo.fifo", "../jobs", &"x".repeat(81), &"x".repeat(10_000)] {
        cases.push(("CreateQueue", json!({"QueueName": name}), INVALID));
    }
    for absent in [json!({}), json!({"QueueName": ""}), json!({"QueueName": null})] {
        cases.push(("CreateQueue", absent, "MissingParameter"));
    }
    cases.push(("CreateQueue", json!({"QueueName": "another.fifo"}), INVALID));
    cases.push(("CreateQueue", create(json!({"FifoQueue": "true"})), INVALID));
    let other = json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "31"}});
    cases.push(("CreateQueue", other, "QueueAlreadyExists"));
    house.refuses_all(&cases);
}

#[test]
fn no_queue_is_given_attributes_that_may_not_be() {
    let mut house = House::open();
    let queue = house.queue.clone();
    let set = |attributes: Value| json!({"QueueUrl": queue, "Attributes": attributes});
    let mut cases: Vec<_> =
        refused().into_iter().map(|(given, code)| ("SetQueueAttributes", set(given), code)).collect();
    // One that may be does not help one that may not, and is not set either.
    let both = json!({"DelaySeconds": "9", "VisibilityTimeout": "43201"});
    cases.push(("SetQueueAttributes", set(both), VALUE));
    cases.push(("SetQueueAttributes", set(json!({"DelaySeconds": "9", "Nothing": "1"})), NAME));
    cases.push(("SetQueueAttributes", set(json!({"FifoQueue": "true"})), NAME));
    cases.push(("SetQueueAttributes", set(json!({})), "MissingParameter"));
    cases.push(("SetQueueAttributes", json!({"QueueUrl": queue}), "MissingParameter"));
    // A queue is not its own dead-letter queue.
    let own = json!({"deadLetterTargetArn": arn("jobs"), "maxReceiveCount": 1}).to_string();
    cases.push(("SetQueueAttributes", set(json!({"RedrivePolicy": own})), INVALID));
    for share in [
        "",
        "7",
        "[]",
        "[5,10]",
        "{\"weight\":0}",
        "{\"weight\":101}",
        "{\"weight\":256}",
        "{\"weight\":-1}",
        "{\"weight\":\"5\"}",
        "{\"in_flight_limit\":4294967296}",
        "{\"colour\":\"red\"}",
    ] {
        cases.push(("SetQueueAttributes", set(json!({"EvenkeelGroup.a": share})), VALUE));
    }
    for group in
        ["EvenkeelGroup.", "EvenkeelGroup.a b", "EvenkeelGroup.ä", &format!("EvenkeelGroup.{}", "x".repeat(129))]
    {
        cases.push(("SetQueueAttributes", set(json!({group: "{\"weight\":5}"})), VALUE));
    }
    let with_others = json!({"EvenkeelGroup.a": "{\"weight\":5}", "DelaySeconds": "9"});
    cases.push(("SetQueueAttributes", set(with_others), "AWS.SimpleQueueService.UnsupportedOperation"));
    house.refuses_all(&cases);
}

#[test]
fn attributes_that_a_queue_does_not_have_cannot_be_asked_for() {
    let mut house = House::open();
    let queue = house.queue.clone();
    let ask = |names: Value, code| ("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": names}), code);
    let mut cases = vec![ask(json!(vec!["All"; 101]), INVALID)];
    for name in
        ["", "Nothing", "all", "VisibilityTimeout ", "MessageGroupId", "EvenkeelGroup.", "\u{1}", &"x".repeat(10_000)]
    {
        cases.push(ask(json!(["All", name]), NAME));
    }
    house.refuses_all(&cases);
}
