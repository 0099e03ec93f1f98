//! `SendMessageBatch`: up to ten messages become jobs by one command.
//!
//! AWS API Reference, SendMessageBatch. A megabyte in all; an entry above the queue's own limit fails alone. But one without a group in a
//! FIFO queue fails them all, as AWS was seen to do; so do ids that are missing, if none was sent.

use super::{Call, Next, propose, respond};
use crate::{
    attributes::GivenAttributes,
    batch::{self, Batch, Entries},
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    limits::MESSAGE_BYTES_MAX,
    md5_lanes,
    message::{Draft, Message, Sums},
    query::{FAILED, Kind, MESSAGE_ATTRIBUTES, MESSAGE_SYSTEM_ATTRIBUTES, Shape, integer, list, text},
    queue_url::is_fifo,
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command, queue::EnqueueError};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        list(
            "Entries",
            "SendMessageBatchRequestEntry",
            &Kind::Structure(&[
                text("Id"),
                text("MessageBody"),
                integer("DelaySeconds"),
                MESSAGE_ATTRIBUTES,
                MESSAGE_SYSTEM_ATTRIBUTES,
                text("MessageGroupId"),
                text("MessageDeduplicationId"),
            ]),
        ),
    ],
    answer: Some(&[list("Successful", "SendMessageBatchResultEntry", &Kind::Structure(&[])), FAILED]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Entries<Entry<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<i32>,
    #[serde(borrow)]
    message_attributes: Option<GivenAttributes<'a>>,
    #[serde(borrow)]
    message_system_attributes: Option<GivenAttributes<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
}

impl batch::Entry for Entry<'_> {
    const SHAPE: &'static str = "SendMessageBatchRequestEntry";

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

impl Entry<'_> {
    fn draft<'r>(&'r self, trace: Option<&'r str>) -> Draft<'r> {
        Draft {
            body: self.message_body.as_deref(),
            delay_seconds: self.delay_seconds,
            group: self.message_group_id.as_deref(),
            deduplication_id: self.message_deduplication_id.as_deref(),
            attributes: self.message_attributes.as_ref(),
            system_attributes: self.message_system_attributes.as_ref(),
            trace,
        }
    }
}

/// The entries, those on their way with what their sender is told.
#[derive(Debug)]
pub(crate) struct Waiting {
    batch: Batch<Sums>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let entries = batch::check(request.entries.as_ref())?;
    let is_fifo = is_fifo(queue.name);
    if is_fifo && entries.iter().any(|entry| entry.message_group_id.as_deref().unwrap_or_default().is_empty()) {
        // Another code than that of a message sent alone.
        return Err(SqsError::InvalidParameterValue(SqsError::MissingParameter("MessageGroupId").to_string()));
    }
    let counted_bytes = entries.iter().map(|entry| entry.draft(None).counted_bytes()).sum();
    if counted_bytes > MESSAGE_BYTES_MAX {
        return Err(SqsError::BatchRequestTooLong(counted_bytes));
    }
    let mut batch = Batch::with_capacity(entries.len());
    let mut messages = Vec::with_capacity(entries.len());
    let sender = call.sender(queue);
    let texts: Vec<&str> = entries.iter().map(|entry| entry.message_body.as_deref().unwrap_or_default()).collect();
    for (entry, sum) in entries.iter().zip(md5_lanes::of_each(&texts)) {
        let message = entry.draft(call.head.trace).check(|_| sum, &sender, is_fifo);
        batch.push(batch::Entry::id(&**entry), message.as_ref().map(|message| message.sums).map_err(Clone::clone));
        messages.extend(message.ok());
    }
    if messages.is_empty() {
        return respond(batch.refused());
    }
    let jobs = messages.iter().map(Message::job).collect();
    let command = Command::Enqueue { queue: queue.key(), jobs, call: call.key() };
    propose(&command, super::Waiting::SendMessageBatch(Waiting { batch }))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let replies = match refusals::reply(answer)? {
            Reply::Enqueued(replies) => replies?,
            other => return Err(refusals::mismatch(other)),
        };
        let is_idless = |reply: &Result<_, EnqueueError>| matches!(reply, Err(EnqueueError::NoDedupId));
        if !replies.is_empty() && replies.iter().all(is_idless) {
            return Err(EnqueueError::NoDedupId.into());
        }
        respond(self.batch.answer(
            replies,
            |sums, enqueued| match enqueued {
                Ok(enqueued) => Ok((sums, enqueued)),
                Err(EnqueueError::BodyTooLarge { max, .. }) => Err(SqsError::entry_too_long(max)),
                Err(error) => Err(error.into()),
            },
            |json, (sums, enqueued)| sums.write(json, &door.ids, &enqueued),
        ))
    }
}
