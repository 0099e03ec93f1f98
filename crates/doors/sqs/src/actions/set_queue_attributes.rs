//! `SetQueueAttributes`: a queue's settings, or one group's share of it.
//!
//! AWS API Reference, SetQueueAttributes. Either is one command, which changes what is given and nothing else: two calls at the
//! same moment that change different attributes both count.

use super::{Call, Next, done};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Kind, Shape, map, text},
    queue_attributes::{Given, GivenAttributes, group_share, only_of_fifo},
    queue_url::is_fifo,
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command, queue::ConfigureError};
use serde::Deserialize;

pub(crate) const SHAPE: Shape =
    Shape { request: &[text("QueueUrl"), map("Attributes", "Attribute", &Kind::Text)], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<GivenAttributes<'a>>,
}

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// The first attribute given that only FIFO queues have.
    of_fifo: Option<&'static str>,
    /// `RedrivePolicy` as it was given.
    redrive: Box<str>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let attributes = request.attributes.as_ref().filter(|attributes| attributes.count > 0);
    let attributes = attributes.ok_or(SqsError::MissingParameter("Attributes"))?;
    if let Some((group, settings)) = group_share(attributes)? {
        let command = Command::ConfigureGroup { queue: queue.key(), group, settings };
        return call.change(command, super::Waiting::SetQueueAttributes(Waiting::default()));
    }
    let given = Given::read(Some(attributes), queue.account, call.caller)?;
    // What a queue is may be said again, and not be changed; its name tells it.
    match given.is_fifo() {
        Some(_) if !is_fifo(queue.name) => return Err(SqsError::InvalidAttributeName("FifoQueue".to_owned())),
        Some(false) => {
            return Err(SqsError::InvalidAttributeValue(
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.".to_owned(),
            ));
        }
        Some(true) | None => {}
    }
    let waiting = Waiting { of_fifo: given.of_fifo(), redrive: given.redrive_text().into() };
    let command = Command::ConfigureQueue { queue: queue.key(), edit: given.edit() };
    call.change(command, super::Waiting::SetQueueAttributes(waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match (refusals::reply(answer)?, self.of_fifo) {
            (Reply::Configured(Err(ConfigureError::OtherKind)), Some(name)) => Err(only_of_fifo(name)),
            (Reply::Configured(configured), _) => {
                configured.map_err(|error| refusals::not_configured(error, &self.redrive))?;
                done()
            }
            (other, _) => Err(refusals::mismatch(other)),
        }
    }
}
