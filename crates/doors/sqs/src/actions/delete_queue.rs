//! `DeleteQueue`: a queue goes with all that is in it.
//!
//! AWS API Reference, DeleteQueue. Its name is free at once; a queue made under it is another one, for which no old handle
//! is good. A queue that is not there is refused, so that a repeated call may be told so.

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
    propose(
        &Command::DeleteQueue { queue: queue.key(), call: None, keep_name: false },
        super::Waiting::DeleteQueue(Waiting),
    )
}

impl Waiting {
    pub(crate) fn answer(self, answer: Answer) -> Result<Step, SqsError> {
        match refusals::reply(answer)? {
            Reply::QueueDeleted(deleted) => deleted.map(|_| Step::Respond(Response::empty())).map_err(SqsError::from),
            other => Err(refusals::mismatch(other)),
        }
    }
}
