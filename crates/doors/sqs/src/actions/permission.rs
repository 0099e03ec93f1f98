//! What AddPermission and RemovePermission share: a queue's policy is read, edited, and replaced if it still is what was read.
//!
//! 1. Describe: the policy as it is. Edit it here; what cannot be is refused.
//! 2. Replace it. If somebody else was quicker, look again: of several edits at once none is lost.

use super::{Next, Waiting, ask, done};
use crate::{
    arn, door::Door, error::SqsError, limits::PERMISSION_LOOKS_MAX, queue_attributes::POLICY, queue_url::Queue,
    refusals,
};
use evenkeel_engine::{Answer, Proposal, QueueName, Request};
use evenkeel_machine::{Reply, command::Command, queue::ReplaceNoteError};
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
    looks: u8,
    is_replacing: bool,
}

impl Editing {
    pub(crate) fn begin(queue: Queue<'_>, edit: Edit) -> Result<Next, SqsError> {
        Self { queue: queue.to_name(), edit, looks: 0, is_replacing: false }.look()
    }

    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        if !self.is_replacing {
            let described = refusals::described(answer)??;
            let present = described.papers.as_deref().and_then(|papers| papers.notes.get(POLICY));
            return self.replace(door, present.map(|text| &**text));
        }
        match refusals::reply(answer)? {
            Reply::NoteReplaced(Ok(())) => done(),
            Reply::NoteReplaced(Err(ReplaceNoteError::Changed)) => self.look(),
            Reply::NoteReplaced(Err(error)) => Err(error.into()),
            other => Err(refusals::mismatch(other)),
        }
    }

    fn look(self) -> Result<Next, SqsError> {
        if self.looks == PERMISSION_LOOKS_MAX {
            return Err(SqsError::ServiceUnavailable("The queue's policy is being changed by others. Retry."));
        }
        let request = Request::Describe(self.queue.clone());
        ask(request, Self { looks: self.looks + 1, is_replacing: false, ..self }.waiting())
    }

    fn replace(self, door: &Door, before: Option<&str>) -> Result<Next, SqsError> {
        let after = self.edit.apply(before, &arn::of(&door.region, self.queue.account, &self.queue.name))?;
        let command = Command::ReplaceNote { queue: self.queue.key(), note: POLICY, before, after: after.as_deref() };
        let request = Request::Propose(Proposal::new(&command));
        ask(request, Self { is_replacing: true, ..self }.waiting())
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
