//! The actions of SQS, and patterns of them.
//!
//! A batch counts as what it is a batch of (API Reference, AddPermission: "specifying SendMessage also grants SendMessageBatch").

use crate::matches;

/// What no other account can be let do: Developer Guide, "Cross-account permissions don't apply to the following actions".
const OWNERS: [&str; 12] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// The others.
const SHAREABLE: [&str; 8] = [
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// Whether only the queue's own account can ever do that, such as `DeleteQueue`.
#[must_use]
pub fn is_owners(action: &str) -> bool {
    OWNERS.contains(&action)
}

/// Whether others can be let do that, such as `SendMessage`. Batches are none of their own.
#[must_use]
pub fn is_shareable(action: &str) -> bool {
    SHAREABLE.contains(&action)
}

/// The right to read metrics: of the house, so that no pattern of SQS's actions includes it and no policy of a queue can name it.
pub const READ_METRICS: &str = "evenkeel:ReadMetrics";

/// Whether a text is that right. The case does not count, as with all actions.
#[must_use]
pub fn is_read_metrics(text: &str) -> bool {
    text.eq_ignore_ascii_case(READ_METRICS)
}

/// The action whose permission an action needs.
#[must_use]
pub fn without_batch(action: &str) -> &str {
    action.strip_suffix("Batch").unwrap_or(action)
}

/// Whether a text is a pattern of actions: `*`, or `sqs:` and a name, which may have wildcards, of some action that there is. A
/// misspelt one would never match, and in a denial nobody would notice.
#[must_use]
pub fn is_action_pattern(text: &str) -> bool {
    let pattern = comparable(text);
    let actions = || OWNERS.into_iter().chain(SHAREABLE);
    actions().any(|action| matches(&pattern, &comparable(&format!("sqs:{action}"))))
}

/// An action, or a pattern of actions, in the form in which both are compared: in lower case, since their case does not count, and
/// without `Batch`; but not behind a wildcard, since `sqs:*Batch` must not become `sqs:*`.
pub(crate) fn comparable(text: &str) -> Box<str> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_suffix("batch") {
        Some(single) if !single.contains(['*', '?']) => single.into(),
        _ => lower.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pattern_of_actions_includes_metrics() {
        assert!(is_read_metrics("evenkeel:readmetrics") && !is_read_metrics("*") && !is_read_metrics("evenkeel:*"));
        assert!(!is_action_pattern(READ_METRICS) && !is_action_pattern("evenkeel:*"));
    }

    #[test]
    fn what_names_no_action_of_ours_is_no_pattern() {
        for (text, expected) in [
            ("*", true),
            ("sqs:*", true),
            ("SQS:Get?ueue*", true),
            ("sqs:sendmessage", true),
            ("sqs:SendMessageBatch", true),
            ("s*", true),
            ("sqs:", false),
            ("", false),
            ("SendMessage", false),
            ("sns:Publish", false),
            ("sqs:a b", false),
            ("sqs:SendMesage", false),
            ("sqs:Send?", false),
            ("sqs:*Batch", false),
        ] {
            assert_eq!(is_action_pattern(text), expected, "{text}");
        }
    }
}
