//! The wire as a client sees it: questions to the bytes of AWS JSON 1.0, answers back.
//!
//! Written against the protocol, not against the door, so that a mistake of the door does not cancel out.

use crate::ask::{Ask, Message, Told};
use evenkeel_sqs::Response;
use serde_json::{Map, Value, json};

/// The account that all simulated clients belong to.
pub const ACCOUNT: &str = "000000000001";

/// A request on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// `X-Amz-Target`.
    pub target: &'static str,
    /// The JSON body.
    pub body: Vec<u8>,
}

fn url(queue: &str) -> String {
    format!("http://localhost:9324/{ACCOUNT}/{queue}")
}

/// The bytes of a question.
#[must_use]
pub fn encode(ask: &Ask) -> Wire {
    let (target, body) = match ask {
        Ask::Create { queue, attributes } => {
            ("AmazonSQS.CreateQueue", json!({ "QueueName": queue, "Attributes": strings(attributes) }))
        }
        Ask::Configure { queue, attributes } => {
            ("AmazonSQS.SetQueueAttributes", json!({ "QueueUrl": url(queue), "Attributes": strings(attributes) }))
        }
        Ask::Send { queue, messages, batch } => {
            let mut entries: Vec<Map<String, Value>> = messages.iter().map(message).collect();
            match entries.pop() {
                Some(mut entry) if !batch => {
                    entry.insert("QueueUrl".into(), url(queue).into());
                    ("AmazonSQS.SendMessage", Value::Object(entry))
                }
                last => {
                    entries.extend(last);
                    for (at, entry) in entries.iter_mut().enumerate() {
                        entry.insert("Id".into(), format!("e{at}").into());
                    }
                    ("AmazonSQS.SendMessageBatch", json!({ "QueueUrl": url(queue), "Entries": entries }))
                }
            }
        }
        Ask::Receive { queue, max, wait_secs, lease_secs } => (
            "AmazonSQS.ReceiveMessage",
            json!({
                "QueueUrl": url(queue),
                "MaxNumberOfMessages": max,
                "WaitTimeSeconds": wait_secs,
                "VisibilityTimeout": lease_secs,
                "AttributeNames": ["All"],
            }),
        ),
        Ask::Delete { queue, held, batch: false } => {
            let handle = held.first().map(|held| &held.handle);
            ("AmazonSQS.DeleteMessage", json!({ "QueueUrl": url(queue), "ReceiptHandle": handle }))
        }
        Ask::Delete { queue, held, batch: true } => {
            let entry = |(at, handle): (usize, &str)| json!({ "Id": format!("e{at}"), "ReceiptHandle": handle });
            let entries: Vec<Value> = held.iter().map(|held| &*held.handle).enumerate().map(entry).collect();
            ("AmazonSQS.DeleteMessageBatch", json!({ "QueueUrl": url(queue), "Entries": entries }))
        }
        Ask::Change { queue, held, lease_secs } => (
            "AmazonSQS.ChangeMessageVisibility",
            json!({ "QueueUrl": url(queue), "ReceiptHandle": held.handle, "VisibilityTimeout": lease_secs }),
        ),
        Ask::Purge { queue } => ("AmazonSQS.PurgeQueue", json!({ "QueueUrl": url(queue) })),
        Ask::DeleteQueue { queue } => ("AmazonSQS.DeleteQueue", json!({ "QueueUrl": url(queue) })),
        Ask::Counts { queue } => {
            ("AmazonSQS.GetQueueAttributes", json!({ "QueueUrl": url(queue), "AttributeNames": ["All"] }))
        }
    };
    Wire { target, body: body.to_string().into_bytes() }
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
    entry
}

/// What an answer tells.
#[must_use]
pub fn decode(ask: &Ask, response: &Response) -> Told {
    let body: Value = match serde_json::from_slice(&response.body) {
        Ok(body) => body,
        Err(error) => return Told::Garbled(format!("{error}: {}", String::from_utf8_lossy(&response.body))),
    };
    if response.status != 200 {
        let words =
            format!("{} {}", text(&body, "__type").unwrap_or_default(), text(&body, "message").unwrap_or_default());
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
        Ask::Configure { .. } | Ask::Change { .. } | Ask::Purge { .. } | Ask::DeleteQueue { .. } => Told::Done,
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
