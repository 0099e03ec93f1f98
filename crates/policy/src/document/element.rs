//! Elements of JSON: objects whose every member is accounted for, and texts that may stand alone or in a list.

use super::PolicyError;
use serde_json::{Map, Value};

/// An object being read: what was not taken in the end is an error, so that a misspelt element cannot be passed over.
pub(super) struct Object<'v> {
    members: &'v Map<String, Value>,
    taken: Vec<&'static str>,
}

impl<'v> Object<'v> {
    pub(super) fn new(value: &'v Value, what: &'static str) -> Result<Self, PolicyError> {
        let members = value.as_object().ok_or(PolicyError::NotObject(what))?;
        Ok(Self { members, taken: Vec::new() })
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<&'v Value> {
        self.taken.push(name);
        self.members.get(name)
    }

    pub(super) fn finish(self) -> Result<(), PolicyError> {
        match self.members.keys().find(|name| !self.taken.contains(&name.as_str())) {
            Some(name) => Err(PolicyError::Unknown(name.chars().take(64).collect())),
            None => Ok(()),
        }
    }
}

/// A text, or a list of at least one.
pub(super) fn texts<'v>(value: &'v Value, what: &'static str) -> Result<Vec<&'v str>, PolicyError> {
    let one = |value: &'v Value| value.as_str().ok_or(PolicyError::NotText(what));
    match value {
        Value::Array(values) if values.is_empty() => Err(PolicyError::Missing(what)),
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// As [`texts`], but numbers and booleans may stand for their texts, as in the values of conditions.
pub(super) fn scalars(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => Some(vec![one(value)?]),
    }
}
