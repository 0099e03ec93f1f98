//! What an access key may be used for, within its account.

use crate::matches;

/// Patterns of actions and prefixes of queues. A list that is empty sets no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// In lower case, since the case of actions does not count.
    actions: Vec<Box<str>>,
    queues: Vec<Box<str>>,
}

/// No bounds.
pub static EVERYTHING: Rights = Rights { actions: Vec::new(), queues: Vec::new() };

impl Rights {
    /// Of patterns of actions (`sqs:SendMessage`, `sqs:Receive*`, `sqs:*`) and beginnings of queues' names.
    pub fn new<T: AsRef<str>>(actions: &[T], queues: &[T]) -> Self {
        Self {
            actions: actions.iter().map(|action| action.as_ref().to_ascii_lowercase().into()).collect(),
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
        let action = action.strip_suffix("Batch").unwrap_or(action).to_ascii_lowercase();
        self.actions.iter().any(|pattern| matches(pattern, &action))
    }

    /// Whether a queue of that name is among them.
    #[must_use]
    pub fn allow_queue(&self, name: &str) -> bool {
        self.queues.is_empty() || self.queues.iter().any(|prefix| name.starts_with(&**prefix))
    }
}

/// Whether a text could be a pattern of actions: `*`, or a service and a name, of letters and wildcards.
#[must_use]
pub fn is_action_pattern(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'*' || byte == b'?';
    match text.split_once(':') {
        None => text == "*",
        Some((service, name)) => service.eq_ignore_ascii_case("sqs") && !name.is_empty() && name.bytes().all(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_allowed_by_pattern_in_any_case_and_batches_with_them() {
        let rights = Rights::new(&["sqs:SendMessage", "SQS:receive*"], &[]);
        for (action, allowed) in [
            ("sqs:SendMessage", true),
            ("sqs:SendMessageBatch", true),
            ("sqs:sendmessage", true),
            ("sqs:ReceiveMessage", true),
            ("sqs:DeleteMessage", false),
            ("sqs:SendMessages", false),
            ("SendMessage", false),
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

    #[test]
    fn what_names_no_action_of_ours_is_no_pattern() {
        for (text, expected) in [
            ("*", true),
            ("sqs:*", true),
            ("SQS:Get?ueue*", true),
            ("sqs:", false),
            ("", false),
            ("SendMessage", false),
            ("sns:Publish", false),
            ("sqs:a b", false),
        ] {
            assert_eq!(is_action_pattern(text), expected, "{text}");
        }
    }
}
