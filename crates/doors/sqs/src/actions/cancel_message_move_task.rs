//! `CancelMessageMoveTask`: a task that runs moves nothing more.
//!
//! AWS API Reference, CancelMessageMoveTask. It is done when it is answered: no task is ever `CANCELLING`.

use super::{Call, Next, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Shape, text},
    refusals, tokens,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{
    Reply,
    command::{Command, QueueKey},
};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("TaskHandle")], answer: Some(&[]) };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    task_handle: Option<Text<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let handle = request.task_handle.as_deref().filter(|handle| !handle.is_empty());
    let handle = handle.ok_or(SqsError::MissingParameter("TaskHandle"))?;
    let account = call.caller.account;
    let (number, source) = tokens::move_of(&call.door.ids, account, handle)
        .ok_or_else(|| SqsError::InvalidParameterValue("Value for parameter TaskHandle is invalid.".to_owned()))?;
    call.may_use(&source)?;
    let source = QueueKey { account, name: &source };
    call.change(Command::CancelMove { source, number }, super::Waiting::CancelMessageMoveTask(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::MoveCancelled(moved) => {
                let mut json = Json::with_capacity(64);
                json.open_object();
                json.number("ApproximateNumberOfMessagesMoved", moved?);
                json.close_object();
                respond(json.into_bytes())
            }
            other => Err(refusals::mismatch(other)),
        }
    }
}
