//! `ChangeMessageVisibility`: a lease ends later or sooner; at once gives the job back.
//!
//! AWS API Reference, ChangeMessageVisibility. The twelve hours count from the receive, so that the machine judges them.

use super::{Call, Next, delete_message::held, done, propose};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    limits::VISIBILITY_SECONDS_MAX,
    query::{Shape, integer, text},
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use evenkeel_types::Micros;
use serde::Deserialize;

pub(crate) const SHAPE: Shape =
    Shape { request: &[text("QueueUrl"), text("ReceiptHandle"), integer("VisibilityTimeout")], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i32>,
}

/// What is said again if the lease could not be changed.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) handle: Box<str>,
    pub(super) seconds: i32,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let named = call.queue(request.queue_url.as_deref())?;
    let (queue, held) = held(call.door, &named, request.receipt_handle.as_deref())?;
    let (lease, seconds) = lease(request.visibility_timeout)?;
    let handle = request.receipt_handle.as_deref().unwrap_or_default().into();
    propose(
        &Command::ChangeLease { queue, jobs: vec![(held, lease)] },
        super::Waiting::ChangeMessageVisibility(Waiting { handle, seconds }),
    )
}

/// The time asked for, as a span and in seconds.
pub(super) fn lease(given: Option<i32>) -> Result<(Micros, i32), SqsError> {
    let seconds = given.ok_or(SqsError::MissingParameter("VisibilityTimeout"))?;
    match u32::try_from(seconds) {
        Ok(span) if seconds <= VISIBILITY_SECONDS_MAX => Ok((Micros::from_secs(span), seconds)),
        Ok(_) => Err(SqsError::held_too_long(seconds)),
        Err(_) => {
            let reason = format!("Must be >= 0 and <= {VISIBILITY_SECONDS_MAX}.");
            Err(SqsError::value(seconds.to_string(), "VisibilityTimeout", &reason))
        }
    }
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        let changed = match refusals::reply(answer)? {
            Reply::LeaseChanged(changed) => changed.into_iter().next(),
            other => return Err(refusals::mismatch(other)),
        };
        match changed {
            Some(Ok(())) => done(),
            Some(Err(error)) => Err(refusals::not_changed(error, &self.handle, self.seconds)),
            None => Err(SqsError::InternalFailure("The server did not answer for this message.")),
        }
    }
}
