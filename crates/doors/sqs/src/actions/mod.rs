//! One file per SQS action: how its request is read, what is asked of the engine, how the answer is written.

pub(crate) mod change_message_visibility;
pub(crate) mod change_message_visibility_batch;
pub(crate) mod create_queue;
pub(crate) mod delete_message;
pub(crate) mod delete_message_batch;
pub(crate) mod delete_queue;
pub(crate) mod get_queue_attributes;
pub(crate) mod get_queue_url;
pub(crate) mod purge_queue;
pub(crate) mod receive_message;
pub(crate) mod send_message;
pub(crate) mod send_message_batch;
pub(crate) mod set_queue_attributes;

use crate::{
    door::{Pending, Step},
    error::SqsError,
    response::Response,
};
use evenkeel_engine::{Proposal, Request};
use evenkeel_machine::command::Command;

/// A request that waits for the engine, by its action.
#[derive(Debug)]
pub(crate) enum Waiting {
    SendMessage(send_message::Waiting),
    SendMessageBatch(send_message_batch::Waiting),
    ReceiveMessage(receive_message::Waiting),
    DeleteMessage(delete_message::Waiting),
    DeleteMessageBatch(delete_message_batch::Waiting),
    ChangeMessageVisibility(change_message_visibility::Waiting),
    ChangeMessageVisibilityBatch(change_message_visibility_batch::Waiting),
    CreateQueue(create_queue::Waiting),
    GetQueueUrl(get_queue_url::Waiting),
    GetQueueAttributes(get_queue_attributes::Waiting),
    SetQueueAttributes(set_queue_attributes::Waiting),
    PurgeQueue(purge_queue::Waiting),
    DeleteQueue(delete_queue::Waiting),
}

/// Asks the engine to do something.
fn propose(command: &Command<'_>, waiting: Waiting) -> Result<Step, SqsError> {
    ask(Request::Propose(Proposal::new(command)), waiting)
}

/// Asks the engine.
fn ask(request: Request, waiting: Waiting) -> Result<Step, SqsError> {
    Ok(Step::Ask(request, Pending(waiting)))
}

/// Answers with a JSON body.
fn respond(body: Vec<u8>) -> Result<Step, SqsError> {
    Ok(Step::Respond(Response::ok(body)))
}
