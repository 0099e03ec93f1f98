//! The door over a real machine, and the door under garbage.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::{house::House, *};
use evenkeel_engine::Answer;
use evenkeel_machine::Reply;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn purging_and_deleting_end_what_was_there_and_nothing_else() {
    let mut house = House::new();
    house.call("CreateQueue", json!({"QueueName": "jobs"}));
    let send = |house: &mut House, text: &str| {
        house.call("SendMessage", json!({"MessageBody": text, "MessageGroupId": "g"}));
    };
    let receive = |house: &mut House| house.call("ReceiveMessage", json!({"MaxNumberOfMessages": 1}));
    send(&mut house, "a");
    send(&mut house, "b");
    let held = receive(&mut house)["Messages"][0].clone();
    assert_eq!(house.call("PurgeQueue", json!({})), json!({}));
    assert_eq!(house.call("PurgeQueue", json!({})), json!({}), "again at once");
    for name in ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] {
        assert_eq!(house.count(name), "0");
    }
    house.seconds += 60;
    assert_eq!(receive(&mut house), json!({}));
    assert_eq!(house.call("DeleteMessage", json!({"ReceiptHandle": held["ReceiptHandle"]})), json!({}));
    send(&mut house, "c");
    assert_eq!(receive(&mut house)["Messages"][0]["Body"], "c");

    send(&mut house, "d");
    let held = receive(&mut house)["Messages"][0].clone();
    assert_eq!(house.call("DeleteQueue", json!({})), json!({}));
    house.refused("ReceiveMessage", json!({}), "QueueDoesNotExist");
    house.refused("DeleteQueue", json!({}), "QueueDoesNotExist");
    house.refused("SendMessage", json!({"MessageBody": "x"}), "QueueDoesNotExist");
    house.call("CreateQueue", json!({"QueueName": "jobs", "Attributes": {"DelaySeconds": "1"}}));
    send(&mut house, "e");
    let handle = json!({"ReceiptHandle": held["ReceiptHandle"], "VisibilityTimeout": 0});
    house.refused("ChangeMessageVisibility", handle, "InvalidParameterValueException");
    assert_eq!(house.call("DeleteMessage", json!({"ReceiptHandle": held["ReceiptHandle"]})), json!({}));
    house.seconds += 2;
    assert_eq!(receive(&mut house)["Messages"][0]["Body"], "e");
    house.machine.audit().unwrap();
}

#[test]
fn a_full_queue_says_which_limit_it_is_at() {
    let mut house = House::new();
    house.call("CreateQueue", json!({"QueueName": "jobs", "Attributes": {"EvenkeelJobsMax": "2"}}));
    let entries: Vec<_> = ["a", "b", "c"].map(|id| json!({"Id": id, "MessageBody": id})).into();
    let sent = house.call("SendMessageBatch", json!({"Entries": entries}));
    assert_eq!(sent["Successful"].as_array().map(Vec::len), Some(2));
    let told = "Nothing was sent: the queue holds 2 jobs and takes no more than 2 (EvenkeelJobsMax).";
    let failed = json!([{"Id": "c", "SenderFault": true, "Code": "OverLimit", "Message": told}]);
    assert_eq!(sent["Failed"], failed);
    let refusal = house.refused("SendMessage", json!({"MessageBody": "c"}), "OverLimit");
    assert_eq!(refusal["message"], told);
    house.call("SetQueueAttributes", json!({"Attributes": {"EvenkeelJobsMax": "0", "EvenkeelBytesMax": "100"}}));
    let refusal = house.refused("SendMessage", json!({"MessageBody": "c".repeat(100)}), "OverLimit");
    assert!(refusal["message"].as_str().unwrap().ends_with("takes no more than 100 (EvenkeelBytesMax)."), "{refusal}");
    assert_eq!(house.count("EvenkeelBytesMax"), "100");
    house.call("PurgeQueue", json!({}));
    house.call("SendMessage", json!({"MessageBody": "c"}));
}

