//! `ReceiveMessage`: jobs are leased, after a wait if there are none.
//!
//! AWS API Reference, ReceiveMessage. The answer tells of each message what was asked for and no more. Should a body not
//! be readable, the other messages are delivered and that one comes again when its lease ends; if it is the only one,
//! the call fails. `ReceiveRequestAttemptId` has no meaning on standard queues, and is read over as AWS does. A call that a client
//! repeats because it heard no answer gets the same messages again.

use super::{Call, Next, Told, ask, done};
use crate::{
    attributes::{Attribute, NameFilter, md5},
    blob::Blob,
    door::Door,
    error::SqsError,
    hex,
    json_in::{Names, Text, names, parse},
    json_out::Json,
    limits::{RECEIVE_MESSAGES_MAX, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX},
    message::is_client_id,
    query::{Kind, MESSAGE_ATTRIBUTES, Shape, integer, list, map, text},
    queue_url::{Queue, is_fifo},
    refusals,
    system_attributes::SystemAttributes,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_engine::{Again, Answer, Delivery, QueueName, Receive, Received, Request as Question, release};
use evenkeel_machine::{command::Held, queue::ReceiveError};
use evenkeel_types::{Micros, QueueId};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        list("AttributeNames", "AttributeName", &Kind::Text),
        list("MessageSystemAttributeNames", "MessageSystemAttributeName", &Kind::Text),
        list("MessageAttributeNames", "MessageAttributeName", &Kind::Text),
        integer("MaxNumberOfMessages"),
        integer("VisibilityTimeout"),
        integer("WaitTimeSeconds"),
        text("ReceiveRequestAttemptId"),
    ],
    answer: Some(&[list(
        "Messages",
        "Message",
        &Kind::Structure(&[map("Attributes", "Attribute", &Kind::Text), MESSAGE_ATTRIBUTES]),
    )]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Names<'a>>,
    #[serde(borrow)]
    message_system_attribute_names: Option<Names<'a>>,
    #[serde(borrow)]
    message_attribute_names: Option<Names<'a>>,
    max_number_of_messages: Option<i32>,
    visibility_timeout: Option<i32>,
    wait_time_seconds: Option<i32>,
    #[serde(borrow)]
    receive_request_attempt_id: Option<Text<'a>>,
}

/// What the receiver wants to be told.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    system_attributes: SystemAttributes,
    names: NameFilter,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let jobs_max = request.max_number_of_messages.unwrap_or(1);
    let jobs_max =
        u8::try_from(jobs_max).ok().filter(|_| (1..=RECEIVE_MESSAGES_MAX).contains(&jobs_max)).ok_or_else(|| {
            SqsError::value(jobs_max.to_string(), "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
        })?;
    let lease = seconds(request.visibility_timeout, "VisibilityTimeout", VISIBILITY_SECONDS_MAX)?;
    let wait = seconds(request.wait_time_seconds, "WaitTimeSeconds", WAIT_SECONDS_MAX)?;
    let waiting = Waiting {
        queue: queue.to_name(),
        system_attributes: SystemAttributes::read(
            names(request.attribute_names.as_ref())?,
            names(request.message_system_attribute_names.as_ref())?,
        )?,
        names: NameFilter::new(names(request.message_attribute_names.as_ref())?),
    };
    let attempt = request.receive_request_attempt_id.as_deref().filter(|_| is_fifo(queue.name));
    if let Some(id) = attempt.filter(|id| !is_client_id(id)) {
        let reason =
            "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
        return Err(SqsError::value(id, "ReceiveRequestAttemptId", reason));
    }
    let again = Again { call: call.key(), attempt: attempt.unwrap_or_default().into() };
    let receive = Receive { queue: queue.to_name(), jobs_max, lease, wait, again };
    ask(Question::Receive(receive), super::Waiting::ReceiveMessage(waiting))
}

fn seconds(given: Option<i32>, parameter: &str, max: i32) -> Result<Option<Micros>, SqsError> {
    match given.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(seconds)) if seconds <= max.unsigned_abs() => Ok(Some(Micros::from_secs(seconds))),
        Some(_) => {
            let value = given.unwrap_or_default().to_string();
            Err(SqsError::value(value, parameter, &format!("Must be >= 0 and <= {max}, if provided.")))
        }
    }
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let is_fifo = is_fifo(&self.queue.name);
        if is_fifo && matches!(answer, Answer::Received(Err(ReceiveError::TooManyInFlight))) {
            // As AWS: a FIFO queue with too much in flight has nothing more to give, and says no more.
            return done();
        }
        let received = refusals::received(answer)?;
        let Received { queue, jobs } = &received;
        if jobs.is_empty() {
            return done();
        }
        let bytes: usize = jobs.iter().map(|job| job.body.len() + job.body.len() / 8 + 512).sum();
        let mut json = Json::with_capacity(bytes);
        json.open_object();
        json.open_array_at("Messages");
        // Not `any`, which would stop at the first.
        let readable = jobs.iter().filter(|job| self.write(door, *queue, job, &mut json).is_some()).count();
        json.close_array();
        json.close_object();
        if readable == 0 {
            return Err(SqsError::InternalFailure("The body of a message cannot be read. See the server's log."));
        }
        // If the receiver is gone its jobs are ready again at once, first in their lanes.
        let undelivered = release(&received);
        Ok(Next::Tell(Told { json: json.into_bytes(), undelivered }))
    }

    /// Writes one message; `None`, and nothing written, if its body is not one of ours.
    fn write(&self, door: &Door, queue: QueueId, job: &Delivery, json: &mut Json) -> Option<()> {
        let grant = &job.grant;
        let blob = Blob::decode(&job.body)?;
        let section = blob.attributes.as_ref().filter(|_| self.names != NameFilter::Nothing);
        let mut attributes = section.map(|section| section.decode()).unwrap_or_else(|| Some(Vec::new()))?;
        attributes.retain(|attribute| self.names.matches(attribute));
        json.open_object();
        json.plain_string("MessageId", door.ids.message_id(grant.job, grant.body));
        let held = Held { job: grant.job, token: grant.token };
        json.plain_string("ReceiptHandle", door.ids.handle(&Queue::named(&self.queue), queue, held));
        json.plain_string("MD5OfBody", hex::encode(&blob.text_md5));
        json.string("Body", blob.text);
        let arn_prefix = format!("arn:aws:sqs:{}:{}:", door.region, self.queue.account);
        self.system_attributes.write(json, grant, &blob, is_fifo(&self.queue.name), &arn_prefix);
        if let Some(section) = section.filter(|_| !attributes.is_empty()) {
            let all = self.names == NameFilter::All;
            let sum = if all { section.md5 } else { md5::sum(attributes.iter()) };
            json.plain_string("MD5OfMessageAttributes", hex::encode(&sum));
            json.open_object_at("MessageAttributes");
            attributes.iter().for_each(|attribute| write_attribute(attribute, json));
            json.close_object();
        }
        json.close_object();
        Some(())
    }
}

fn write_attribute(attribute: &Attribute<'_>, json: &mut Json) {
    json.open_object_at(attribute.name);
    json.string("DataType", attribute.data_type);
    match std::str::from_utf8(&attribute.value) {
        Ok(text) if !attribute.is_binary() => json.string("StringValue", text),
        _ => json.plain_string("BinaryValue", STANDARD.encode(&attribute.value)),
    }
    json.close_object();
}
