//! Policies of queues: who else may do what, and who may not. The JSON of IAM, read and compared.
//!
//! IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic"; Amazon SQS Developer Guide, "Quotas related to
//! policies" for the limits.
//!
//! 1. A policy is read wholly when it is set. What this version cannot compare, above all an operator of a condition, is refused
//!    then: a statement that is not understood must not be passed over later.
//! 2. A statement counts if principal, action, resource and all conditions hold. One `Deny` that counts decides; else one `Allow`.
//! 3. It is kept and told in one form ([`normal`]), whatever form it came in: what is told is what is compared.
//! 4. The kinds of a request are [`Asked`]: all that a statement can ask about. A key of a condition that is not among them is absent.

mod condition;
mod element;
mod error;
mod form;
mod statement;

pub use error::PolicyError;
pub use form::normal;
pub(crate) use statement::{account_arn, cut};

use crate::actions::comparable;
use crate::limits::{POLICY_BYTES_MAX, STATEMENTS_MAX};
use element::Object;
use std::net::IpAddr;

use statement::Statement;

/// A policy that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What a policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement forbids it.
    Denied,
    /// A statement allows it, and none forbids it.
    Allowed,
    /// No statement is about it.
    Silent,
}

/// A request, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The account of whoever signed: twelve digits.
    pub account: &'a str,
    /// The name of the access key's user within it; `None` for root.
    pub user: Option<&'a str>,
    /// `sqs:SendMessage`; a batch counts as what it is a batch of.
    pub action: &'a str,
    /// The account of the queue: twelve digits.
    pub owner: &'a str,
    /// The queue's name.
    pub queue: &'a str,
    /// Where the request came from.
    pub source_ip: Option<IpAddr>,
    /// Whether it came encrypted.
    pub is_secure: bool,
    /// The time, in seconds since 1970.
    pub unix_seconds: i64,
}

impl Verdict {
    /// Whether the request is let in, as far as policies go: what is denied is refused, the owner's account may do the rest, and
    /// other accounts may do what they are allowed. Of keys with rights, those have to allow it too.
    #[must_use]
    pub fn lets_in(self, is_owner: bool) -> bool {
        match self {
            Self::Denied => false,
            Self::Allowed => true,
            Self::Silent => is_owner,
        }
    }
}

impl Asked<'_> {
    /// The ARN of whoever signed.
    fn principal_arn(&self) -> String {
        match self.user {
            Some(user) => format!("arn:aws:iam::{}:user/{user}", self.account),
            None => format!("arn:aws:iam::{}:root", self.account),
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// It is no policy, exceeds a limit, or has what this version cannot compare.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong);
        }
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| PolicyError::NotJson)?;
        let mut object = Object::new(&value, "the policy")?;
        match object.take("Version").map(|value| value.as_str()) {
            None | Some(Some("2012-10-17" | "2008-10-17")) => {}
            Some(_) => return Err(PolicyError::Version),
        }
        if object.take("Id").is_some_and(|id| !id.is_string()) {
            return Err(PolicyError::NotText("Id"));
        }
        let statements = object.take("Statement").ok_or(PolicyError::Missing("Statement"))?;
        object.finish()?;
        let statements = match statements {
            serde_json::Value::Array(statements) => statements.as_slice(),
            one => std::slice::from_ref(one),
        };
        if statements.is_empty() {
            return Err(PolicyError::Missing("Statement"));
        }
        if statements.len() > STATEMENTS_MAX {
            return Err(PolicyError::TooMany("statements", STATEMENTS_MAX));
        }
        let statements: Vec<_> = statements.iter().map(Statement::read).collect::<Result<_, _>>()?;
        for (at, statement) in statements.iter().enumerate() {
            if statement.sid.is_some() && statements.iter().skip(at + 1).any(|other| other.sid == statement.sid) {
                return Err(PolicyError::SidRepeated);
            }
        }
        Ok(Self { statements })
    }

    /// What it says about a request. O(statements).
    #[must_use]
    pub fn verdict(&self, asked: &Asked<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        let (action, resource) = (comparable(asked.action), format!("{}:{}", asked.owner, asked.queue));
        for statement in self.statements.iter().filter(|statement| statement.is_about(asked, &action, &resource)) {
            if !statement.allows {
                return Verdict::Denied;
            }
            verdict = Verdict::Allowed;
        }
        verdict
    }
}

#[cfg(test)]
mod tests;
