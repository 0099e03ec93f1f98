//! One file per SQS action: how its request is read, what is asked of the engine, how the answer is written.
//!
//! An action reads and writes the JSON of AWS JSON 1.0. For the Query protocol it has a table, its `SHAPE`, by which forms
//! become its JSON and its JSON becomes XML (see [`crate::query`]); nothing else in it knows by which protocol it was called.
//! A new action is a file with `SHAPE`, `accept` and `Waiting::answer`, its `mod` here, and its line in the list below.

pub(crate) mod add_permission;
pub(crate) mod cancel_message_move_task;
pub(crate) mod change_message_visibility;
pub(crate) mod change_message_visibility_batch;
pub(crate) mod create_queue;
pub(crate) mod delete_message;
pub(crate) mod delete_message_batch;
pub(crate) mod delete_queue;
pub(crate) mod get_queue_attributes;
pub(crate) mod get_queue_url;
pub(crate) mod list_dead_letter_source_queues;
pub(crate) mod list_message_move_tasks;
pub(crate) mod list_queue_tags;
pub(crate) mod list_queues;
mod page;
mod permission;
pub(crate) mod purge_queue;
pub(crate) mod receive_message;
pub(crate) mod remove_permission;
pub(crate) mod send_message;
pub(crate) mod send_message_batch;
pub(crate) mod set_queue_attributes;
pub(crate) mod start_message_move_task;
pub(crate) mod tag_queue;
pub(crate) mod untag_queue;

use crate::{
    caller::{Caller, Head},
    door::Door,
    error::SqsError,
    query::Shape,
    text::echo,
};
use evenkeel_engine::{Answer, Proposal, Request};
use evenkeel_machine::command::{CallKey, Command};
use page::List;

/// A call of an action, as its file sees it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) door: &'a Door,
    pub(crate) action: Action,
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) head: &'a Head<'a>,
    /// The request, in JSON.
    pub(crate) body: &'a [u8],
}

/// The longest number of a call that counts, in bytes: SDKs send UUIDs.
const INVOCATION_BYTES_MAX: usize = 128;

impl Call<'_> {
    /// By what a repetition of this call is recognised, if its client numbers its calls.
    fn key(&self) -> Option<CallKey> {
        let invocation = self.head.invocation.filter(|id| (1..=INVOCATION_BYTES_MAX).contains(&id.len()))?;
        Some(self.door.ids.call_key(self.caller, self.action.name(), invocation, self.body))
    }
}

/// What an action wants next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Ask the engine, and go on with its answer.
    Ask(Request, Waiting),
    /// Tell the client this JSON.
    Tell(Told),
}

/// A success.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) json: Vec<u8>,
    /// See [`Response::undelivered`](crate::Response::undelivered).
    pub(crate) undelivered: Option<Request>,
}

macro_rules! actions {
    ($($action:ident in $file:ident),+ $(,)?) => {
        /// An action that there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action {
            $($action),+
        }

        /// A request that waits for the engine, by its action.
        #[derive(Debug)]
        pub(crate) enum Waiting {
            $($action($file::Waiting)),+
        }

        /// The names of all actions, by their numbers.
        pub const ACTIONS: &[&str] = &[$(stringify!($action)),+];

        impl Action {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$action),+];

            /// The action of that name.
            pub(crate) fn of_name(name: &str) -> Result<Self, SqsError> {
                match name {
                    $(stringify!($action) => Ok(Self::$action),)+
                    _ => Err(SqsError::UnknownAction(echo(name))),
                }
            }

            /// What AWS calls it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$action => stringify!($action),)+
                }
            }

            /// Its request and answer in the Query protocol.
            pub(crate) fn shape(self) -> &'static Shape {
                match self {
                    $(Self::$action => &$file::SHAPE,)+
                }
            }

            /// Reads the request and says what is to be done.
            pub(crate) fn accept(self, call: &Call<'_>) -> Result<Next, SqsError> {
                match self {
                    $(Self::$action => $file::accept(call),)+
                }
            }
        }

        impl Waiting {
            /// Goes on with the engine's answer.
            pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
                match self {
                    $(Self::$action(waiting) => waiting.answer(door, answer),)+
                }
            }
        }
    };
}

// The most frequent first: a name is compared with these in turn.
actions! {
    SendMessage in send_message,
    ReceiveMessage in receive_message,
    DeleteMessage in delete_message,
    SendMessageBatch in send_message_batch,
    DeleteMessageBatch in delete_message_batch,
    ChangeMessageVisibility in change_message_visibility,
    ChangeMessageVisibilityBatch in change_message_visibility_batch,
    CreateQueue in create_queue,
    GetQueueUrl in get_queue_url,
    GetQueueAttributes in get_queue_attributes,
    SetQueueAttributes in set_queue_attributes,
    PurgeQueue in purge_queue,
    DeleteQueue in delete_queue,
    ListQueues in list_queues,
    ListQueueTags in list_queue_tags,
    TagQueue in tag_queue,
    UntagQueue in untag_queue,
    ListDeadLetterSourceQueues in list_dead_letter_source_queues,
    StartMessageMoveTask in start_message_move_task,
    ListMessageMoveTasks in list_message_move_tasks,
    CancelMessageMoveTask in cancel_message_move_task,
    AddPermission in add_permission,
    RemovePermission in remove_permission,
}

impl Call<'_> {
    /// Asks the engine to change a queue; if the client says the same call again it is not changed again.
    fn change(&self, change: Command<'_>, waiting: Waiting) -> Result<Next, SqsError> {
        propose(&once(self.key(), change), waiting)
    }
}

/// A change as one that a repeated call does not make again, if its client numbers its calls.
fn once(call: Option<CallKey>, change: Command<'_>) -> Command<'_> {
    match call {
        Some(call) => Command::Once { call, change: Box::new(change) },
        None => change,
    }
}

/// Asks the engine to do something.
fn propose(command: &Command<'_>, waiting: Waiting) -> Result<Next, SqsError> {
    ask(Request::Propose(Proposal::new(command)), waiting)
}

/// Asks the engine.
fn ask(request: Request, waiting: Waiting) -> Result<Next, SqsError> {
    Ok(Next::Ask(request, waiting))
}

/// Answers with a JSON body.
fn respond(json: Vec<u8>) -> Result<Next, SqsError> {
    Ok(Next::Tell(Told { json, undelivered: None }))
}

/// Answers that it is done. AWS sends no body at all; SDKs read an empty object just as well.
fn done() -> Result<Next, SqsError> {
    respond(b"{}".to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_policy::{is_owners, is_shareable, without_batch};

    #[test]
    fn every_action_is_found_by_its_name_and_says_which_queue_it_is_about() {
        let without_queue = [
            Action::CreateQueue,
            Action::GetQueueUrl,
            Action::ListQueues,
            Action::StartMessageMoveTask,
            Action::ListMessageMoveTasks,
            Action::CancelMessageMoveTask,
        ];
        for &action in Action::ALL {
            assert_eq!(Action::of_name(action.name()), Ok(action));
            assert_eq!(action.shape().has_queue_url(), !without_queue.contains(&action), "{action:?}");
            let single = without_batch(action.name());
            assert!(is_owners(single) != is_shareable(single), "{action:?} is for the owner alone, or can be shared");
        }
    }
}
