//! What AddPermission and RemovePermission share: a queue's policy is read, edited, and replaced if it still is what was read.
//!
//! 1. Describe: the policy as it is. Edit it here; what cannot be is refused.
//! 2. Replace it. If somebody else was quicker, look again: of several edits at once none is lost.
//! 3. What cannot be may have been: if the client numbers its calls it is asked whether this one was done already, its answer lost.

use super::{Call, Next, Waiting, ask, done, once};
use crate::{
    arn, door::Door, error::SqsError, limits::PERMISSION_LOOKS_MAX, queue_attributes::POLICY, queue_url::Queue,
    refusals,
};
use evenkeel_engine::{Answer, Look, Proposal, QueueName, Request};
use evenkeel_machine::{
    Reply,
    command::{CallKey, Command},
    queue::ReplaceNoteError,
};
use evenkeel_policy::{PermissionError, add_permission, remove_permission};

/// What is done to a policy.
#[derive(Debug)]
pub(crate) enum Edit {
    Add { label: Box<str>, accounts: Vec<Box<str>>, actions: Vec<Box<str>> },
    Remove { label: Box<str> },
}

/// An edit under way.
#[derive(Debug)]
pub(crate) struct Editing {
    queue: QueueName,
    edit: Edit,
    call: Option<CallKey>,
    looks: u8,
    stage: Stage,
}

/// What the engine was asked.
#[derive(Debug)]
enum Stage {
    Look,
    Replace,
    /// Whether the call was done; else this is why it cannot be.
    Recall(SqsError),
}

impl Editing {
    pub(crate) fn begin(call: &Call<'_>, queue: Queue<'_>, edit: Edit) -> Result<Next, SqsError> {
        Self { queue: queue.to_name(), edit, call: call.key(), looks: 0, stage: Stage::Look }.look()
    }

    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        match self.stage {
            Stage::Look => match self.edited(door, answer) {
                Ok((before, after)) => self.replace(before.as_deref(), after.as_deref()),
                Err(error) => self.recall(error),
            },
            Stage::Replace => match refusals::reply(answer)? {
                Reply::NoteReplaced(Ok(())) => done(),
                Reply::NoteReplaced(Err(ReplaceNoteError::Changed)) => self.look(),
                Reply::NoteReplaced(Err(error)) => Err(error.into()),
                other => Err(refusals::mismatch(other)),
            },
            Stage::Recall(error) => {
                if refusals::was_called(answer)? {
                    done()
                } else {
                    Err(error)
                }
            }
        }
    }

    fn look(self) -> Result<Next, SqsError> {
        if self.looks == PERMISSION_LOOKS_MAX {
            return Err(SqsError::ServiceUnavailable("The queue's policy is being changed by others. Retry."));
        }
        let request = Request::Describe(self.queue.clone());
        ask(request, Self { looks: self.looks + 1, stage: Stage::Look, ..self }.waiting())
    }

    /// The policy as it is and as it is to be, each `None` for none.
    fn edited(&self, door: &Door, answer: Answer) -> Result<(Option<Box<str>>, Option<String>), SqsError> {
        let described = refusals::described(answer)??;
        let before = described.papers.as_deref().and_then(|papers| papers.notes.get(POLICY).cloned());
        let arn = arn::of(&door.region, self.queue.account, &self.queue.name);
        let after = self.edit.apply(before.as_deref(), &arn)?;
        Ok((before, after))
    }

    fn replace(self, before: Option<&str>, after: Option<&str>) -> Result<Next, SqsError> {
        let change = Command::ReplaceNote { queue: self.queue.key(), note: POLICY, before, after };
        let request = Request::Propose(Proposal::new(&once(self.call, change)));
        ask(request, Self { stage: Stage::Replace, ..self }.waiting())
    }

    fn recall(self, error: SqsError) -> Result<Next, SqsError> {
        // The server's own mistakes say nothing of the policy.
        let Some(call) = self.call.filter(|_| error.wire().is_senders_fault()) else { return Err(error) };
        ask(Request::Look(Look::Called(call)), Self { stage: Stage::Recall(error), ..self }.waiting())
    }

    fn waiting(self) -> Waiting {
        match self.edit {
            Edit::Add { .. } => Waiting::AddPermission(self),
            Edit::Remove { .. } => Waiting::RemovePermission(self),
        }
    }
}

impl Edit {
    /// The policy afterwards, `None` for none.
    fn apply(&self, policy: Option<&str>, queue_arn: &str) -> Result<Option<String>, PermissionError> {
        match self {
            Self::Add { label, accounts, actions } => {
                add_permission(policy, queue_arn, label, accounts, actions).map(Some)
            }
            Self::Remove { label } => remove_permission(policy, label),
        }
    }
}
