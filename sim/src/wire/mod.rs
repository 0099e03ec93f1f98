//! The wire as a client sees it: questions to the bytes of SQS's protocols, answers back.
//!
//! Most questions are asked in AWS JSON 1.0, some in the older Query protocol ([`query`]), by POST and by GET. Written against the protocol, not against the door, so that a mistake of the door does not cancel out.

mod query;

use crate::ask::{Ask, Message, Told};
use evenkeel_sqs::{Head, Response};
use serde_json::{Map, Value, json};

/// The account that all simulated clients belong to.
pub const ACCOUNT: &str = "000000000001";

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.0.
    Json,
    /// Forms and XML.
    Query,
}

impl Protocol {
    /// In which protocol a question of that number is asked: every fourth by an old program.
    #[must_use]
    pub fn of(question: u64) -> Self {
        if question % 4 == 1 { Self::Query } else { Self::Json }
    }
}

/// A request on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    path: String,
    query: String,
    target: Option<String>,
    content_type: Option<&'static str>,
    invocation: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Wire {
    /// What the request says besides its body.
    #[must_use]
    pub fn head(&self) -> Head<'_> {
        Head {
            path: &self.path,
            query: &self.query,
            target: self.target.as_deref(),
            content_type: self.content_type,
            invocation: self.invocation.as_deref(),
            host: "localhost:9324",
            request_id: "simulated",
            ..Head::default()
        }
    }
}

fn url(queue: &str) -> String {
    format!("http://localhost:9324/{ACCOUNT}/{queue}")
}

/// A queue's ARN. Its region is the client's own affair.
#[must_use]
pub fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}")
}

/// The bytes of a question, and the SDK's number for the call if it has one.
#[must_use]
pub fn encode(ask: &Ask, protocol: Protocol, invocation: Option<&str>) -> Wire {
    Wire { invocation: invocation.map(str::to_owned), ..written(ask, protocol) }
}

fn written(ask: &Ask, protocol: Protocol) -> Wire {
    let (action, mut request) = request(ask);
    match protocol {
        Protocol::Json => Wire {
            path: "/".to_owned(),
            target: Some(format!("AmazonSQS.{action}")),
            content_type: Some("application/x-amz-json-1.0"),
            body: request.to_string().into_bytes(),
            ..Wire::default()
        },
        // To the queue's own path, which says which queue it is.
        Protocol::Query if matches!(ask, Ask::Receive { .. }) => {
            if let Some(members) = request.as_object_mut() {
                members.remove("QueueUrl");
            }
            let path = format!("/{ACCOUNT}/{}", ask.queue());
            Wire { path, query: query::form(action, &request), ..Wire::default() }
        }
        Protocol::Query => Wire {
            path: "/".to_owned(),
            content_type: Some("application/x-www-form-urlencoded"),
            body: query::form(action, &request).into_bytes(),
            ..Wire::default()
        },
    }
}

/// A question's action and its parameters.
fn request(ask: &Ask) -> (&'static str, Value) {
    match ask {
        Ask::Create { queue, attributes } => {
            ("CreateQueue", json!({ "QueueName": queue, "Attributes": strings(attributes) }))
        }
        Ask::Configure { queue, attributes } => {
            ("SetQueueAttributes", json!({ "QueueUrl": url(queue), "Attributes": strings(attributes) }))
        }
        Ask::Send { queue, messages, batch } => {
            let mut entries: Vec<Map<String, Value>> = messages.iter().map(message).collect();
            match entries.pop() {
                Some(mut entry) if !batch => {
                    entry.insert("QueueUrl".into(), url(queue).into());
                    ("SendMessage", Value::Object(entry))
                }
                last => {
                    entries.extend(last);
                    for (at, entry) in entries.iter_mut().enumerate() {
                        entry.insert("Id".into(), format!("e{at}").into());
                    }
                    ("SendMessageBatch", json!({ "QueueUrl": url(queue), "Entries": entries }))
                }
            }
        }
        Ask::Receive { queue, max, wait_secs, lease_secs, attempt } => (
            "ReceiveMessage",
            json!({
                "QueueUrl": url(queue),
                "MaxNumberOfMessages": max,
                "WaitTimeSeconds": wait_secs,
                "VisibilityTimeout": lease_secs,
                "ReceiveRequestAttemptId": attempt,
                "AttributeNames": ["All"],
            }),
        ),
        Ask::Delete { queue, held, batch: false } => {
            let handle = held.first().map(|held| &held.handle);
            ("DeleteMessage", json!({ "QueueUrl": url(queue), "ReceiptHandle": handle }))
        }
        Ask::Delete { queue, held, batch: true } => {
            let entry = |(at, handle): (usize, &str)| json!({ "Id": format!("e{at}"), "ReceiptHandle": handle });
            let entries: Vec<Value> = held.iter().map(|held| &*held.handle).enumerate().map(entry).collect();
            ("DeleteMessageBatch", json!({ "QueueUrl": url(queue), "Entries": entries }))
        }
        Ask::Change { queue, held, lease_secs } => (
            "ChangeMessageVisibility",
            json!({ "QueueUrl": url(queue), "ReceiptHandle": held.handle, "VisibilityTimeout": lease_secs }),
        ),
        Ask::Purge { queue } => ("PurgeQueue", json!({ "QueueUrl": url(queue) })),
        Ask::DeleteQueue { queue } => ("DeleteQueue", json!({ "QueueUrl": url(queue) })),
        Ask::Move { queue, destination, rate } => (
            "StartMessageMoveTask",
            json!({
                "SourceArn": arn(queue),
                "DestinationArn": destination.as_deref().map(arn),
                "MaxNumberOfMessagesPerSecond": rate,
            }),
        ),
        Ask::CancelMove { handle, .. } => ("CancelMessageMoveTask", json!({ "TaskHandle": handle })),
        Ask::Counts { queue } => ("GetQueueAttributes", json!({ "QueueUrl": url(queue), "AttributeNames": ["All"] })),
    }
}