#[test]
fn a_message_goes_the_whole_way() {
    let mut house = House::new();
    assert_eq!(house.call("CreateQueue", json!({"QueueName": "jobs"})), json!({"QueueUrl": URL}));
    let text = "{\"says\": \"gr\u{fc}\u{df}e \u{1F6A2}\"}\n\t\\";
    let attributes = json!({
        "a": {"DataType": "Number", "StringValue": "1e3"},
        "b": {"DataType": "Binary.x", "BinaryValue": "AP8="},
    });
    let sent = house.call("SendMessage", json!({"MessageBody": text, "MessageAttributes": attributes}));
    let asked = json!({"MessageAttributeNames": ["All"], "AttributeNames": ["All"]});
    let got = house.call("ReceiveMessage", asked)["Messages"][0].clone();
    assert_eq!(got["Body"], text);
    assert_eq!(got["MessageId"], sent["MessageId"]);
    assert_eq!(got["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(got["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(got["MessageAttributes"], attributes);
    assert_eq!(got["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(got["Attributes"]["SentTimestamp"], "1700000000000");
    assert_eq!(house.count("ApproximateNumberOfMessagesNotVisible"), "1");
    house.call("DeleteMessage", json!({"ReceiptHandle": got["ReceiptHandle"]}));
    house.call("DeleteMessage", json!({"ReceiptHandle": got["ReceiptHandle"]}));
    assert_eq!(house.count("ApproximateNumberOfMessagesNotVisible"), "0");
    assert_eq!(house.call("ReceiveMessage", json!({})), json!({}));
}

#[test]
fn a_late_delete_does_not_remove_a_job_granted_again() {
    let mut house = House::new();
    house.call("CreateQueue", json!({"QueueName": "jobs"}));
    house.call("SendMessage", json!({"MessageBody": "x"}));
    let first = house.call("ReceiveMessage", json!({"VisibilityTimeout": 1}))["Messages"][0].clone();
    house.seconds = 5;
    house.call("GetQueueUrl", json!({"QueueName": "jobs"}));
    house.call("SetQueueAttributes", json!({"Attributes": {"EvenkeelGroup.g": "{}"}})); // time passes by entries
    let second = house.call("ReceiveMessage", json!({}))["Messages"][0].clone();
    assert_eq!(first["MessageId"], second["MessageId"]);
    assert_ne!(first["ReceiptHandle"], second["ReceiptHandle"]);
    house.call("DeleteMessage", json!({"ReceiptHandle": first["ReceiptHandle"]}));
    assert_eq!(house.count("ApproximateNumberOfMessagesNotVisible"), "1");
    house.call("DeleteMessage", json!({"ReceiptHandle": second["ReceiptHandle"]}));
    assert_eq!(house.count("ApproximateNumberOfMessagesNotVisible"), "0");
}

#[test]
fn an_undelivered_answer_gives_its_jobs_back() {
    let mut house = House::new();
    house.call("CreateQueue", json!({"QueueName": "jobs"}));
    house.call(
        "SendMessageBatch",
        json!({"Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "y"}]}),
    );
    let body = json!({"QueueUrl": URL, "MaxNumberOfMessages": 10}).to_string();
    let step = house.door.accept(CALLER, head("AmazonSQS.ReceiveMessage"), body.as_bytes());
    let response = house.finish(step);
    assert_eq!(house.count("ApproximateNumberOfMessages"), "0");
    let request = response.undelivered.unwrap();
    assert!(matches!(house.serve(&request), Answer::Reply(Reply::Done)));
    assert_eq!(house.count("ApproximateNumberOfMessages"), "2");
}

#[test]
fn weights_set_by_the_door_rule_the_turns() {
    let mut house = House::new();
    house.call("CreateQueue", json!({"QueueName": "jobs"}));
    house.call("SetQueueAttributes", json!({"Attributes": {"EvenkeelGroup.big": r#"{"weight":3}"#}}));
    for group in ["big", "small"] {
        for _ in 0..20 {
            house.call("SendMessage", json!({"MessageBody": "x", "MessageGroupId": group}));
        }
    }
    let mut big = 0;
    for _ in 0..16 {
        let got = house.call("ReceiveMessage", json!({"AttributeNames": ["MessageGroupId"]}));
        big += usize::from(got["Messages"][0]["Attributes"]["MessageGroupId"] == "big");
    }
    assert_eq!(big, 12);
}

const ACTIONS: [&str; 11] = [
    "CreateQueue",
    "GetQueueUrl",
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "GetQueueAttributes",
    "SetQueueAttributes",
];

/// JSON that looks like requests, with wrong values in every place.
fn plausible() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        (-1i64..50_000).prop_map(Value::from),
        "\\PC{0,12}|[a-z.]{0,4}|All|\\.\\*|[0-9]{1,6}|String|Number|Binary".prop_map(Value::from),
        Just(Value::from(URL)),
        Just(Value::from("EvenkeelGroup.a")),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "QueueUrl",
            "QueueName",
            "MessageBody",
            "DelaySeconds",
            "MessageAttributes",
            "MessageSystemAttributes",
            "MessageGroupId",
            "Entries",
            "Id",
            "ReceiptHandle",
            "VisibilityTimeout",
            "Attributes",
            "AttributeNames",
            "MessageAttributeNames",
            "MaxNumberOfMessages",
            "WaitTimeSeconds",
            "DataType",
            "StringValue",
            "BinaryValue",
            "AWSTraceHeader",
            "tags",
            "EvenkeelGroup.a",
            "EvenkeelFairBy",
        ])
        .prop_map(str::to_owned),
        "[a-z.]{0,3}",
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn check_any(house: &mut House, action: &str, body: &[u8]) -> Result<(), TestCaseError> {
    let step = house.door.accept(CALLER, head(&format!("AmazonSQS.{action}")), body);
    let response = house.finish(step);
    prop_assert!(matches!(response.status, 200 | 400 | 403 | 404), "{} {}", response.status, text(&response));
    prop_assert!(serde_json::from_slice::<Value>(&response.body).is_ok(), "{}", text(&response));
    prop_assert_eq!(response.query_error.is_none(), response.status == 200);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn garbage_is_answered(action in proptest::sample::select(ACTIONS.to_vec()), body: Vec<u8>, brace: bool) {
        let body = if brace { [b"{".as_slice(), &body].concat() } else { body };
        check_any(&mut House::new(), action, &body)?;
    }

    #[test]
    fn plausible_nonsense_is_answered(action in proptest::sample::select(ACTIONS.to_vec()), mut body in plausible(), whole: bool) {
        let mut house = House::new();
        house.call("CreateQueue", json!({"QueueName": "jobs"}));
        if let (Some(members), true) = (body.as_object_mut(), whole) {
            members.insert("QueueUrl".to_owned(), URL.into());
        }
        check_any(&mut house, action, body.to_string().as_bytes())?;
    }

    #[test]
    fn any_target_and_host_are_answered(target in "\\PC{0,40}", host in "\\PC{0,40}", body in "\\{\"QueueName\":\"a\"\\}") {
        for target in [&*target, "AmazonSQS.CreateQueue"] {
            let head = evenkeel_sqs::Head { target: Some(target), host: &host, tls: true, ..head("") };
            let mut house = House::new();
            let step = house.door.accept(CALLER, head, body.as_bytes());
            let response = house.finish(step);
            prop_assert!(serde_json::from_slice::<Value>(&response.body).is_ok(), "{}", text(&response));
        }
    }

    #[test]
    fn any_text_that_is_taken_comes_back(body in "\\PC{1,300}|[ -~\\n\"\\\\]{1,300}", group in "[!-~]{0,128}") {
        let mut house = House::new();
        house.call("CreateQueue", json!({"QueueName": "jobs"}));
        house.call("SendMessage", json!({"MessageBody": body, "MessageGroupId": group}));
        let got = house.call("ReceiveMessage", json!({"AttributeNames": ["All"]}));
        prop_assert_eq!(got["Messages"][0]["Body"].as_str(), Some(&*body));
        let told = got["Messages"][0]["Attributes"]["MessageGroupId"].as_str();
        prop_assert_eq!(told.unwrap_or_default(), group);
    }
}
