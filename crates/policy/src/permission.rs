//! Permissions: statements of a policy that AddPermission writes and RemovePermission takes out again, by their labels.
//!
//! Amazon SQS API Reference, AddPermission: an allowance for accounts, of actions on the queue. What else is in the policy stays as it
//! is, byte for byte in meaning.

use crate::{
    Policy, PolicyError,
    limits::{ACTIONS_MAX, PRINCIPALS_MAX},
};
use serde_json::{Value, json};

/// The actions that others can be let do (API Reference, AddPermission: `ActionName`). The rest is the owner's.
const SHAREABLE: [&str; 8] = [
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
];

/// Why a permission was neither added nor removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// No label, or one of more than 80 letters, digits, dashes and underscores.
    #[error("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")]
    Label,
    /// There is a statement of that label.
    #[error("Already exists.")]
    LabelTaken,
    /// There is none of that label.
    #[error("can't find label on existing policy.")]
    NoSuchLabel,
    /// No account of twelve digits.
    #[error("Value {0} for parameter PrincipalId is invalid. Reason: Unable to verify.")]
    Account(String),
    /// No action, or only the owner's.
    #[error(
        "Value SQS:{0} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
    )]
    Action(String),
    /// Too many actions in one call.
    #[error("{0} Actions were found, maximum allowed is {ACTIONS_MAX}.")]
    TooManyActions(usize),
    /// The policy would exceed a limit, or is none.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// The policy with one statement more.
///
/// # Errors
/// See [`PermissionError`].
pub fn add_permission(
    policy: Option<&str>,
    queue_arn: &str,
    label: &str,
    accounts: &[&str],
    actions: &[&str],
) -> Result<String, PermissionError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=80).contains(&label.len()) || !label.bytes().all(plain) {
        return Err(PermissionError::Label);
    }
    if actions.len() > ACTIONS_MAX {
        return Err(PermissionError::TooManyActions(actions.len()));
    }
    if accounts.len() > PRINCIPALS_MAX {
        return Err(PolicyError::TooMany("principals in a statement", PRINCIPALS_MAX).into());
    }
    if let Some(wrong) = actions.iter().find(|action| !SHAREABLE.contains(action)) {
        return Err(PermissionError::Action(wrong.chars().take(80).collect()));
    }
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(wrong) = accounts.iter().find(|account| !is_account(account)) {
        return Err(PermissionError::Account(wrong.chars().take(80).collect()));
    }
    let mut whole = match policy {
        Some(text) => read(text)?,
        None => json!({"Version": "2012-10-17", "Id": format!("{queue_arn}/SQSDefaultPolicy"), "Statement": []}),
    };
    let held = statements(&mut whole)?;
    if held.iter().any(|statement| has_label(statement, label)) {
        return Err(PermissionError::LabelTaken);
    }
    let principals: Vec<_> = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions: Vec<_> = actions.iter().map(|action| format!("SQS:{action}")).collect();
    held.push(json!({
        "Sid": label, "Effect": "Allow", "Principal": {"AWS": alone(principals)}, "Action": alone(actions), "Resource": queue_arn,
    }));
    let text = whole.to_string();
    Policy::parse(&text)?;
    Ok(text)
}

/// The policy without the statement of that label; `None` if it was the only one.
///
/// # Errors
/// There is none.
pub fn remove_permission(policy: Option<&str>, label: &str) -> Result<Option<String>, PermissionError> {
    let mut whole = read(policy.ok_or(PermissionError::NoSuchLabel)?)?;
    let held = statements(&mut whole)?;
    let before = held.len();
    held.retain(|statement| !has_label(statement, label));
    match held.len() {
        after if after == before => Err(PermissionError::NoSuchLabel),
        0 => Ok(None),
        _ => Ok(Some(whole.to_string())),
    }
}

fn read(text: &str) -> Result<Value, PolicyError> {
    serde_json::from_str(text).map_err(|_| PolicyError::NotJson)
}

