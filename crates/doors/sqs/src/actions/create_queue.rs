//! `CreateQueue`: a name becomes a queue, or finds the one that is there.
//!
//! AWS API Reference, CreateQueue: a queue of that name with the same values, as far as values are given, is found; one
//! with a different value for one of them is an error. The machine compares whole settings, so the door looks first:
//!
//! 1. Describe. There: compare what was given, and answer. Not there: go on.
//! 2. Create, with the defaults for what was not given. If somebody was quicker, look once more.
//! 3. Describe again, and answer.

use super::{Call, Next, ask, propose, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Members, Text, parse},
    limits::QUEUE_NAME_BYTES_MAX,
    query::{Kind, Shape, map, tags, text},
    queue_attributes::{GivenAttributes, GivenSettings},
    queue_url::{self, Queue},
    refusals,
};
use evenkeel_engine::{Answer, QueueName, Request as Question};
use evenkeel_machine::{
    Reply,
    command::{Command, QueueSettings},
};
use serde::{Deserialize, de::IgnoredAny};

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("QueueName"), map("Attributes", "Attribute", &Kind::Text), tags("tags")],
    answer: Some(&[]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<GivenAttributes<'a>>,
    /// In lower case in the model; older clients write it in upper case.
    #[serde(borrow, rename = "tags", alias = "Tags")]
    tags: Option<Members<'a, IgnoredAny, 0>>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    given: GivenSettings,
    base: String,
    stage: Stage,
}

/// What the engine was asked.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Look,
    Create,
    LookAgain,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let name = request.queue_name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or(SqsError::MissingParameter("QueueName"))?;
    if !queue_url::is_name(name) {
        let reason = format!(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to {QUEUE_NAME_BYTES_MAX} in length"
        );
        return Err(SqsError::value(name, "QueueName", &reason));
    }
    call.caller.may_use(name)?;
    if name.ends_with(".fifo") {
        return Err(SqsError::Unsupported("FIFO queues are not supported yet.".to_owned()));
    }
    if request.tags.is_some_and(|tags| tags.count > 0) {
        return Err(SqsError::Unsupported("Tags are not supported yet.".to_owned()));
    }
    let waiting = Waiting {
        queue: QueueName { account: call.caller.account, name: name.into() },
        given: GivenSettings::read(request.attributes.as_ref())?,
        base: queue_url::base(call.head)?,
        stage: Stage::Look,
    };
    waiting.look(Stage::Look)
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match self.stage {
            Stage::Look | Stage::LookAgain => match (refusals::described(answer)?, self.stage) {
                (Ok(found), _) => match self.given.difference(&found.settings) {
                    Some(attribute) => Err(SqsError::QueueNameExists(attribute)),
                    None => self.respond(),
                },
                (Err(_), Stage::Look) => self.create(),
                // It came and went while we looked.
                (Err(_), _) => Err(SqsError::ServiceUnavailable("The queue is being changed by others. Retry.")),
            },
            Stage::Create => match refusals::reply(answer)? {
                Reply::QueueCreated(Ok(_)) => self.respond(),
                Reply::QueueCreated(Err(error)) => {
                    refusals::not_created(error)?;
                    self.look(Stage::LookAgain)
                }
                other => Err(refusals::mismatch(other)),
            },
        }
    }

    fn look(self, stage: Stage) -> Result<Next, SqsError> {
        ask(Question::Describe(self.queue.clone()), super::Waiting::CreateQueue(Self { stage, ..self }))
    }

    fn create(self) -> Result<Next, SqsError> {
        let queue = self.queue.clone();
        let settings = self.given.over(QueueSettings::default());
        let command = Command::CreateQueue {
            queue: Queue::named(&queue).key(),
            settings,
            papers: Default::default(),
            tags: vec![],
        };
        propose(&command, super::Waiting::CreateQueue(Self { stage: Stage::Create, ..self }))
    }

    fn respond(self) -> Result<Next, SqsError> {
        respond(super::get_queue_url::body(&self.base, &self.queue))
    }
}
