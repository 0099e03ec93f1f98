//! Permissions: statements of a policy that AddPermission writes and RemovePermission takes out again, by their labels.
//!
//! Amazon SQS API Reference, AddPermission and RemovePermission: an allowance for accounts, of actions on the queue. What else is in
//! the policy keeps its meaning. Messages are AWS's own where they are known.

use crate::{
    PolicyError,
    actions::{is_owners, is_shareable},
    document::{account_arn, cut},
    limits::{ACTIONS_MAX, LABEL_BYTES_MAX, PRINCIPALS_MAX, STATEMENTS_MAX},
    normal,
};
use serde_json::{Value, json};

/// Why a permission was neither added nor removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// A label of other characters, or a longer one.
    #[error(
        "Value {0} for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to \
         {LABEL_BYTES_MAX} in length."
    )]
    Label(String),
    /// There is a statement of that label.
    #[error("Value {0} for parameter Label is invalid. Reason: Already exists.")]
    LabelTaken(String),
    /// There is none of that label.
    #[error("Value {0} for parameter Label is invalid. Reason: can't find label on existing policy.")]
    NoSuchLabel(String),
    /// There is no policy, and so no label at all.
    #[error("Value {0} for parameter Label is invalid. Reason: can't find label.")]
    NoLabels(String),
    /// No account of twelve digits, or none at all.
    #[error("Value [{0}] for parameter PrincipalId is invalid. Reason: Unable to verify.")]
    Account(String),
    /// Only the owner's.
    #[error(
        "Value SQS:{0} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
    )]
    OwnersAction(String),
    /// None that there is.
    #[error(
        "Value SQS:{0} for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid \
         actions."
    )]
    NoAction(String),
    /// Too much of something.
    #[error("{0} {1} were found, maximum allowed is {2}.")]
    TooMany(usize, &'static str, usize),
    /// The policy would be too long, or is none.
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
    accounts: &[impl AsRef<str>],
    actions: &[impl AsRef<str>],
) -> Result<String, PermissionError> {
    check_label(label)?;
    if actions.len() > ACTIONS_MAX {
        return Err(PermissionError::TooMany(actions.len(), "Actions", ACTIONS_MAX));
    }
    if accounts.len() > PRINCIPALS_MAX {
        return Err(PermissionError::TooMany(accounts.len(), "Principals", PRINCIPALS_MAX));
    }
    let principals: Vec<_> = accounts
        .iter()
        .map(AsRef::as_ref)
        .map(|account| account_arn(account).ok_or_else(|| PermissionError::Account(cut(account))))
        .collect::<Result<_, _>>()?;
    if principals.is_empty() {
        return Err(PermissionError::Account(String::new()));
    }
    let actions: Vec<&str> = actions.iter().map(AsRef::as_ref).collect();
    if let Some(wrong) = actions.iter().find(|action| **action != "*" && !is_shareable(action)) {
        let error = if is_owners(wrong) { PermissionError::OwnersAction } else { PermissionError::NoAction };
        return Err(error(cut(wrong)));
    }
    let mut whole = match policy {
        Some(text) => read(text)?,
        // The older version, as AWS writes it; for what is written here they are the same.
        None => json!({"Version": "2008-10-17", "Id": format!("{queue_arn}/SQSDefaultPolicy"), "Statement": []}),
    };
    let held = statements(&mut whole)?;
    if held.iter().any(|statement| has_label(statement, label)) {
        return Err(PermissionError::LabelTaken(label.to_owned()));
    }
    let actions: Vec<_> = actions.iter().map(|action| format!("SQS:{action}")).collect();
    held.push(json!({
        "Sid": label, "Effect": "Allow", "Principal": {"AWS": alone(principals)}, "Action": alone(actions), "Resource": queue_arn,
    }));
    if held.len() > STATEMENTS_MAX {
        return Err(PermissionError::TooMany(held.len(), "Statements", STATEMENTS_MAX));
    }
    Ok(normal(&whole.to_string())?)
}

