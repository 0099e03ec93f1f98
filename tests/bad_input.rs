//! Parameters of the wrong kind, for every parameter of every action and in both protocols: the protocol's own error,
//! and nothing is changed by it.
//!
//! The server takes unsigned requests here, so that each request is what the table says and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::{Launch, Server};
use serde_json::{Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a parameter holds (the API Reference's types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    List,
    Map,
}

use Kind::{List, Map, Number, Text};

/// Every action with every parameter that it takes (API Reference, version 2012-11-05). `Entries.` stands for a member
/// of the first entry of a batch.
const ACTIONS: [(&str, &[(&str, Kind)]); 23] = [
    ("AddPermission", &[("QueueUrl", Text), ("Label", Text), ("AWSAccountIds", List), ("Actions", List)]),
    ("CancelMessageMoveTask", &[("TaskHandle", Text)]),
    ("ChangeMessageVisibility", &[("QueueUrl", Text), ("ReceiptHandle", Text), ("VisibilityTimeout", Number)]),
    (
        "ChangeMessageVisibilityBatch",
        &[
            ("QueueUrl", Text),
            ("Entries", List),
            ("Entries.Id", Text),
            ("Entries.ReceiptHandle", Text),
            ("Entries.VisibilityTimeout", Number),
        ],
    ),
    ("CreateQueue", &[("QueueName", Text), ("Attributes", Map), ("tags", Map)]),
    ("DeleteMessage", &[("QueueUrl", Text), ("ReceiptHandle", Text)]),
    (
        "DeleteMessageBatch",
        &[("QueueUrl", Text), ("Entries", List), ("Entries.Id", Text), ("Entries.ReceiptHandle", Text)],
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
            ("MessageAttributes", Map),
            ("MessageSystemAttributes", Map),
            ("MessageDeduplicationId", Text),
            ("MessageGroupId", Text),
        ],
    ),
    (
        "SendMessageBatch",
        &[
            ("QueueUrl", Text),
            ("Entries", List),
            ("Entries.Id", Text),
            ("Entries.MessageBody", Text),
            ("Entries.DelaySeconds", Number),
            ("Entries.MessageAttributes", Map),
            ("Entries.MessageSystemAttributes", Map),
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
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut wrong = vec!["true".to_owned(), deep];
    let others: &[&str] = match kind {
        Text => &["7", "-1", "1.5", "9223372036854775808", "[]", "[\"a\"]", "{}", "{\"a\":\"b\"}"],
        Number => &[
            "\"soon\"",
            "\"\"",
            "1.5",
            "2147483648",
            "-2147483649",
            "9223372036854775808",
            "-9223372036854775809",
            "1e999",
            "[]",
            "[1]",
            "{}",
        ],
        List => &["\"a\"", "7", "{}", "{\"a\":\"b\"}", "[7]", "[true]", "[[]]"],
        Map => &["\"a\"", "7", "[]", "[\"a\"]", "{\"a\":7}", "{\"a\":[]}", "{\"a\":true}"],
    };
    wrong.extend(others.iter().map(|&other| other.to_owned()));
    wrong
}

/// What would have an effect, or at least an answer, without the parameter that is made wrong.
fn right(action: &str, queue: &str) -> Value {
    let mut request = match action {
        "AddPermission" => json!({"Label": "one", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]}),
        "CreateQueue" => return json!({"QueueName": "another"}),
        "GetQueueUrl" => return json!({"QueueName": "jobs"}),
        "ListQueues" => return json!({}),
        "CancelMessageMoveTask" => return json!({"TaskHandle": "none"}),
        "ListMessageMoveTasks" | "StartMessageMoveTask" => {
            return json!({"SourceArn": "arn:aws:sqs:us-east-1:000000000000:jobs"});
        }
        "ChangeMessageVisibility" => json!({"ReceiptHandle": "none", "VisibilityTimeout": 0}),
        "DeleteMessage" => json!({"ReceiptHandle": "none"}),
        "ChangeMessageVisibilityBatch" => {
            json!({"Entries": [{"Id": "a", "ReceiptHandle": "none", "VisibilityTimeout": 0}]})
        }
        "DeleteMessageBatch" => json!({"Entries": [{"Id": "a", "ReceiptHandle": "none"}]}),
        "RemovePermission" => json!({"Label": "kept"}),
        "SendMessage" => json!({"MessageBody": "sent"}),
        "SendMessageBatch" => json!({"Entries": [{"Id": "a", "MessageBody": "sent"}]}),
        "SetQueueAttributes" => json!({"Attributes": {"DelaySeconds": "9"}}),
        "TagQueue" => json!({"Tags": {"a": "changed"}}),
        "UntagQueue" => json!({"TagKeys": ["a"]}),
        _ => json!({}),
    };
    request["QueueUrl"] = queue.into();
    request
}

/// The right request as JSON with that parameter made wrong.
fn spoiled(action: &str, queue: &str, parameter: &str, wrong: &str) -> String {
    let mut request = right(action, queue);
    match parameter.strip_prefix("Entries.") {
        Some(member) => request["Entries"][0][member] = "$WRONG".into(),
        None => request[parameter] = "$WRONG".into(),
    }
    request.to_string().replace("\"$WRONG\"", wrong)
}

/// A server with one queue, in which there is one of everything that a request could change.
struct House {
    server: Server,
    connection: Connection,
    queue: String,
}

impl House {
    fn open() -> Self {
        let server = Launch::default().argument("--insecure-no-auth").start();
        let mut client = server.client();
        let queue = client.create_queue("jobs", &json!({})).unwrap();
        client.send(&queue, "kept", None).unwrap();
        client.call("TagQueue", &json!({"QueueUrl": queue, "Tags": {"a": "kept"}})).unwrap();
        let permission =
            json!({"QueueUrl": queue, "Label": "kept", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]});
        client.call("AddPermission", &permission).unwrap();
        let connection = Connection::open(server.address(), TIMEOUT).unwrap();
        Self { server, connection, queue }
    }

    /// All that can be asked about it.
    fn state(&self) -> Vec<Value> {
        let mut client = self.server.client();
        let queue = &self.queue;
        let asked = [
            ("ListQueues", json!({})),
            ("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": ["All"]})),
            ("ListQueueTags", json!({"QueueUrl": queue})),
            ("ListMessageMoveTasks", json!({"SourceArn": "arn:aws:sqs:us-east-1:000000000000:jobs"})),
        ];
        asked.iter().map(|(action, request)| client.call(action, request).unwrap()).collect()
    }

    fn exchange(&mut self, head: &str, body: &[u8]) -> Answer {
        let host = self.server.address();
        let length = body.len();
        let mut request = format!("{head}Host: {host}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        request.extend_from_slice(body);
        self.connection.write(&request).unwrap();
        let answer = self.connection.read().unwrap();
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.connection = Connection::open(host, TIMEOUT).unwrap();
        }
        answer
    }

    fn json(&mut self, action: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n"
        );
        self.exchange(&head, body)
    }

    /// The same form in each of the four ways that it can be sent.
    fn query(&mut self, form: &str) -> Vec<Answer> {
        let path = format!("/{}", self.queue.splitn(4, '/').nth(3).unwrap());
        let mut answers = Vec::new();
        for path in ["/", &path] {
            let post = format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n");
            answers.push(self.exchange(&post, form.as_bytes()));
            answers.push(self.exchange(&format!("GET {path}?{form} HTTP/1.1\r\n"), b""));
        }
        answers
    }
}

