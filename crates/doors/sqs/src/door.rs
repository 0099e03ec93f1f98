//! From a request to its action, step by step.

use crate::{
    actions::{self, Waiting},
    caller::{Caller, Head},
    error::SqsError,
    ids::Ids,
    response::Response,
    text::echo,
};
use evenkeel_engine::{Answer, Request};

/// The door: shared by all threads, changes nothing.
pub struct Door {
    pub(crate) ids: Ids,
    pub(crate) region: String,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this to the client; the request is done.
    Respond(Response),
    /// Ask the engine, and give its answer to [`Pending::answer`].
    Ask(Request, Pending),
}

/// A request that waits for the engine. Dropping it is fine: nobody will be answered, and what the engine was asked may
/// be done all the same.
#[derive(Debug)]
pub struct Pending(pub(crate) Waiting);

impl Door {
    /// A door to the log whose secret made `ids`. `region` stands in the queues' ARNs.
    #[must_use]
    pub fn new(ids: Ids, region: impl Into<String>) -> Self {
        Self { ids, region: region.into() }
    }

    /// Takes a request that was authenticated. Any bytes will do; what is wrong with them is answered.
    ///
    /// Costs one pass over the body and its MD5; nothing waits here.
    pub fn accept(&self, caller: Caller<'_>, head: Head<'_>, body: &[u8]) -> Step {
        self.act(&caller, &head, body).unwrap_or_else(|error| Step::Respond(error.response()))
    }

    /// The ids it gives out; see [`Ids::message_place`].
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    fn act(&self, caller: &Caller<'_>, head: &Head<'_>, body: &[u8]) -> Result<Step, SqsError> {
        let Some(target) = head.target else {
            return Err(SqsError::Unsupported(
                "The request has no X-Amz-Target header. The Query protocol is not supported yet; use an SDK that \
                 speaks AWS JSON 1.0 to SQS (since November 2023)."
                    .to_owned(),
            ));
        };
        let unknown = || SqsError::UnknownAction(echo(target));
        match target.strip_prefix("AmazonSQS.").ok_or_else(unknown)? {
            "SendMessage" => actions::send_message::accept(caller, body),
            "SendMessageBatch" => actions::send_message_batch::accept(caller, body),
            "ReceiveMessage" => actions::receive_message::accept(caller, body),
            "DeleteMessage" => actions::delete_message::accept(self, caller, body),
            "DeleteMessageBatch" => actions::delete_message_batch::accept(self, caller, body),
            "ChangeMessageVisibility" => actions::change_message_visibility::accept(self, caller, body),
            "ChangeMessageVisibilityBatch" => actions::change_message_visibility_batch::accept(self, caller, body),
            "CreateQueue" => actions::create_queue::accept(caller, head, body),
            "GetQueueUrl" => actions::get_queue_url::accept(caller, head, body),
            "GetQueueAttributes" => actions::get_queue_attributes::accept(caller, body),
            "SetQueueAttributes" => actions::set_queue_attributes::accept(caller, body),
            "PurgeQueue" => actions::purge_queue::accept(caller, body),
            "DeleteQueue" => actions::delete_queue::accept(caller, body),
            action @ ("ListQueues"
            | "TagQueue"
            | "UntagQueue"
            | "ListQueueTags"
            | "ListDeadLetterSourceQueues"
            | "StartMessageMoveTask"
            | "ListMessageMoveTasks"
            | "CancelMessageMoveTask"
            | "AddPermission"
            | "RemovePermission") => Err(SqsError::Unsupported(format!("{action} is not supported yet."))),
            _ => Err(unknown()),
        }
    }
}

impl Pending {
    /// Goes on with the engine's answer.
    pub fn answer(self, door: &Door, answer: Answer) -> Step {
        let step = match self.0 {
            Waiting::SendMessage(waiting) => waiting.answer(door, answer),
            Waiting::SendMessageBatch(waiting) => waiting.answer(door, answer),
            Waiting::ReceiveMessage(waiting) => waiting.answer(door, answer),
            Waiting::DeleteMessage(waiting) => waiting.answer(answer),
            Waiting::DeleteMessageBatch(waiting) => waiting.answer(answer),
            Waiting::ChangeMessageVisibility(waiting) => waiting.answer(answer),
            Waiting::ChangeMessageVisibilityBatch(waiting) => waiting.answer(answer),
            Waiting::CreateQueue(waiting) => waiting.answer(answer),
            Waiting::GetQueueUrl(waiting) => waiting.answer(answer),
            Waiting::GetQueueAttributes(waiting) => waiting.answer(door, answer),
            Waiting::SetQueueAttributes(waiting) => waiting.answer(answer),
            Waiting::PurgeQueue(waiting) => waiting.answer(answer),
            Waiting::DeleteQueue(waiting) => waiting.answer(answer),
        };
        step.unwrap_or_else(|error| Step::Respond(error.response()))
    }
}