/// The policy without the statement of that label; `None` if it was the only one.
///
/// # Errors
/// There is none, or it could be none's.
pub fn remove_permission(policy: Option<&str>, label: &str) -> Result<Option<String>, PermissionError> {
    check_label(label)?;
    let absent = || PermissionError::NoSuchLabel(label.to_owned());
    let mut whole = read(policy.ok_or_else(|| PermissionError::NoLabels(label.to_owned()))?)?;
    let held = statements(&mut whole)?;
    let before = held.len();
    held.retain(|statement| !has_label(statement, label));
    match held.len() {
        after if after == before => Err(absent()),
        0 => Ok(None),
        _ => Ok(Some(normal(&whole.to_string())?)),
    }
}

fn check_label(label: &str) -> Result<(), PermissionError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(plain) {
        Ok(())
    } else {
        Err(PermissionError::Label(cut(label)))
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
    use crate::{Asked, Policy, Verdict};

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000001:jobs";

    fn allows(policy: &str, account: &str, action: &str) -> bool {
        let asked = Asked {
            account,
            user: Some("x"),
            action,
            owner: "000000000001",
            queue: "jobs",
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
        assert_eq!(remove_permission(Some(&second), "one"), Err(PermissionError::NoSuchLabel("one".into())));
        assert_eq!(remove_permission(None, "one"), Err(PermissionError::NoLabels("one".into())));
    }

    #[test]
    fn what_cannot_be_permitted_is_refused() {
        let first = add_permission(None, ARN, "one", &["000000000002"], &["*"]).unwrap();
        let add = |label: &str, account: &str, actions: &[&str]| {
            add_permission(Some(&first), ARN, label, &[account], actions).unwrap_err()
        };
        let me = "000000000002";
        let long = "x".repeat(81);
        assert_eq!(add("one", me, &["*"]), PermissionError::LabelTaken("one".into()));
        for wrong in ["", "a b", "a.b", "é", &long] {
            assert_eq!(add(wrong, me, &["*"]), PermissionError::Label(wrong.into()));
            assert_eq!(remove_permission(Some(&first), wrong), Err(PermissionError::Label(wrong.into())));
        }
        for wrong in ["12", "*", "arn:aws:iam::000000000002:root", "00000000000x"] {
            assert_eq!(add("two", wrong, &["*"]), PermissionError::Account(wrong.into()));
        }
        assert_eq!(add_permission(None, ARN, "two", &[""; 0], &["*"]), Err(PermissionError::Account("".into())));
        assert_eq!(add("two", me, &["CreateQueue"]), PermissionError::OwnersAction("CreateQueue".into()));
        for wrong in ["SendMessageBatch", "sendmessage", "Send*", "SQS:SendMessage", ""] {
            assert_eq!(add("two", me, &["SendMessage", wrong]), PermissionError::NoAction(wrong.into()));
        }
        assert_eq!(add("two", me, &["*"; 8]), PermissionError::TooMany(8, "Actions", 7));
        let mut policy = first;
        for number in 0..19 {
            policy = add_permission(Some(&policy), ARN, &format!("n{number}"), &[me], &["*"]).unwrap();
        }
        let full = add_permission(Some(&policy), ARN, "more", &[me], &["*"]);
        assert_eq!(full, Err(PermissionError::TooMany(21, "Statements", 20)));
        let many = add_permission(None, ARN, "more", &[me; 51], &["*"]);
        assert_eq!(many, Err(PermissionError::TooMany(51, "Principals", 50)));
    }

    #[test]
    fn statements_written_by_others_stay() {
        let theirs = r#"{"Statement":{"Sid":"deny","Effect":"Deny","Principal":"*","Action":"sqs:PurgeQueue"}}"#;
        let both = add_permission(Some(theirs), ARN, "one", &["000000000002"], &["*"]).unwrap();
        assert!(allows(&both, "000000000002", "sqs:SendMessage") && !allows(&both, "000000000002", "sqs:PurgeQueue"));
    }
}