fn strings(attributes: &[(String, String)]) -> Value {
    Value::Object(attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
}

fn message(message: &crate::ask::NewMessage) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("MessageBody".into(), message.body.as_str().into());
    if let Some(group) = &message.group {
        entry.insert("MessageGroupId".into(), group.as_str().into());
    }
    if let Some(delay) = message.delay_secs {
        entry.insert("DelaySeconds".into(), delay.into());
    }
    if let Some(dedup) = &message.dedup {
        entry.insert("MessageDeduplicationId".into(), dedup.as_str().into());
    }
    entry
}

/// What an answer tells.
#[must_use]
pub fn decode(ask: &Ask, protocol: Protocol, response: &Response) -> Told {
    let text = String::from_utf8_lossy(&response.body);
    let told = match protocol {
        Protocol::Json => serde_json::from_str(&text).ok(),
        Protocol::Query => query::told(request(ask).0, response.status, &text),
    };
    let Some(body) = told else { return Told::Garbled(text.into_owned()) };
    if response.status != 200 {
        let words = format!(
            "{} {}",
            self::text(&body, "__type").unwrap_or_default(),
            self::text(&body, "message").unwrap_or_default()
        );
        // What the server calls its own failure may have been done; 503 says that it was not.
        return if response.status == 500 { Told::Unclear(words) } else { Told::Refused(words) };
    }
    read(ask, &body).unwrap_or_else(|| Told::Garbled(body.to_string()))
}

fn read(ask: &Ask, body: &Value) -> Option<Told> {
    Some(match ask {
        Ask::Create { queue, .. } => {
            (text(body, "QueueUrl")? == url(queue)).then_some(())?;
            Told::Done
        }
        Ask::Configure { .. }
        | Ask::Change { .. }
        | Ask::Purge { .. }
        | Ask::DeleteQueue { .. }
        | Ask::CancelMove { .. } => Told::Done,
        Ask::Move { .. } => Told::Moving(text(body, "TaskHandle")?),
        Ask::Send { batch: false, .. } => Told::Sent(vec![Ok(text(body, "MessageId")?)]),
        Ask::Send { messages, batch: true, .. } => {
            Told::Sent(entries(body, messages.len(), |entry| text(entry, "MessageId"))?)
        }
        Ask::Receive { .. } => {
            let messages = body.get("Messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            Told::Received(messages.iter().map(received).collect::<Option<_>>()?)
        }
        Ask::Delete { batch: false, .. } => Told::Deleted(vec![true]),
        Ask::Delete { held, batch: true, .. } => {
            let entries = entries(body, held.len(), |_| Some(String::new()))?;
            Told::Deleted(entries.iter().map(Result::is_ok).collect())
        }
        Ask::Counts { .. } => {
            let attributes = body.get("Attributes")?;
            let count = |name: &str| text(attributes, name)?.parse().ok();
            Told::Counts([
                count("ApproximateNumberOfMessages")?,
                count("ApproximateNumberOfMessagesNotVisible")?,
                count("ApproximateNumberOfMessagesDelayed")?,
            ])
        }
    })
}

fn received(message: &Value) -> Option<Message> {
    let attributes = message.get("Attributes")?;
    Some(Message {
        id: text(message, "MessageId")?,
        handle: text(message, "ReceiptHandle")?,
        body: text(message, "Body")?,
        group: text(attributes, "MessageGroupId"),
        count: text(attributes, "ApproximateReceiveCount")?.parse().ok()?,
    })
}

/// The entries of a batch's answer in the order of its request; each must be there exactly once.
fn entries(body: &Value, count: usize, read: impl Fn(&Value) -> Option<String>) -> Option<Vec<Result<String, String>>> {
    let mut outcomes: Vec<Option<Result<String, String>>> = vec![None; count];
    for (list, good) in [("Successful", true), ("Failed", false)] {
        for entry in body.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
            let at: usize = text(entry, "Id")?.strip_prefix('e')?.parse().ok()?;
            let outcome = if good { Ok(read(entry)?) } else { Err(text(entry, "Code")?) };
            if outcomes.get_mut(at)?.replace(outcome).is_some() {
                return None;
            }
        }
    }
    outcomes.into_iter().collect()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}
