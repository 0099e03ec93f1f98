//! What an access key may be used for, within its account.

use crate::{actions::comparable, matches};

/// Patterns of actions and prefixes of queues. A list that is empty sets no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// In the form in which they are compared.
    actions: Vec<Box<str>>,
    queues: Vec<Box<str>>,
}

/// No bounds.
pub static EVERYTHING: Rights = Rights { actions: Vec::new(), queues: Vec::new() };

impl Rights {
    /// Of patterns of actions (`sqs:SendMessage`, `sqs:Receive*`, `sqs:*`) and beginnings of queues' names.
    pub fn new<T: AsRef<str>>(actions: &[T], queues: &[T]) -> Self {
        Self {
            actions: actions.iter().map(|action| comparable(action.as_ref())).collect(),
            queues: queues.iter().map(|queue| queue.as_ref().into()).collect(),
        }
    }

    /// Whether there are no bounds.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.actions.is_empty() && self.queues.is_empty()
    }

    /// Whether an action, such as `sqs:SendMessage`, is among them. Batches count as what they are batches of.
    #[must_use]
    pub fn allow_action(&self, action: &str) -> bool {
        if self.actions.is_empty() {
            return true;
        }
        let action = comparable(action);
        self.actions.iter().any(|pattern| matches(pattern, &action))
    }

    /// Whether a queue of that name is among them.
    #[must_use]
    pub fn allow_queue(&self, name: &str) -> bool {
        self.queues.is_empty() || self.queues.iter().any(|prefix| name.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_allowed_by_pattern_in_any_case_and_batches_with_them() {
        let rights = Rights::new(&["sqs:SendMessageBatch", "SQS:receive*"], &[]);
        for (action, allowed) in [
            ("sqs:SendMessage", true),
            ("sqs:SendMessageBatch", true),
            ("sqs:sendmessage", true),
            ("sqs:ReceiveMessage", true),
            ("sqs:DeleteMessage", false),
            ("sqs:SendMessages", false),
            ("SendMessage", false),
            ("sqs:DeleteMessageBatch", false),
        ] {
            assert_eq!(rights.allow_action(action), allowed, "{action}");
        }
        assert!(Rights::default().allow_action("sqs:Anything") && Rights::default().is_all());
    }

    #[test]
    fn queues_are_allowed_by_prefix() {
        let rights = Rights::new(&[], &["jobs-", "mail"]);
        for (name, allowed) in [("jobs-1", true), ("jobs", false), ("mail", true), ("mailbox", true), ("Mail", false)] {
            assert_eq!(rights.allow_queue(name), allowed, "{name}");
        }
        assert!(Rights::default().allow_queue("any"));
    }
}
