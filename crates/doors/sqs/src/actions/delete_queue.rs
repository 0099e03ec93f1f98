//! `DeleteQueue`: a queue goes with all that is in it.
//!
//! AWS API Reference, DeleteQueue. Its name is free at once, unless the server keeps names for a minute; a queue made under it is another one, for which no old handle
//! is good. A queue that is not there is refused, so that a repeated call may be told so.

use super::{Call, Next, done, propose};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Shape, text},
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("QueueUrl")], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let (again, keep_name) = (call.key(), call.door.keeps_names);
    let command = Command::DeleteQueue { queue: queue.key(), call: again, keep_name };
    propose(&command, super::Waiting::DeleteQueue(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::QueueDeleted(deleted) => {
                deleted?;
                done()
            }
            other => Err(refusals::mismatch(other)),
        }
    }
}