/// The statements as a list, if there was only one too.
fn statements(whole: &mut Value) -> Result<&mut Vec<Value>, PolicyError> {
    let held = whole.get_mut("Statement").ok_or(PolicyError::Missing("Statement"))?;
    if !held.is_array() {
        *held = Value::Array(vec![held.take()]);
    }
    held.as_array_mut().ok_or(PolicyError::Missing("Statement"))
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

/// One text alone, several in a list, as AWS writes them.
fn alone(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { texts.pop().into() } else { texts.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asked, Verdict};

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000001:jobs";

    fn allows(policy: &str, account: &str, action: &str) -> bool {
        let asked = Asked {
            account,
            user: Some("x"),
            action,
            resource: ARN,
            source_ip: None,
            is_secure: false,
            unix_seconds: 0,
        };
        Policy::parse(policy).unwrap().verdict(&asked) == Verdict::Allowed
    }

    #[test]
    fn a_permission_lets_in_until_it_is_removed() {
        let first = add_permission(None, ARN, "one", &["000000000002"], &["SendMessage"]).unwrap();
        let both = add_permission(Some(&first), ARN, "two", &["000000000003", "000000000004"], &["*"]).unwrap();
        for (account, action, expected) in [
            ("000000000002", "sqs:SendMessage", true),
            ("000000000002", "sqs:ReceiveMessage", false),
            ("000000000004", "sqs:PurgeQueue", true),
            ("000000000005", "sqs:SendMessage", false),
        ] {
            assert_eq!(allows(&both, account, action), expected, "{account} {action}");
        }
        let second = remove_permission(Some(&both), "one").unwrap().unwrap();
        assert!(
            !allows(&second, "000000000002", "sqs:SendMessage") && allows(&second, "000000000003", "sqs:SendMessage")
        );
        assert_eq!(remove_permission(Some(&second), "two"), Ok(None));
        assert_eq!(remove_permission(Some(&second), "one"), Err(PermissionError::NoSuchLabel));
        assert_eq!(remove_permission(None, "one"), Err(PermissionError::NoSuchLabel));
    }

    #[test]
    fn what_cannot_be_permitted_is_refused() {
        let first = add_permission(None, ARN, "one", &["000000000002"], &["*"]).unwrap();
        let add = |label: &str, account: &str, actions: &[&str]| {
            add_permission(Some(&first), ARN, label, &[account], actions).unwrap_err()
        };
        let me = "000000000002";
        assert_eq!(add("one", me, &["*"]), PermissionError::LabelTaken);
        assert_eq!(add("", me, &["*"]), PermissionError::Label);
        assert_eq!(add("a b", me, &["*"]), PermissionError::Label);
        assert_eq!(add("two", "12", &["*"]), PermissionError::Account("12".into()));
        assert_eq!(add("two", me, &["CreateQueue"]), PermissionError::Action("CreateQueue".into()));
        assert_eq!(add("two", me, &["*"; 8]), PermissionError::TooManyActions(8));
        let mut policy = first;
        for number in 0..19 {
            policy = add_permission(Some(&policy), ARN, &format!("n{number}"), &[me], &["*"]).unwrap();
        }
        let full = add_permission(Some(&policy), ARN, "more", &[me], &["*"]);
        assert_eq!(full, Err(PermissionError::Policy(PolicyError::TooMany("statements", 20))));
    }

    #[test]
    fn statements_written_by_others_stay() {
        let theirs = r#"{"Statement":{"Sid":"deny","Effect":"Deny","Principal":"*","Action":"sqs:PurgeQueue"}}"#;
        let both = add_permission(Some(theirs), ARN, "one", &["000000000002"], &["*"]).unwrap();
        assert!(allows(&both, "000000000002", "sqs:SendMessage") && !allows(&both, "000000000002", "sqs:PurgeQueue"));
    }
}
