//! Attributes of messages that may not be (Developer Guide, "Amazon SQS message metadata").

use crate::house::{House, Way, assert_refused};
use serde_json::{Value, json};

const INVALID: &str = "InvalidParameterValue";

fn send(queue: &str, attributes: &Value) -> Value {
    json!({"QueueUrl": queue, "MessageBody": "a", "MessageAttributes": attributes})
}

#[test]
fn names_types_and_values_of_attributes_that_may_not_be_are_refused() {
    let mut house = House::open();
    let queue = house.queue.clone();
    let mut cases = Vec::new();
    let mut refused = |attributes: Value, code| cases.push(("SendMessage", send(&queue, &attributes), code));
    let text = json!({"DataType": "String", "StringValue": "b"});
    for name in [
        "",
        " ",
        ".",
        ".a",
        "a.",
        "a..b",
        "a b",
        "a/b",
        "a:b",
        "a§",
        "AWS.a",
        "aws.a",
        "Amazon.a",
        "AMAZON.A",
        "aMaZoN.",
        "a\n",
        &"x".repeat(257),
        &"x".repeat(10_000),
    ] {
        refused(json!({name: text}), INVALID);
    }
    for value in [
        json!({"DataType": null, "StringValue": "b"}),
        json!({"DataType": "", "StringValue": "b"}),
        json!({"DataType": "string", "StringValue": "b"}),
        json!({"DataType": "Text", "StringValue": "b"}),
        json!({"DataType": "Stringent", "StringValue": "b"}),
        json!({"DataType": "String.", "StringValue": "b"}),
        json!({"DataType": ".String", "StringValue": "b"}),
        json!({"DataType": " String", "StringValue": "b"}),
        json!({"DataType": format!("String.{}", "x".repeat(250)), "StringValue": "b"}),
        json!({"DataType": "String"}),
        json!({"DataType": "String", "StringValue": ""}),
        json!({"DataType": "String", "BinaryValue": "AAAA"}),
        json!({"DataType": "String", "StringValue": "b", "BinaryValue": "AAAA"}),
        json!({"DataType": "Binary", "StringValue": "b"}),
        json!({"DataType": "Binary", "BinaryValue": ""}),
        json!({"DataType": "Binary"}),
        json!({"DataType": "Number"}),
        json!({"DataType": "Number", "BinaryValue": "AAAA"}),
    ] {
        refused(json!({"a": value}), INVALID);
    }
    for number in [
        "one",
        " ",
        " 1",
        "1 ",
        "1,5",
        "1.2.3",
        ".",
        "-",
        "+",
        "--1",
        "1e",
        "1e1.5",
        "0x10",
        "1_000",
        "NaN",
        "inf",
        "Infinity",
        "\u{ff11}",
        "1\0",
        "1e127",
        "1e-129",
        "1e999999999999999999999",
        "123456789012345678901234567890123456789",
    ] {
        refused(json!({"a": {"DataType": "Number", "StringValue": number}}), INVALID);
    }
    for base64 in ["A", "AA", "AAA", "A===", "====", "AA=A", "A A=", "AAA\n", "ä===", "-_-_", "AAAA="] {
        refused(json!({"a": {"DataType": "Binary", "BinaryValue": base64}}), "MalformedInput");
    }
    for lists in [json!({"StringListValues": ["b"]}), json!({"BinaryListValues": ["AAAA"]})] {
        let mut value = json!({"DataType": "String", "StringValue": "b"});
        value.as_object_mut().unwrap().extend(lists.as_object().unwrap().clone());
        refused(json!({"a": value}), "AWS.SimpleQueueService.UnsupportedOperation");
    }
    let many = |count: usize| -> Value {
        (0..count).map(|at| (format!("name-{at}"), text.clone())).collect::<serde_json::Map<_, _>>().into()
    };
    refused(many(11), INVALID);
    refused(many(300), INVALID);
    // A good one does not help a bad one.
    refused(json!({"a": text, "b": {"DataType": "Number", "StringValue": "b"}}), INVALID);
    house.refuses_all(&cases);
}

/// JSON may name a member twice, and a form an entry; and JSON has an object of nothing.
#[test]
fn an_attribute_is_given_once_and_wholly() {
    let mut house = House::open();
    let before = house.state();
    let queue = house.queue.clone();
    let one = r#"{"DataType":"String","StringValue":"b"}"#;
    for attributes in [format!(r#"{{"a":{one},"a":{one}}}"#), r#"{"a":{}}"#.to_owned(), format!(r#"{{"":{one}}}"#)] {
        let body = format!(r#"{{"QueueUrl":"{queue}","MessageBody":"a","MessageAttributes":{attributes}}}"#);
        assert_refused(Way::Json, &house.json("SendMessage", body.as_bytes()), INVALID, &body);
    }
    let entry = |at: u32| {
        format!(
            "&MessageAttribute.{at}.Name=a&MessageAttribute.{at}.Value.DataType=String&MessageAttribute.{at}.Value.StringValue=b"
        )
    };
    let form = format!("Action=SendMessage&MessageBody=a{}{}", entry(1), entry(2));
    let path = house.path();
    let answer = house.post(&path, form.as_bytes());
    assert_refused(Way::Post, &answer, INVALID, &form);
    assert_eq!(house.state(), before);
}
