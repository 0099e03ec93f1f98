//! `RedrivePolicy` and `RedriveAllowPolicy`: JSON within a string, about queues by their ARNs.
//!
//! AWS API Reference, SetQueueAttributes. `maxReceiveCount` comes as a number or as a string of one. Both queues are of one
//! account; that they exist and fit is for the machine to say. The words of refusals are AWS's, as they were seen.

use super::invalid;
use crate::{arn, caller::Caller, error::SqsError, json_in::Text, text::echo};
use evenkeel_machine::{
    limits::{ALLOWED_SOURCES_MAX, GRANTS_MAX},
    queue::Allowed,
};
use evenkeel_types::AccountId;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Write as _};

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
    // What the members are is looked at by itself, so that each mistake has its own words.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy<'a> {
        #[serde(borrow)]
        max_receive_count: Option<&'a RawValue>,
        #[serde(borrow)]
        dead_letter_target_arn: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether there are others is asked")]
    struct Nothing {
        max_receive_count: Option<IgnoredAny>,
        dead_letter_target_arn: Option<IgnoredAny>,
    }
    if value.is_empty() {
        return Ok(None);
    }
    let policy: Policy<'_> = object(value).ok_or_else(|| {
        SqsError::InvalidAttributeValue(format!(
            "Invalid value for the parameter {POLICY}. Reason: Redrive policy is not a valid JSON map."
        ))
    })?;
    let absent =
        |member: &str| refused(value, &format!("Redrive policy does not contain mandatory attribute: {member}."));
    let count = policy.max_receive_count.ok_or_else(|| absent("maxReceiveCount"))?;
    let target = policy.dead_letter_target_arn.ok_or_else(|| absent("deadLetterTargetArn"))?;
    let count = string(count).unwrap_or_else(|| Cow::Borrowed(count.get()));
    let grants = count.parse().ok().filter(|grants| (1..=GRANTS_MAX).contains(grants)).ok_or_else(|| {
        let count = echo(&count);
        let reason = format!(
            "Invalid value for maxReceiveCount: {count}, valid values are from 1 to {GRANTS_MAX} both inclusive."
        );
        refused(value, &reason)
    })?;
    let no_target = || refused(value, "Invalid value for deadLetterTargetArn.");
    let target = string(target).ok_or_else(no_target)?;
    let (owner, name) = match arn::parse(&target) {
        Some(named) => named,
        None if arn::is_of_another_service(&target) => {
            return Err(refused(value, "Only SQS queues are valid resources for deadLetterTargetArn."));
        }
        None => return Err(no_target()),
    };
    if owner != account {
        return Err(refused(value, "Dead letter target owner should be same as the source."));
    }
    if object::<Nothing>(value).is_none() {
        return Err(refused(value, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn]."));
    }
    // A key for some queues must not send to another by way of dead letters.
    caller.may_use(name)?;
    Ok(Some((name.into(), grants)))
}

/// That a policy is refused, in the words that AWS has for all of them.
pub(crate) fn refused(policy: &str, reason: &str) -> SqsError {
    SqsError::value(policy, POLICY, reason)
}

/// What a JSON string says.
fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
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
