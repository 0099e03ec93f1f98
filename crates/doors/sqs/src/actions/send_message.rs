//! `SendMessage`: one message becomes one job.
//!
//! AWS API Reference, SendMessage.

use super::{Call, Next, propose};
use crate::{
    attributes::{GivenAttributes, md5},
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    message::{Draft, Sums},
    query::{MESSAGE_ATTRIBUTES, MESSAGE_SYSTEM_ATTRIBUTES, Shape, integer, text},
    queue_url::is_fifo,
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        text("MessageBody"),
        integer("DelaySeconds"),
        MESSAGE_ATTRIBUTES,
        MESSAGE_SYSTEM_ATTRIBUTES,
        text("MessageGroupId"),
        text("MessageDeduplicationId"),
    ],
    answer: Some(&[]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
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

/// What the sender is told once the job is durable.
#[derive(Debug)]
pub(crate) struct Waiting {
    sums: Sums,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let draft = Draft {
        body: request.message_body.as_deref(),
        delay_seconds: request.delay_seconds,
        group: request.message_group_id.as_deref(),
        deduplication_id: request.message_deduplication_id.as_deref(),
        attributes: request.message_attributes.as_ref(),
        system_attributes: request.message_system_attributes.as_ref(),
        trace: call.head.trace,
    };
    let message = draft.check(md5::of, &call.sender(queue), is_fifo(queue.name))?;
    let command = Command::Enqueue { queue: queue.key(), jobs: vec![message.job()], call: call.key() };
    propose(&command, super::Waiting::SendMessage(Waiting { sums: message.sums }))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let enqueued = match refusals::reply(answer)? {
            Reply::Enqueued(enqueued) => enqueued?,
            other => return Err(refusals::mismatch(other)),
        };
        let missing = SqsError::InternalFailure("The server did not answer for this message.");
        let enqueued = enqueued.into_iter().next().ok_or(missing)??;
        let mut json = Json::with_capacity(256);
        json.open_object();
        self.sums.write(&mut json, &door.ids, &enqueued);
        json.close_object();
        super::respond(json.into_bytes())
    }
}
