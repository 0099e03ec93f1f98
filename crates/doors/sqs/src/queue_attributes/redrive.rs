//! `RedrivePolicy` and `RedriveAllowPolicy`: JSON within a string, about queues by their ARNs.
//!
//! AWS API Reference, SetQueueAttributes. `maxReceiveCount` comes as a number or as a string of one. Both queues are of one
//! account; that they exist and fit is for the machine to say.

use super::invalid;
use crate::{arn, caller::Caller, error::SqsError};
use evenkeel_machine::{limits::ALLOWED_SOURCES_MAX, queue::Allowed};
use evenkeel_types::AccountId;
use serde::Deserialize;
use std::fmt::Write as _;

const POLICY: &str = "RedrivePolicy";
const ALLOW: &str = super::ALLOW;
/// What lets every queue of the account in.
pub(super) const ALLOW_ALL: &str = r#"{"redrivePermission":"allowAll"}"#;

/// The name of the dead-letter queue, and after how many receives a message goes there. `None` ends it.
pub(super) fn policy(
    value: &str,
    account: AccountId,
    caller: &Caller<'_>,
) -> Result<Option<(Box<str>, u16)>, SqsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy<'a> {
        #[serde(borrow)]
        dead_letter_target_arn: Option<std::borrow::Cow<'a, str>>,
        max_receive_count: Option<Count>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u64),
        Text(String),
    }
    if value.is_empty() {
        return Ok(None);
    }
    let policy: Policy<'_> = object(value).ok_or_else(|| invalid(POLICY, "it is a JSON object"))?;
    let parameter = |reason: String| {
        SqsError::InvalidParameterValue(format!(
            "Value {} for parameter {POLICY} is invalid. Reason: {reason}",
            crate::text::echo(value)
        ))
    };
    let target = policy.dead_letter_target_arn;
    let target = target
        .ok_or_else(|| parameter("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.".into()))?;
    let count = policy
        .max_receive_count
        .ok_or_else(|| parameter("Redrive policy does not contain mandatory attribute: maxReceiveCount.".into()))?;
    let count = match count {
        Count::Number(number) => Some(number),
        Count::Text(text) => text.parse().ok(),
    };
    let count = count.and_then(|count| u16::try_from(count).ok());
    let count = count
        .filter(|count| (1..=evenkeel_machine::limits::GRANTS_MAX).contains(count))
        .ok_or_else(|| parameter("Invalid value for maxReceiveCount: must be an integer between 1 and 1000.".into()))?;
    let (owner, name) =
        arn::parse(&target).ok_or_else(|| parameter("Invalid value for deadLetterTargetArn.".into()))?;
    if owner != account {
        return Err(parameter("Dead letter target owner should be same as the source.".into()));
    }
    // A key for some queues must not send to another by way of dead letters.
    caller.may_use(name)?;
    Ok(Some((name.into(), count)))
}

/// Which queues may use one for their dead letters.
pub(super) fn allow(value: &str, account: AccountId) -> Result<Allowed, SqsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Allow {
        redrive_permission: Option<String>,
        source_queue_arns: Option<Vec<String>>,
    }
    if value.is_empty() {
        return Ok(Allowed::Everybody);
    }
    let Allow { redrive_permission, source_queue_arns } =
        object(value).ok_or_else(|| invalid(ALLOW, "it is a JSON object"))?;
    let alone = |allowed| match &source_queue_arns {
        Some(arns) if !arns.is_empty() => Err(invalid(ALLOW, "sourceQueueArns goes with byQueue only")),
        _ => Ok(allowed),
    };
    match redrive_permission.as_deref() {
        Some("allowAll") => alone(Allowed::Everybody),
        Some("denyAll") => alone(Allowed::Nobody),
        Some("byQueue") => {
            let arns = source_queue_arns.unwrap_or_default();
            if !(1..=ALLOWED_SOURCES_MAX).contains(&arns.len()) {
                return Err(invalid(ALLOW, &format!("byQueue needs 1 to {ALLOWED_SOURCES_MAX} sourceQueueArns")));
            }
            let name = |arn: &String| {
                let named = arn::parse(arn).filter(|(owner, _)| *owner == account);
                named.map(|(_, name)| name.into()).ok_or_else(|| invalid(ALLOW, "sourceQueueArns are of this account"))
            };
            Ok(Allowed::These(arns.iter().map(name).collect::<Result<_, _>>()?))
        }
        _ => Err(invalid(ALLOW, "redrivePermission is allowAll, denyAll or byQueue")),
    }
}

/// A policy as it is told.
pub(super) fn told_policy(prefix: &str, target: &str, grants_max: u16) -> String {
    format!(r#"{{"deadLetterTargetArn":"{prefix}{target}","maxReceiveCount":{grants_max}}}"#)
}

/// What is told of who may; nothing of what holds anyway.
pub(super) fn told_allow(prefix: &str, allowed: &Allowed) -> Option<String> {
    match allowed {
        Allowed::Everybody => None,
        Allowed::Nobody => Some(r#"{"redrivePermission":"denyAll"}"#.to_owned()),
        Allowed::These(names) => {
            // Names of queues need no escape.
            let mut told = r#"{"redrivePermission":"byQueue","sourceQueueArns":["#.to_owned();
            for (at, name) in names.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(told, r#"{comma}"{prefix}{name}""#);
            }
            Some(told + "]}")
        }
    }
}

/// A JSON object; structures could also be read from arrays.
fn object<'a, T: Deserialize<'a>>(value: &'a str) -> Option<T> {
    let value = value.trim_start();
    if value.starts_with('{') { serde_json::from_str(value).ok() } else { None }
}
