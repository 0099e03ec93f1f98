//! `SetQueueAttributes`: a queue's settings, or one group's share of it.
//!
//! AWS API Reference, SetQueueAttributes. A group's share (`EvenkeelGroup.<group>`) is one command. Settings are read
//! first, since the machine replaces them all: two calls at the same moment that change different settings may leave only
//! the later one's.

use super::{Call, Next, ask, done, propose};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Kind, Shape, map, text},
    queue_attributes::{GivenAttributes, GivenSettings, group_share},
    queue_url::Queue,
    refusals,
};
use evenkeel_engine::{Answer, QueueName, Request as Question};
use evenkeel_machine::{Reply, command::Command};
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

#[derive(Debug)]
pub(crate) enum Waiting {
    /// The present settings were asked for, to put these over them.
    Look { queue: QueueName, given: GivenSettings },
    /// The change was proposed.
    Change,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = Queue::of_url(request.queue_url.as_deref(), call.caller)?;
    let attributes = request.attributes.as_ref().filter(|attributes| attributes.count > 0);
    let attributes = attributes.ok_or(SqsError::MissingParameter("Attributes"))?;
    if let Some((group, settings)) = group_share(attributes)? {
        let command = Command::ConfigureGroup { queue: queue.key(), group, settings };
        return propose(&command, super::Waiting::SetQueueAttributes(Waiting::Change));
    }
    let given = GivenSettings::read(Some(attributes))?;
    let queue = queue.to_name();
    ask(Question::Describe(queue.clone()), super::Waiting::SetQueueAttributes(Waiting::Look { queue, given }))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        let Self::Look { queue, given } = self else {
            return match refusals::reply(answer)? {
                Reply::Configured(configured) => {
                    configured?;
                    done()
                }
                other => Err(refusals::mismatch(other)),
            };
        };
        let present = refusals::described(answer)??.settings;
        let settings = given.over(present);
        if settings == present {
            return done();
        }
        let command = Command::ConfigureQueue { queue: Queue::named(&queue).key(), edit: settings.into() };
        propose(&command, super::Waiting::SetQueueAttributes(Self::Change))
    }
}
