//! `CreateQueue`: a name becomes a queue, or finds the one that is there.
//!
//! AWS API Reference, CreateQueue: a queue of that name with the same values, as far as values are given, is found; one
//! with a different value for one of them is an error; tags don't count. The machine compares whole settings, so the door looks first:
//!
//! 1. Describe. There: compare what was given, and answer. Not there: go on.
//! 2. Create, with the defaults for what was not given. If somebody was quicker, look once more.
//! 3. Describe again, and answer.
//!
//! If what is there differs, and this may be a call that is made again, it is asked whether the queue is its own, changed since.

use super::{Call, Next, ask, once, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Kind, Shape, map, tags, text},
    queue_attributes::{Given, GivenAttributes, only_of_fifo},
    queue_url::{self, Queue},
    refusals,
    tags::{self, GivenTags},
};
use evenkeel_engine::{Answer, Look, Proposal, QueueName, Request as Question};
use evenkeel_machine::{
    Reply,
    command::{CallKey, Command},
};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("QueueName"), map("Attributes", "Attribute", &Kind::Text), tags("tags")],
    answer: Some(&[]),
};

/// What a name may be, in AWS's words; alone among its refusals these do not repeat the value.
const NAME: &str = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
/// The same of a FIFO queue.
pub(crate) const FIFO_NAME: &str = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
    must end with .fifo suffix and be 1 to 80 in length.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<GivenAttributes<'a>>,
    /// In lower case in the model; older clients write it in upper case.
    #[serde(borrow, rename = "tags", alias = "Tags")]
    tags: Option<GivenTags<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    given: Box<Given>,
    tags: Vec<(Box<str>, Box<str>)>,
    base: String,
    call: Option<CallKey>,
    stage: Stage,
}

/// What the engine was asked.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Look,
    Create,
    LookAgain,
    /// Whether the call made it; this attribute is another one by now.
    Recall(&'static str),
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let name = request.queue_name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or(SqsError::MissingParameter("QueueName"))?;
    if !queue_url::is_name(name) {
        return Err(SqsError::InvalidParameterValue(NAME.to_owned()));
    }
    call.may_use(name)?;
    let given = Given::read(request.attributes.as_ref(), call.caller.account, call.caller)?;
    if given.is_fifo() == Some(false) {
        // As AWS says it: a standard queue does not know this attribute.
        return Err(SqsError::InvalidAttributeName("FifoQueue".to_owned()));
    }
    if name.ends_with(".fifo") != given.says_fifo() {
        return Err(SqsError::InvalidParameterValue(if given.says_fifo() {
            FIFO_NAME.to_owned()
        } else {
            format!("{NAME}. A name that ends with .fifo needs the attribute FifoQueue=true.")
        }));
    }
    let tags = tags::check(request.tags.as_ref())?;
    let waiting = Waiting {
        queue: QueueName { account: call.caller.account, name: name.into() },
        given: Box::new(given),
        tags: tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        base: queue_url::base(call.head)?,
        call: call.key(),
        stage: Stage::Look,
    };
    waiting.look(Stage::Look)
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match self.stage {
            Stage::Look | Stage::LookAgain => match (refusals::described(answer)?, self.stage) {
                (Ok(found), _) => match self.given.difference(&found) {
                    Some(attribute) => self.recall(attribute),
                    None => self.respond(),
                },
                (Err(_), Stage::Look) => self.create(),
                // It came and went while we looked.
                (Err(_), _) => Err(SqsError::ServiceUnavailable("The queue is being changed by others. Retry.")),
            },
            Stage::Create => match refusals::reply(answer)? {
                Reply::QueueCreated(Ok(_)) => self.respond(),
                Reply::QueueCreated(Err(error)) => {
                    refusals::not_created(error, self.given.redrive_text())?;
                    self.look(Stage::LookAgain)
                }
                other => Err(refusals::mismatch(other)),
            },
            Stage::Recall(attribute) => {
                if refusals::was_called(answer)? {
                    self.respond()
                } else {
                    Err(SqsError::QueueNameExists(attribute))
                }
            }
        }
    }

    fn recall(self, attribute: &'static str) -> Result<Next, SqsError> {
        let Some(call) = self.call else { return Err(SqsError::QueueNameExists(attribute)) };
        let stage = Stage::Recall(attribute);
        ask(Question::Look(Look::Called(call)), super::Waiting::CreateQueue(Self { stage, ..self }))
    }

    fn look(self, stage: Stage) -> Result<Next, SqsError> {
        ask(Question::Describe(self.queue.clone()), super::Waiting::CreateQueue(Self { stage, ..self }))
    }

    fn create(self) -> Result<Next, SqsError> {
        let queue = self.queue.clone();
        let Some(settings) = self.given.new_queue() else {
            return Err(only_of_fifo(self.given.of_fifo().unwrap_or("FifoQueue")));
        };
        let tags = self.tags.iter().map(|(key, value)| (&**key, &**value)).collect();
        let papers = self.given.papers();
        let command = Command::CreateQueue { queue: Queue::named(&queue).key(), settings, papers, tags };
        let proposal = Question::Propose(Proposal::new(&once(self.call, command)));
        ask(proposal, super::Waiting::CreateQueue(Self { stage: Stage::Create, ..self }))
    }

    fn respond(self) -> Result<Next, SqsError> {
        respond(super::get_queue_url::body(&self.base, &self.queue))
    }
}
