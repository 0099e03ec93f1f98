//! `PurgeQueue`: all messages of a queue go at once, those in flight included.
//!
//! AWS API Reference, PurgeQueue. It is done when it is answered, and may be done again at once: there is no
//! PurgeQueueInProgress.

use super::{Call, Next, done};
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
    call.change(Command::PurgeQueue { queue: queue.key() }, super::Waiting::PurgeQueue(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::Purged(purged) => {
                purged?;
                done()
            }
            other => Err(refusals::mismatch(other)),
        }
    }
}
