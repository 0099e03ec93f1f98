//! Parameters of the wrong kind, for every parameter of every action.

use crate::house::{House, Way, arn, assert_refused};
use evenkeel_tests::form::{encode, query_name};
use serde_json::{Value, json};

/// What a parameter holds (the API Reference's types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    /// Of texts.
    List,
    /// Of structures.
    Entries,
    /// From texts to texts.
    Map,
    /// From names to attributes of a message.
    Attributes,
}

use Kind::{Attributes, Entries, List, Map, Number, Text};

/// Every action with every parameter that it takes (API Reference, version 2012-11-05). `Entries.` stands for a member
/// of the first entry of a batch.
pub(crate) const ACTIONS: [(&str, &[(&str, Kind)]); 23] = [
    ("AddPermission", &[("QueueUrl", Text), ("Label", Text), ("AWSAccountIds", List), ("Actions", List)]),
    ("CancelMessageMoveTask", &[("TaskHandle", Text)]),
    ("ChangeMessageVisibility", &[("QueueUrl", Text), ("ReceiptHandle", Text), ("VisibilityTimeout", Number)]),
    (
        "ChangeMessageVisibilityBatch",
        &[
            ("QueueUrl", Text),
            ("Entries", Entries),
            ("Entries.Id", Text),
            ("Entries.ReceiptHandle", Text),
            ("Entries.VisibilityTimeout", Number),
        ],
    ),
    ("CreateQueue", &[("QueueName", Text), ("Attributes", Map), ("tags", Map)]),
    ("DeleteMessage", &[("QueueUrl", Text), ("ReceiptHandle", Text)]),
    (
        "DeleteMessageBatch",
        &[("QueueUrl", Text), ("Entries", Entries), ("Entries.Id", Text), ("Entries.ReceiptHandle", Text)],
    ),
    ("DeleteQueue", &[("QueueUrl", Text)]),
    ("GetQueueAttributes", &[("QueueUrl", Text), ("AttributeNames", List)]),
    ("GetQueueUrl", &[("QueueName", Text), ("QueueOwnerAWSAccountId", Text)]),
    ("ListDeadLetterSourceQueues", &[("QueueUrl", Text), ("NextToken", Text), ("MaxResults", Number)]),
    ("ListMessageMoveTasks", &[("SourceArn", Text), ("MaxResults", Number)]),
    ("ListQueueTags", &[("QueueUrl", Text)]),
    ("ListQueues", &[("QueueNamePrefix", Text), ("NextToken", Text), ("MaxResults", Number)]),
    ("PurgeQueue", &[("QueueUrl", Text)]),
    (
        "ReceiveMessage",
        &[
            ("QueueUrl", Text),
            ("AttributeNames", List),
            ("MessageSystemAttributeNames", List),
            ("MessageAttributeNames", List),
            ("MaxNumberOfMessages", Number),
            ("VisibilityTimeout", Number),
            ("WaitTimeSeconds", Number),
            ("ReceiveRequestAttemptId", Text),
        ],
    ),
    ("RemovePermission", &[("QueueUrl", Text), ("Label", Text)]),
    (
        "SendMessage",
        &[
            ("QueueUrl", Text),
            ("MessageBody", Text),
            ("DelaySeconds", Number),
            ("MessageAttributes", Attributes),
            ("MessageSystemAttributes", Attributes),
            ("MessageDeduplicationId", Text),
            ("MessageGroupId", Text),
        ],
    ),
    (
        "SendMessageBatch",
        &[
            ("QueueUrl", Text),
            ("Entries", Entries),
            ("Entries.Id", Text),
            ("Entries.MessageBody", Text),
            ("Entries.DelaySeconds", Number),
            ("Entries.MessageAttributes", Attributes),
            ("Entries.MessageSystemAttributes", Attributes),
            ("Entries.MessageDeduplicationId", Text),
            ("Entries.MessageGroupId", Text),
        ],
    ),
    ("SetQueueAttributes", &[("QueueUrl", Text), ("Attributes", Map)]),
    (
        "StartMessageMoveTask",
        &[("SourceArn", Text), ("DestinationArn", Text), ("MaxNumberOfMessagesPerSecond", Number)],
    ),
    ("TagQueue", &[("QueueUrl", Text), ("Tags", Map)]),
    ("UntagQueue", &[("QueueUrl", Text), ("TagKeys", List)]),
];

