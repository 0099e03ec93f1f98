//! `DeleteMessage`: the job is done. A repeated or late delete is answered 200.
//!
//! AWS API Reference, DeleteMessage.

use super::{Call, Next, done, propose};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Shape, text},
    queue_url::{Queue, is_fifo},
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{
    Reply,
    command::{Command, Held},
};
use evenkeel_types::QueueId;
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("QueueUrl"), text("ReceiptHandle")], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
}

/// The handle, if the queue is one that tells of ended leases.
#[derive(Debug)]
pub(crate) struct Waiting {
    fifo_handle: Option<Box<str>>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let named = call.queue(request.queue_url.as_deref())?;
    let (queue, held) = held(call.door, &named, request.receipt_handle.as_deref())?;
    let fifo_handle = request.receipt_handle.as_deref().filter(|_| is_fifo(named.name)).map(Box::from);
    propose(&Command::Ack { queue, jobs: vec![held] }, super::Waiting::DeleteMessage(Waiting { fifo_handle }))
}

/// The lease that a request's handle stands for.
pub(super) fn held(door: &Door, named: &Queue<'_>, handle: Option<&str>) -> Result<(QueueId, Held), SqsError> {
    let handle = handle.filter(|handle| !handle.is_empty()).ok_or(SqsError::MissingParameter("ReceiptHandle"))?;
    door.ids.held(named, handle).ok_or_else(|| SqsError::ReceiptHandleIsInvalid(handle.to_owned()))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::Acked(acked) => {
                acked.into_iter().try_for_each(|acked| refusals::deleted(acked, self.fifo_handle.as_deref()))?;
            }
            other => return Err(refusals::mismatch(other)),
        }
        done()
    }
}
