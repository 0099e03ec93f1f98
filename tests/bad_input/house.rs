//! A server with one of everything that a request could change, and what its refusals must look like.

use evenkeel_tests::form::form;
use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::{Launch, Server};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// Longer forms do not fit into a head, and go by POST alone.
const QUERY_BYTES_MAX: usize = 16 * 1_024;

/// How a call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// AWS JSON 1.0.
    Json,
    /// A form by POST.
    Post,
    /// A form in the query string.
    Get,
}

pub(crate) struct House {
    pub(crate) server: Server,
    connection: Connection,
    /// A queue with a message that waits and one in flight, a tag, a permission and a dead-letter queue.
    pub(crate) queue: String,
    /// A FIFO queue.
    pub(crate) fifo: String,
    /// The dead letters, with one task that moved none.
    pub(crate) dead: String,
    /// Of the message in flight.
    pub(crate) handle: String,
}

impl House {
    pub(crate) fn open() -> Self {
        let server = Launch::default().argument("--insecure-no-auth").start();
        let mut client = server.client();
        let dead = client.create_queue("dead", &json!({})).unwrap();
        let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 100}).to_string();
        let queue = client.create_queue("jobs", &json!({"RedrivePolicy": policy})).unwrap();
        let fifo = client.create_queue("jobs.fifo", &json!({"FifoQueue": "true"})).unwrap();
        client.send(&queue, "held", None).unwrap();
        let handle = client.receive(&queue, 1, 0, Some(3_600)).unwrap().remove(0).handle;
        client.send(&queue, "kept", None).unwrap();
        client.call("TagQueue", &json!({"QueueUrl": queue, "Tags": {"a": "kept"}})).unwrap();
        let permission =
            json!({"QueueUrl": queue, "Label": "kept", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]});
        client.call("AddPermission", &permission).unwrap();
        client.call("StartMessageMoveTask", &json!({"SourceArn": arn("dead")})).unwrap();
        let connection = Connection::open(server.address(), TIMEOUT).unwrap();
        let mut house = Self { server, connection, queue, fifo, dead, handle };
        // The task ends with the next entry of the log; then all rests.
        evenkeel_tests::wait::until("the task to end", TIMEOUT, || {
            let tasks = house.done("ListMessageMoveTasks", &json!({"SourceArn": arn("dead")}));
            tasks["Results"][0]["Status"] == "COMPLETED"
        });
        house
    }

    /// Begins anew: the server closes a connection on which nothing is asked for long.
    pub(crate) fn reconnect(&mut self) {
        self.connection = Connection::open(self.server.address(), TIMEOUT).unwrap();
    }

    /// All that can be asked about everything.
    pub(crate) fn state(&mut self) -> Vec<Value> {
        let mut asked = vec![
            ("ListQueues", json!({})),
            ("ListMessageMoveTasks", json!({"SourceArn": arn("dead"), "MaxResults": 10})),
            ("ListDeadLetterSourceQueues", json!({"QueueUrl": self.dead})),
        ];
        for queue in [&self.queue, &self.fifo, &self.dead] {
            asked.push(("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": ["All"]})));
            asked.push(("ListQueueTags", json!({"QueueUrl": queue})));
        }
        asked.iter().map(|(action, request)| self.done(action, request)).collect()
    }

    fn done(&mut self, action: &str, request: &Value) -> Value {
        let answer = self.call(Way::Json, action, request);
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Asks, and reads the answer.
    pub(crate) fn call(&mut self, way: Way, action: &str, request: &Value) -> Answer {
        match way {
            Way::Json => self.json(action, request.to_string().as_bytes()),
            Way::Post => self.post("/", form(action, request).as_bytes()),
            Way::Get => self.get("/", &form(action, request)),
        }
    }

    pub(crate) fn json(&mut self, action: &str, body: &[u8]) -> Answer {
        let head = format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n");
        self.exchange("POST", "/", &head, body)
    }

    pub(crate) fn post(&mut self, path: &str, form: &[u8]) -> Answer {
        self.exchange("POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", form)
    }

    pub(crate) fn get(&mut self, path: &str, query: &str) -> Answer {
        self.exchange("GET", &format!("{path}?{query}"), "", b"")
    }

    /// The path of the queue, to which forms without a `QueueUrl` may go.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.queue.splitn(4, '/').nth(3).unwrap())
    }

    /// A request with these lines in its head, and its answer.
    pub(crate) fn exchange(&mut self, method: &str, target: &str, lines: &str, body: &[u8]) -> Answer {
        let host = self.server.address();
        let length = body.len();
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n")
                .into_bytes();
        request.extend_from_slice(body);
        self.connection.write(&request).unwrap();
        let answer = self.connection.read().unwrap();
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.connection = Connection::open(host, TIMEOUT).unwrap();
        }
        answer
    }

    /// That a call is refused with that code however it is sent.
    pub(crate) fn refuses(&mut self, action: &str, request: &Value, code: &str) {
        let ways: &[Way] = if form(action, request).len() > QUERY_BYTES_MAX {
            &[Way::Json, Way::Post]
        } else {
            &[Way::Json, Way::Post, Way::Get]
        };
        for &way in ways {
            let answer = self.call(way, action, request);
            let mut what = format!("{action} {request}");
            what.truncate(what.char_indices().nth(400).map_or(what.len(), |(at, _)| at));
            assert_refused(way, &answer, code, &what);
        }
    }

    /// Plays a table of calls and their codes; nothing is changed by any of them.
    pub(crate) fn refuses_all(&mut self, cases: &[(&str, Value, &str)]) {
        let before = self.state();
        for (action, request, code) in cases {
            self.refuses(action, request, code);
            let mut shown = request.to_string();
            shown.truncate(shown.char_indices().nth(400).map_or(shown.len(), |(at, _)| at));
            assert_eq!(self.state(), before, "after {action} {shown}");
        }
    }
}