/// JSON that is no value of that kind. Numbers are 32 bits wide in SQS's model.
fn wrong(kind: Kind) -> Vec<String> {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let mut wrong = vec!["true".to_owned(), deep("[", "]")];
    // An attribute that says nothing that is known is no attribute, but of the right kind.
    wrong.extend((kind != Attributes).then(|| deep("{\"a\":", "}")));
    let others: &[&str] = match kind {
        Text => &["7", "-1", "1.5", "9223372036854775808", "[]", "[\"a\"]", "{}", "{\"a\":\"b\"}", "\"\\ud800\""],
        Number => &[
            "\"soon\"",
            "\"\"",
            "1.5",
            "2147483648",
            "-2147483649",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999999999999999999999",
            "1e999",
            "-1e999",
            "NaN",
            "0x10",
            "[]",
            "[1]",
            "{}",
        ],
        List => &["\"a\"", "7", "{}", "{\"a\":\"b\"}", "[7]", "[true]", "[[]]", "[{}]", "[null]"],
        // A structure is an object, whatever a list of its members in their order would mean.
        Entries => &[
            "\"a\"",
            "7",
            "{}",
            "{\"a\":\"b\"}",
            "[7]",
            "[true]",
            "[\"a\"]",
            "[[]]",
            "[null]",
            "[[\"a\",\"b\"]]",
            "[[\"a\",\"b\",1]]",
            "[[\"a\",\"b\",null,null,null,null,null]]",
        ],
        Map => {
            &["\"a\"", "7", "[]", "[\"a\"]", "{\"a\":7}", "{\"a\":[]}", "{\"a\":{}}", "{\"a\":true}", "{\"a\":null}"]
        }
        Attributes => &[
            "\"a\"",
            "7",
            "[]",
            "[\"a\"]",
            "{\"a\":7}",
            "{\"a\":\"b\"}",
            "{\"a\":[]}",
            "{\"a\":null}",
            "{\"a\":[\"String\",\"b\",null,null,null]}",
            "{\"a\":{\"DataType\":7,\"StringValue\":\"b\"}}",
            "{\"a\":{\"DataType\":\"String\",\"StringValue\":7}}",
            "{\"a\":{\"DataType\":\"Number\",\"StringValue\":7}}",
            "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":[1,2]}}",
            "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":true}}",
            "{\"a\":{\"DataType\":\"String\",\"StringValue\":\"b\",\"StringListValues\":\"c\"}}",
            "{\"a\":{\"DataType\":\"String\",\"DataType\":\"String\",\"StringValue\":\"b\"}}",
        ],
    };
    wrong.extend(others.iter().map(|&other| other.to_owned()));
    wrong
}

