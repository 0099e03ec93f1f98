//! Characters that a message may not have, and that names, ids and labels may not have either.
//!
//! API Reference, SendMessage: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`.

use crate::house::{House, Way, assert_refused};
use serde_json::{Value, json};

/// All that may not be, but half pairs, which no UTF-8 can hold.
fn forbidden() -> impl Iterator<Item = char> {
    let controls = (0u8..0x20).filter(|byte| !matches!(byte, 9 | 10 | 13)).map(char::from);
    controls.chain(['\u{FFFE}', '\u{FFFF}'])
}

#[test]
fn forbidden_characters_are_refused_wherever_text_goes_into_a_message() {
    let mut house = House::open();
    let queue = house.queue.clone();
    let contents = "InvalidMessageContents";
    let attribute = |value: Value| json!({"QueueUrl": queue, "MessageBody": "a", "MessageAttributes": {"a": value}});
    let mut cases = Vec::new();
    for character in forbidden() {
        for text in [
            format!("{character}"),
            format!("{character}a"),
            format!("a{character}"),
            // Around the block by which text is looked at, and far into it.
            format!("{}{character}", "x".repeat(62)),
            format!("{}{character}", "x".repeat(63)),
            format!("{}{character}ä", "ä".repeat(1_000)),
        ] {
            cases.push(("SendMessage", json!({"QueueUrl": queue, "MessageBody": text}), contents));
        }
        let text = format!("a{character}");
        cases.push((
            "SendMessage",
            attribute(json!({"DataType": "String", "StringValue": text})),
            "InvalidParameterValue",
        ));
        let label = json!({"DataType": format!("String.{text}"), "StringValue": "b"});
        cases.push(("SendMessage", attribute(label), "InvalidParameterValue"));
        let trace = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": text}});
        let traced = json!({"QueueUrl": queue, "MessageBody": "a", "MessageSystemAttributes": trace});
        cases.push(("SendMessage", traced, contents));
    }
    house.refuses_all(&cases);
}

#[test]
fn forbidden_characters_are_refused_in_names_ids_and_labels_and_are_not_sent_back_in_xml() {
    let mut house = House::open();
    let (queue, fifo) = (house.queue.clone(), house.fifo.clone());
    let invalid = "InvalidParameterValue";
    let entries = |id: &str| json!([{"Id": id, "MessageBody": "a"}]);
    let mut cases = Vec::new();
    for character in [
        '\0',
        '\u{1}',
        '\u{8}',
        '\u{b}',
        '\u{1f}',
        '\u{7f}',
        '\u{85}',
        '\u{202e}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{10ffff}',
    ] {
        let text = format!("a{character}");
        let named = |name: &str, value: Value| json!({"QueueUrl": queue, name: value});
        cases.extend([
            ("CreateQueue", json!({"QueueName": text}), invalid),
            ("CreateQueue", json!({"QueueName": "another", "Attributes": {&text: "1"}}), "InvalidAttributeName"),
            ("CreateQueue", json!({"QueueName": "another", "tags": {&text: "1"}}), invalid),
            ("GetQueueUrl", json!({"QueueName": text}), "AWS.SimpleQueueService.NonExistentQueue"),
            ("SetQueueAttributes", named("Attributes", json!({"DelaySeconds": text})), "InvalidAttributeValue"),
            ("SetQueueAttributes", named("Attributes", json!({"KmsMasterKeyId": "\u{1}"})), "InvalidAttributeValue"),
            ("GetQueueAttributes", named("AttributeNames", json!([text])), "InvalidAttributeName"),
            ("ReceiveMessage", named("AttributeNames", json!([text])), "InvalidAttributeName"),
            ("TagQueue", named("Tags", json!({"b": text})), invalid),
            ("UntagQueue", named("TagKeys", json!([text])), invalid),
            ("RemovePermission", named("Label", json!(text)), invalid),
            ("DeleteMessage", named("ReceiptHandle", json!(text)), "ReceiptHandleIsInvalid"),
            ("SendMessageBatch", named("Entries", entries(&text)), "AWS.SimpleQueueService.InvalidBatchEntryId"),
            ("SendMessage", json!({"QueueUrl": queue, "MessageBody": "b", "MessageGroupId": text}), invalid),
            (
                "SendMessage",
                json!({"QueueUrl": fifo, "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": text}),
                invalid,
            ),
            (
                "SendMessage",
                json!({"QueueUrl": queue, "MessageBody": "b", "MessageAttributes": {&text: {"DataType": "String", "StringValue": "c"}}}),
                invalid,
            ),
            ("ReceiveMessage", json!({"QueueUrl": fifo, "ReceiveRequestAttemptId": text}), invalid),
            ("ListQueues", json!({"NextToken": text}), invalid),
            ("CancelMessageMoveTask", json!({"TaskHandle": text}), invalid),
            ("StartMessageMoveTask", json!({"SourceArn": text}), invalid),
            ("PurgeQueue", json!({"QueueUrl": format!("/000000000000/{text}")}), "InvalidAddress"),
        ]);
    }
    house.refuses_all(&cases);
}

/// Between quotes JSON allows no control characters but escaped ones, and no half pairs at all.
#[test]
fn control_characters_and_half_pairs_in_json_are_no_json() {
    let mut house = House::open();
    let before = house.state();
    let queue = house.queue.clone();
    let mut bodies: Vec<Vec<u8>> = (0u8..0x20).map(|byte| vec![b'a', byte]).collect();
    bodies.extend(
        ["\\ud800", "\\udfff", "\\ud800\\ud800", "\\ud83dx", "\\u12", "\\x41", "\\"]
            .map(|text| text.as_bytes().to_vec()),
    );
    for text in bodies {
        let body = [format!("{{\"QueueUrl\":\"{queue}\",\"MessageBody\":\"").as_bytes(), &text, b"\"}"].concat();
        let answer = house.json("SendMessage", &body);
        assert_refused(Way::Json, &answer, "MalformedInput", &text.escape_ascii().to_string());
    }
    assert_eq!(house.state(), before);
}
