//! A statement: who, what, where, and under which conditions.

use super::{
    Asked, PolicyError,
    condition::Condition,
    element::{Object, texts},
};
use crate::{
    actions::comparable,
    is_action_pattern,
    limits::{CONDITIONS_MAX, PRINCIPALS_MAX},
    matches,
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) allows: bool,
    principals: Vec<Principal>,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    Everybody,
    Account(String),
    User { account: String, name: String },
}

/// A list of patterns, one of which must match, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Patterns {
    of: Vec<String>,
    negated: bool,
}

impl Patterns {
    fn hold(&self, text: &str) -> bool {
        self.of.iter().any(|pattern| matches(pattern, text)) != self.negated
    }
}

impl Statement {
    pub(super) fn read(value: &Value) -> Result<Self, PolicyError> {
        let mut object = Object::new(value, "Statement")?;
        let sid = object.take("Sid").map(|sid| sid.as_str().ok_or(PolicyError::NotText("Sid"))).transpose()?;
        let allows = match object.take("Effect").ok_or(PolicyError::Missing("Effect"))?.as_str() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(PolicyError::Effect),
        };
        if object.take("NotPrincipal").is_some() {
            // It denies whoever is added later; a Deny with a condition on aws:PrincipalArn says the same and more clearly.
            return Err(PolicyError::Unsupported(
                "NotPrincipal is not supported: use Deny with a condition on aws:PrincipalArn",
            ));
        }
        let principals = principals(object.take("Principal").ok_or(PolicyError::Missing("Principal"))?)?;
        let actions = patterns(&mut object, "Action", "NotAction", |text| {
            if is_action_pattern(text) { Ok(comparable(text).into()) } else { Err(PolicyError::Action(cut(text))) }
        })?;
        let actions = actions.ok_or(PolicyError::Missing("Action"))?;
        let resources = patterns(&mut object, "Resource", "NotResource", |text| {
            refuse_variables(text)?;
            queue_pattern(text).ok_or_else(|| PolicyError::Resource(cut(text)))
        })?;
        // AWS's own examples leave it out here and there: a queue's policy is about that queue.
        let resources = resources.unwrap_or_else(|| Patterns { of: vec!["*".into()], negated: false });
        let conditions = match object.take("Condition") {
            Some(value) => Condition::read_all(value)?,
            None => Vec::new(),
        };
        if conditions.len() > CONDITIONS_MAX {
            return Err(PolicyError::TooMany("conditions in a statement", CONDITIONS_MAX));
        }
        object.finish()?;
        Ok(Self { sid: sid.map(str::to_owned), allows, principals, actions, resources, conditions })
    }

    /// Whether it is about a request; `action` is the request's, [`comparable`], `resource` its queue as in [`queue_pattern`].
    pub(super) fn is_about(&self, asked: &Asked<'_>, action: &str, resource: &str) -> bool {
        self.principals.iter().any(|principal| principal.is(asked))
            && self.actions.hold(action)
            && self.resources.hold(resource)
            && self.conditions.iter().all(|condition| condition.holds(asked))
    }
}

impl Principal {
    fn is(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Account(account) => account == asked.account,
            Self::User { account, name } => account == asked.account && Some(name.as_str()) == asked.user,
        }
    }

    fn read(text: &str) -> Result<Self, PolicyError> {
        if text == "*" {
            return Ok(Self::Everybody);
        }
        if is_account(text) {
            return Ok(Self::Account(text.into()));
        }
        let wrong = || PolicyError::Principal(cut(text));
        let (account, who) =
            text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(':')).ok_or_else(wrong)?;
        if !is_account(account) {
            return Err(wrong());
        }
        match who.strip_prefix("user/") {
            _ if who == "root" => Ok(Self::Account(account.into())),
            // A path before the name, as IAM has them, is no part of names here; wildcards are none in principals.
            Some(name) if !name.is_empty() && !name.contains(['/', '*', '?']) => {
                Ok(Self::User { account: account.into(), name: name.into() })
            }
            _ => Err(wrong()),
        }
    }
}

fn principals(value: &Value) -> Result<Vec<Principal>, PolicyError> {
    let texts = match value {
        Value::Object(_) => {
            let mut object = Object::new(value, "Principal")?;
            let named = object.take("AWS").map(|value| texts(value, "Principal"));
            // Services, federated users and canonical users do not exist here: nobody is one.
            for other in ["Service", "Federated", "CanonicalUser"] {
                if let Some(value) = object.take(other) {
                    texts(value, "Principal")?;
                }
            }
            object.finish()?;
            named.transpose()?.unwrap_or_default()
        }
        value if value == "*" => vec!["*"],
        Value::String(text) => return Err(PolicyError::Principal(cut(text))),
        _ => return Err(PolicyError::NotObject("Principal")),
    };
    if texts.len() > PRINCIPALS_MAX {
        return Err(PolicyError::TooMany("principals in a statement", PRINCIPALS_MAX));
    }
    texts.into_iter().map(Principal::read).collect()
}

/// The patterns of an element or of its opposite; `None` if neither is there.
fn patterns(
    object: &mut Object<'_>,
    name: &'static str,
    opposite: &'static str,
    read: impl Fn(&str) -> Result<String, PolicyError>,
) -> Result<Option<Patterns>, PolicyError> {
    let (value, negated) = match (object.take(name), object.take(opposite)) {
        (None, None) => return Ok(None),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (Some(_), Some(_)) => {
            return Err(PolicyError::Unsupported("an element and its opposite (Not...) cannot both be in a statement"));
        }
    };
    let of = texts(value, name)?.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(Patterns { of, negated }))
}

/// Policy variables stand for what differs from request to request; nothing fills them in here.
pub(super) fn refuse_variables(text: &str) -> Result<(), PolicyError> {
    if text.contains("${") {
        return Err(PolicyError::Unsupported("policy variables (${...}) are not supported"));
    }
    Ok(())
}

/// A pattern of ARNs of queues, as account and name with a colon between them: partition and region do not count, since one server
/// has one region, whatever its clients call it. No wildcard reaches over a colon of an ARN.
fn queue_pattern(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let parts: Vec<_> = text.split(':').collect();
    match parts[..] {
        ["arn", _, service, _, account, name] if matches(service, "sqs") => Some(format!("{account}:{name}")),
        _ => None,
    }
}

/// The ARN by which policies name a whole account; `None` if the text is no account of twelve digits.
pub(crate) fn account_arn(text: &str) -> Option<String> {
    is_account(text).then(|| format!("arn:aws:iam::{text}:root"))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(128).collect()
}