/// What would have an effect, or at least an answer, without the parameter that is made wrong.
pub(crate) fn right(house: &House, action: &str) -> Value {
    let handle = &*house.handle;
    let mut request = match action {
        "AddPermission" => json!({"Label": "one", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]}),
        "CreateQueue" => return json!({"QueueName": "another"}),
        "GetQueueUrl" => return json!({"QueueName": "jobs"}),
        "ListQueues" => return json!({}),
        "CancelMessageMoveTask" => return json!({"TaskHandle": "none"}),
        "ListMessageMoveTasks" | "StartMessageMoveTask" => return json!({"SourceArn": arn("dead")}),
        "ChangeMessageVisibility" => json!({"ReceiptHandle": handle, "VisibilityTimeout": 0}),
        "DeleteMessage" => json!({"ReceiptHandle": handle}),
        "ChangeMessageVisibilityBatch" => {
            json!({"Entries": [{"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 0}]})
        }
        "DeleteMessageBatch" => json!({"Entries": [{"Id": "a", "ReceiptHandle": handle}]}),
        "RemovePermission" => json!({"Label": "kept"}),
        "SendMessage" => json!({"MessageBody": "sent"}),
        "SendMessageBatch" => json!({"Entries": [{"Id": "a", "MessageBody": "sent"}]}),
        "SetQueueAttributes" => json!({"Attributes": {"DelaySeconds": "9"}}),
        "TagQueue" => json!({"Tags": {"a": "changed"}}),
        "UntagQueue" => json!({"TagKeys": ["a"]}),
        _ => json!({}),
    };
    request["QueueUrl"] = house.queue.as_str().into();
    request
}

/// The right request as JSON with that parameter made wrong.
fn spoiled(house: &House, action: &str, parameter: &str, wrong: &str) -> String {
    let mut request = right(house, action);
    match parameter.strip_prefix("Entries.") {
        Some(member) => request["Entries"][0][member] = "$WRONG".into(),
        None => request[parameter] = "$WRONG".into(),
    }
    request.to_string().replace("\"$WRONG\"", wrong)
}

#[test]
fn json_of_the_wrong_kind_is_refused_for_each_parameter_and_changes_nothing() {
    let mut house = House::open();
    let before = house.state();
    for (action, parameters) in ACTIONS {
        for (parameter, kind) in parameters {
            for wrong in wrong(*kind) {
                let body = spoiled(&house, action, parameter, &wrong);
                let shown: String = wrong.chars().take(40).collect();
                let answer = house.json(action, body.as_bytes());
                assert_refused(Way::Json, &answer, "MalformedInput", &format!("{action}, {parameter}: {shown}"));
            }
            // Twice is once too often, even if both are the same.
            if !parameter.contains('.') {
                let value = match kind {
                    Text => "\"a\"",
                    Number => "1",
                    List | Entries => "[]",
                    Map | Attributes => "{}",
                };
                let body = format!("{{\"{parameter}\":{value},\"{parameter}\":{value}}}");
                let answer = house.json(action, body.as_bytes());
                assert_refused(Way::Json, &answer, "MalformedInput", &format!("{action}: {body}"));
            }
            let body = spoiled(&house, action, parameter, "\"$\"");
            let invalid: [&[u8]; 5] = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"];
            for invalid in invalid {
                let at = body.find('$').unwrap();
                let body = [&body.as_bytes()[..at], invalid, &body.as_bytes()[at + 1..]].concat();
                let what = format!("{action}, {parameter}: {}", invalid.escape_ascii());
                assert_refused(Way::Json, &house.json(action, &body), "MalformedInput", &what);
            }
        }
        assert_eq!(house.state(), before, "after {action}");
    }
}

#[test]
fn what_is_no_object_is_no_request_of_any_action() {
    let mut house = House::open();
    let before = house.state();
    for (action, _) in ACTIONS {
        let right = right(&house, action).to_string();
        for body in [
            "",
            " ",
            "null",
            "7",
            "\"a\"",
            "[]",
            "[[]]",
            "{",
            "}",
            "{]",
            "{\"a\"}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":1}{}",
            "{}\0",
            "//\n{}",
            &format!("[{right}]"),
            &format!("{right}x"),
            &format!("\u{feff}{right}"),
            &format!("{right}{right}"),
            &right[..right.len() - 1],
            &right[1..],
        ] {
            let shown: String = body.chars().take(60).collect();
            let answer = house.json(action, body.as_bytes());
            assert_refused(Way::Json, &answer, "MalformedInput", &format!("{action}: {shown}"));
        }
        let utf16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_refused(Way::Json, &house.json(action, &utf16), "MalformedInput", action);
        assert_eq!(house.state(), before, "after {action}");
    }
    // What is not known is passed over, however deep, as long as it is JSON.
    let deep = format!("{{\"Unknown\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(house.json("ListQueues", deep.as_bytes()).status, 200);
    assert_refused(Way::Json, &house.json("ListQueues", &deep.as_bytes()[..150_000]), "MalformedInput", "half of it");
}

/// The right request as a form, without that parameter.
fn form_without(house: &House, action: &str, parameter: &str) -> String {
    let mut request = right(house, action);
    match parameter.strip_prefix("Entries.") {
        Some(member) => drop(request["Entries"][0].as_object_mut().unwrap().remove(member)),
        None => drop(request.as_object_mut().unwrap().remove(parameter)),
    }
    evenkeel_tests::form::form(action, &request)
}

/// A parameter's name in a form.
fn name_of(action: &str, parameter: &str) -> String {
    match parameter.strip_prefix("Entries.") {
        Some(member) => format!("{action}RequestEntry.1.{}", query_name(action, member).0),
        None => query_name(action, parameter).0,
    }
}

#[test]
fn forms_with_numbers_that_are_none_are_refused_in_each_way_of_sending_them() {
    let mut house = House::open();
    let before = house.state();
    for (action, parameters) in ACTIONS {
        for (parameter, _) in parameters.iter().filter(|(_, kind)| *kind == Number) {
            let rest = form_without(&house, action, parameter);
            let name = name_of(action, parameter);
            for wrong in [
                "soon",
                "",
                " 1",
                "1 ",
                "1.5",
                "1.0",
                "2147483648",
                "-2147483649",
                "9223372036854775808",
                "99999999999999999999999999999999",
                "1e3",
                "0x10",
                "1_000",
                "1,000",
                "--1",
                "\u{ff11}",
                "true",
                "1\0",
                "1\n",
            ] {
                let form = format!("{rest}&{name}={}", encode(wrong));
                let what = format!("{action}, {name}={wrong:?}");
                for path in ["/", &house.path()] {
                    assert_refused(Way::Post, &house.post(path, form.as_bytes()), "MalformedInput", &what);
                    assert_refused(Way::Get, &house.get(path, &form), "MalformedInput", &what);
                }
            }
        }
        assert_eq!(house.state(), before, "after {action}");
    }
}

#[test]
fn forms_that_give_a_parameter_another_shape_or_twice_are_refused() {
    let mut house = House::open();
    let before = house.state();
    for (action, parameters) in ACTIONS {
        for (parameter, kind) in parameters {
            let rest = form_without(&house, action, parameter);
            let name = name_of(action, parameter);
            let wrong = match kind {
                Text | Number => vec![
                    format!("{name}.1=1"),
                    format!("{name}.x=1"),
                    format!("{name}.=1"),
                    format!("{name}=1&{name}=1"),
                    format!("{name}=1&{name}.1=1"),
                ],
                List => vec![
                    format!("{name}.1.x=a"),
                    format!("{name}.1.2=a"),
                    format!("{name}.1=a&{name}.1=a"),
                    format!("{name}.1=a&{name}.01=a"),
                    format!("{name}.4294967296=a"),
                    format!("{name}.99999999999999999999=a"),
                    format!("{name}.-1=a"),
                    format!("{name}.x=a"),
                ],
                Entries => vec![
                    format!("{name}.1=a"),
                    format!("{name}.1.Id=a&{name}.1.Id=a"),
                    format!("{name}.1.Id=a&{name}.01.Id=a"),
                    format!("{name}.1.Id.x=a"),
                    format!("{name}.4294967296.Id=a"),
                ],
                Map | Attributes => vec![
                    format!("{name}.1.Name=a&{name}.1.Key=a&{name}.1.Name=b&{name}.1.Key=b&{name}.1.Value=c"),
                    format!("{name}.1.Name.x=a&{name}.1.Key.x=a&{name}.1.Value=c"),
                    format!("{name}.4294967296.Name=a&{name}.4294967296.Key=a&{name}.4294967296.Value=c"),
                ],
            };
            for wrong in wrong {
                let answer = house.post("/", format!("{rest}&{wrong}").as_bytes());
                assert_refused(Way::Post, &answer, "ConflictingQueryParameter", &format!("{action}: {wrong}"));
            }
            if matches!(kind, Map | Attributes) {
                for half in
                    [format!("{name}.1.Name=a&{name}.1.Key=a"), format!("{name}.1.Value=a"), format!("{name}.1=a")]
                {
                    let answer = house.post("/", format!("{rest}&{half}").as_bytes());
                    assert_refused(Way::Post, &answer, "MissingParameter", &format!("{action}: {half}"));
                }
            }
        }
        assert_eq!(house.state(), before, "after {action}");
    }
}