/// The error's shape in JSON, with its name in the header beside it.
fn assert_json_error(answer: &Answer, names: &[(&str, &str)], what: &str) {
    let what = format!("{what}: {} {}", answer.status, answer.text());
    assert_eq!(answer.status, 400, "{what}");
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.0"), "{what}");
    assert!(answer.header("x-amzn-requestid").is_some_and(|id| !id.is_empty()), "{what}");
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{what}"));
    let shape = body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap();
    let code = answer.header("x-amzn-query-error").unwrap_or_default();
    assert!(names.iter().any(|(s, c)| *s == shape && code == format!("{c};Sender")), "{what} ({code})");
    assert!(body["message"].is_string(), "{what}");
}

/// The error's shape in XML.
fn assert_xml_error(answer: &Answer, codes: &[&str], what: &str) {
    let text = answer.text();
    let what = format!("{what}: {} {text}", answer.status);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("text/xml")), "{what}");
    let id = answer.header("x-amzn-requestid").unwrap_or_else(|| panic!("{what}"));
    assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{what}");
    assert!(text.contains("<ErrorResponse") && text.contains("<Type>Sender</Type>"), "{what}");
    assert!(codes.iter().any(|code| text.contains(&format!("<Code>{code}</Code>"))), "{what}");
}

const MALFORMED: (&str, &str) = ("SerializationException", "MalformedInput");

#[test]
fn json_of_the_wrong_kind_is_refused_for_each_parameter_and_changes_nothing() {
    let mut house = House::open();
    let before = house.state();
    for (action, parameters) in ACTIONS {
        for (parameter, kind) in parameters {
            for wrong in wrong(*kind) {
                let body = spoiled(action, &house.queue, parameter, &wrong);
                let shown: String = wrong.chars().take(40).collect();
                let answer = house.json(action, body.as_bytes());
                assert_json_error(&answer, &[MALFORMED], &format!("{action}, {parameter}: {shown}"));
            }
            // Twice is once too often, even if both are the same.
            if !parameter.contains('.') {
                let value = match kind {
                    Text => "\"a\"",
                    Number => "1",
                    List => "[]",
                    Map => "{}",
                };
                let body = format!("{{\"{parameter}\":{value},\"{parameter}\":{value}}}");
                assert_json_error(&house.json(action, body.as_bytes()), &[MALFORMED], &format!("{action}: {body}"));
            }
            let body = spoiled(action, &house.queue, parameter, "\"$\"");
            let body: Vec<u8> =
                body.bytes().flat_map(|byte| if byte == b'$' { vec![0xff] } else { vec![byte] }).collect();
            let answer = house.json(action, &body);
            assert_json_error(&answer, &[MALFORMED], &format!("{action}, {parameter}: invalid UTF-8"));
        }
        assert_eq!(house.state(), before, "after {action}");
    }
}

#[test]
fn forms_with_numbers_that_are_none_are_refused_in_each_way_of_sending_them() {
    let mut house = House::open();
    let before = house.state();
    let queue = house.queue.clone();
    for (action, parameters) in ACTIONS {
        for (parameter, _) in parameters.iter().filter(|(name, kind)| *kind == Number && !name.contains('.')) {
            for wrong in ["soon", "1.5", "2147483648", "-2147483649", "9223372036854775808", "1e3", "0x10", "%EF%BC%91"]
            {
                let mut form = format!("Version=2012-11-05&Action={action}&{parameter}={wrong}");
                for (name, value) in right(action, &queue).as_object().unwrap() {
                    if let Some(value) = value.as_str() {
                        form.push_str(&format!("&{name}={value}"));
                    }
                }
                for answer in house.query(&form) {
                    assert_xml_error(&answer, &["MalformedInput"], &format!("{action}, {parameter}={wrong}"));
                }
            }
        }
        assert_eq!(house.state(), before, "after {action}");
    }
}