/// The ARN of a queue of the one account that an open server has.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

/// That an answer is that error, in the words of the way by which the call came.
#[track_caller]
pub(crate) fn assert_refused(way: Way, answer: &Answer, code: &str, what: &str) {
    let text = answer.text();
    let shown: String = text.chars().take(2_000).collect();
    let what = format!("{way:?} {what}\n  expected {code}, got {} {shown}", answer.status);
    assert_eq!(answer.status, status(code), "{what}");
    let id = answer.header("x-amzn-requestid").filter(|id| !id.is_empty()).unwrap_or_else(|| panic!("no id: {what}"));
    assert!(text.len() < 4_096, "an answer of {} bytes: {what}", text.len());
    if way == Way::Json {
        assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.0"), "{what}");
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what}"));
        let (space, shape) = shape(code);
        assert_eq!(told["__type"], format!("{space}#{shape}"), "{what}");
        assert_eq!(answer.header("x-amzn-query-error"), Some(&*format!("{code};Sender")), "{what}");
        assert!(told["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
        return;
    }
    assert_eq!(answer.header("content-type"), Some("text/xml"), "{what}");
    assert_eq!(answer.header("x-amzn-query-error"), None, "{what}");
    assert!(text.starts_with("<?xml version=\"1.0\"?><ErrorResponse xmlns=\""), "{what}");
    assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{what}");
    assert!(text.contains(&format!("<Type>Sender</Type><Code>{code}</Code><Message>")), "{what}");
    let is_xml = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    assert!(text.chars().all(is_xml), "characters that XML does not have: {what}");
}

/// HTTP's status of an error (API Reference, "Common errors", and the errors of the actions).
fn status(code: &str) -> u16 {
    match code {
        "InvalidAddress" | "ReceiptHandleIsInvalid" | "ResourceNotFoundException" | "MalformedQueryString" => 404,
        "OverLimit" | "AccessDenied" => 403,
        "RequestEntityTooLarge" => 413,
        "RequestTimeout" => 408,
        _ => 400,
    }
}

/// What JSON calls an error: its namespace and its shape.
fn shape(code: &str) -> (&'static str, String) {
    let general = match code {
        "MalformedInput" => "SerializationException",
        "InvalidAction" | "MissingAction" => "UnknownOperationException",
        "MissingParameter" => "MissingRequiredParameterException",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "AccessDenied" => "AccessDeniedException",
        "RequestEntityTooLarge" => "RequestEntityTooLargeException",
        "RequestTimeout" => "RequestTimeoutException",
        _ => "",
    };
    if !general.is_empty() {
        return ("com.amazon.coral.service", general.to_owned());
    }
    let own = match code {
        "AWS.SimpleQueueService.NonExistentQueue" => "QueueDoesNotExist",
        "QueueAlreadyExists" => "QueueNameExists",
        same => same.strip_prefix("AWS.SimpleQueueService.").unwrap_or(same),
    };
    ("com.amazonaws.sqs", own.to_owned())
}
