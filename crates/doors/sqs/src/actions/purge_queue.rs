//! `PurgeQueue`: all messages of a queue go at once, those in flight included.
//!
//! AWS API Reference, PurgeQueue. It is done when it is answered, and may be done again at once: there is no
//! PurgeQueueInProgress.

use super::propose;
use crate::{
    caller::Caller,
    door::Step,
    error::SqsError,
    json_in::{Text, parse},
    queue_url::Queue,
    refusals,
    response::Response,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(caller: &Caller<'_>, body: &[u8]) -> Result<Step, SqsError> {
    let request: Request<'_> = parse(body)?;
    let queue = Queue::of_url(request.queue_url.as_deref(), caller)?;
    propose(&Command::PurgeQueue { queue: queue.key() }, super::Waiting::PurgeQueue(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, answer: Answer) -> Result<Step, SqsError> {
        match refusals::reply(answer)? {
            Reply::Purged(purged) => purged.map(|_| Step::Respond(Response::empty())).map_err(SqsError::from),
            other => Err(refusals::mismatch(other)),
        }
    }
}
