//! From a form's parameters to the JSON of the action's request.
//!
//! A parameter's name is a path through the action's [`Shape`](super::Shape): `SendMessageBatchRequestEntry.2.MessageAttribute.1.Name`.
//! Elements stand in the order of their numbers, wherever these begin and whatever gaps they have. Clients differ, so
//! the same is also understood in other spellings:
//!
//! | | |
//! |---|---|
//! | `AttributeName.1` | as SQS's model has it |
//! | `AttributeNames.1`, `Tags.1.Key` | by the member's name; botocore calls tags so |
//! | `AttributeNames.member.1`, `Attributes.entry.1.key` | not flattened, as elsewhere in AWS |
//! | `AttributeName=All`, `Attribute.Name=…` | a single element without a number, as in AWS's older examples |
//! | `AttributeNames=` | an empty list, as botocore writes it |

use super::{
    form::Parameter,
    shape::{Field, Kind},
};
use crate::{error::SqsError, json_out::quote, text::echo};
use std::collections::BTreeMap;

/// Writes the request.
pub(super) fn to_json(fields: &[Field], parameters: &[Parameter<'_>]) -> Result<Vec<u8>, SqsError> {
    let bytes: usize = parameters.iter().map(|parameter| 16 + parameter.name.len() + parameter.value.len()).sum();
    let mut json = Vec::with_capacity(bytes);
    let parts = parameters.iter().map(|parameter| Part { rest: Some(&parameter.name), parameter }).collect();
    structure(&mut json, fields, parts)?;
    Ok(json)
}

/// A parameter, and what is not yet read of its name.
#[derive(Clone, Copy)]
struct Part<'p> {
    rest: Option<&'p str>,
    parameter: &'p Parameter<'p>,
}

impl<'p> Part<'p> {
    /// The next segment of its name, and what is behind it.
    fn step(self) -> Option<(&'p str, Self)> {
        let rest = self.rest?;
        let (segment, rest) = rest.split_once('.').map_or((rest, None), |(segment, rest)| (segment, Some(rest)));
        Some((segment, Self { rest, ..self }))
    }

    /// What is behind the next segment, if that is called so.
    fn behind(self, names: [&str; 2]) -> Option<Self> {
        self.step().filter(|(segment, _)| names.contains(segment)).map(|(_, behind)| behind)
    }

    /// That its name does not go with the action or with another parameter.
    fn conflict(self) -> SqsError {
        SqsError::ConflictingQueryParameter(echo(&self.parameter.name))
    }
}

fn structure(json: &mut Vec<u8>, fields: &[Field], parts: Vec<Part<'_>>) -> Result<(), SqsError> {
    if let Some(ended) = parts.iter().find(|part| part.rest.is_none()) {
        return Err(ended.conflict());
    }
    json.push(b'{');
    let mut first = true;
    for field in fields {
        let own: Vec<_> = parts.iter().filter_map(|part| part.behind([field.query, field.json])).collect();
        if own.is_empty() {
            continue;
        }
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        quote(field.json, json);
        json.push(b':');
        value(json, &field.kind, own)?;
    }
    json.push(b'}');
    Ok(())
}

/// Writes what some parameters say together; there is at least one.
fn value(json: &mut Vec<u8>, kind: &Kind, parts: Vec<Part<'_>>) -> Result<(), SqsError> {
    match kind {
        Kind::Text => quote(scalar(&parts)?, json),
        Kind::Integer => {
            let text = scalar(&parts)?;
            let number: i32 = text.parse().map_err(|_| {
                let name = parts.first().map_or("", |part| &part.parameter.name);
                let (text, name) = (echo(text), echo(name));
                SqsError::Serialization(format!(
                    "Value {text} for parameter {name} is invalid. Reason: Must be an integer."
                ))
            })?;
            json.extend_from_slice(number.to_string().as_bytes());
        }
        Kind::List(of) => {
            json.push(b'[');
            for (at, (_, parts)) in elements(parts)?.into_iter().enumerate() {
                if at > 0 {
                    json.push(b',');
                }
                value(json, of, parts)?;
            }
            json.push(b']');
        }
        Kind::Map { key, value: name, of } => {
            json.push(b'{');
            for (at, (_, parts)) in elements(parts)?.into_iter().enumerate() {
                if at > 0 {
                    json.push(b',');
                }
                entry(json, [key, name], of, &parts)?;
            }
            json.push(b'}');
        }
        Kind::Structure(fields) => structure(json, fields, parts)?,
    }
    Ok(())
}

fn entry(json: &mut Vec<u8>, names: [&str; 2], of: &Kind, parts: &[Part<'_>]) -> Result<(), SqsError> {
    let [key, name] = names;
    let keys: Vec<_> = parts.iter().filter_map(|part| part.behind([key, "key"])).collect();
    let values: Vec<_> = parts.iter().filter_map(|part| part.behind([name, "value"])).collect();
    if keys.is_empty() || values.is_empty() {
        let (absent, given) = if keys.is_empty() { (key, &values) } else { (name, &keys) };
        let Some(given) = given.first().or_else(|| parts.first()) else { return Ok(()) };
        let given = echo(&given.parameter.name);
        return Err(SqsError::MissingPart(format!("The request must contain the parameter {absent} beside {given}.")));
    }
    quote(scalar(&keys)?, json);
    json.push(b':');
    value(json, of, values)
}

/// The one value that some parameters give.
fn scalar<'p>(parts: &[Part<'p>]) -> Result<&'p str, SqsError> {
    match parts {
        [Part { rest: None, parameter }] => Ok(&parameter.value),
        [part] | [_, part, ..] => Err(part.conflict()),
        // Nobody asks without a part.
        [] => Ok(""),
    }
}

/// The elements of a list or map, by number.
fn elements(parts: Vec<Part<'_>>) -> Result<BTreeMap<u32, Vec<Part<'_>>>, SqsError> {
    let mut elements: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for part in parts {
        let inner = part.behind(["member", "entry"]).filter(|inner| inner.rest.is_some()).unwrap_or(part);
        let (number, element) = match inner.step() {
            Some((digits, behind)) if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() => {
                (digits.parse().map_err(|_| part.conflict())?, behind)
            }
            Some(_) => (1, part),
            None if part.parameter.value.is_empty() => continue,
            None => (1, part),
        };
        elements.entry(number).or_default().push(element);
    }
    Ok(elements)
}
