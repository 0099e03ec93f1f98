//! The one form in which a policy is kept and told: compact, its elements in the order in which AWS writes them, its statements in a
//! list, and accounts among the principals as the ARNs that AWS makes of them.

use super::{Policy, PolicyError, statement::account_arn};
use serde::Serialize;
use serde_json::Value;

/// A policy in that form; it says the same.
///
/// # Errors
/// See [`Policy::parse`]; the form has to keep the limits too.
pub fn normal(text: &str) -> Result<String, PolicyError> {
    Policy::parse(text)?;
    let mut whole: Value = serde_json::from_str(text).map_err(|_| PolicyError::NotJson)?;
    let statements = match whole.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => statements,
        one => one.into_iter().collect(),
    };
    let mut element = |name: &str| whole.get_mut(name).map(Value::take);
    let (version, id) = (element("Version"), element("Id"));
    let form = Whole { version, id, statement: statements.into_iter().map(Statement::of).collect() };
    let text = serde_json::to_string(&form).map_err(|_| PolicyError::NotJson)?;
    Policy::parse(&text)?;
    Ok(text)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl Statement {
    fn of(mut statement: Value) -> Self {
        let mut element = |name: &str| statement.get_mut(name).map(Value::take);
        let mut principal = element("Principal");
        if let Some(accounts) = principal.as_mut().and_then(|principal| principal.get_mut("AWS")) {
            match accounts {
                Value::Array(accounts) => accounts.iter_mut().for_each(name_account),
                account => name_account(account),
            }
        }
        Self {
            sid: element("Sid"),
            effect: element("Effect"),
            principal,
            action: element("Action"),
            not_action: element("NotAction"),
            resource: element("Resource"),
            not_resource: element("NotResource"),
            condition: element("Condition"),
        }
    }
}

/// Twelve digits become the ARN of the account.
fn name_account(principal: &mut Value) {
    if let Some(arn) = principal.as_str().and_then(account_arn) {
        *principal = Value::String(arn);
    }
}
