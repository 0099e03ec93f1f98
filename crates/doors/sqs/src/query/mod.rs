//! The Query protocol: forms in, XML out, around the same actions.
//!
//! AWS's older protocol for SQS (API Reference, 2012-11-05), which SDKs from before November 2023, presigned URLs and people
//! with curl speak. Here it is a translation on both sides: a form becomes the JSON request that the action reads, and the
//! JSON answer becomes XML, both by the action's [`Shape`]. So an action knows one protocol, and what it does is the same
//! in both. Rules it keeps:
//!
//! 1. A form comes by POST, in the query string, or half and half; whatever is given twice is refused.
//! 2. A parameter that the action does not know is skipped, as an unknown member of JSON is: `AWSAccessKeyId`, `X-Amz-Date`.
//! 3. Without `QueueUrl` the queue is the one whose path the request went to.
//! 4. What is written is well-formed XML, whatever the text; see [`xml`].
//!
//! The cost is one more pass over a request and one over its answer, paid only by who speaks this protocol.

mod form;
mod request;
mod shape;
pub(crate) mod xml;

pub(crate) use shape::{
    FAILED, Kind, MESSAGE_ATTRIBUTES, MESSAGE_SYSTEM_ATTRIBUTES, Shape, integer, list, map, tags, text,
};

use crate::{
    actions::Action,
    caller::Head,
    error::SqsError,
    text::{echo, is_media_type},
};
use form::Parameter;
use std::borrow::Cow;

/// The `Content-Type` of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// The one version of the API that there is, and that SDKs name.
const VERSION: &str = "2012-11-05";

/// Reads a form: which action is called, and its request as the JSON that the action reads.
pub(crate) fn read(head: &Head<'_>, body: &[u8]) -> Result<(Action, Vec<u8>), SqsError> {
    let mut parameters = Vec::new();
    form::read(head.query.as_bytes(), &mut parameters)?;
    if !body.is_empty() {
        if head.content_type.is_some_and(|given| !is_media_type(given, FORM)) {
            return Err(SqsError::InvalidHttpRequest(format!("Invalid HTTP request. Reason: the body is not {FORM}.")));
        }
        form::read(body, &mut parameters)?;
    }
    if one(&parameters, "Version")?.is_some_and(|version| version != VERSION) {
        return Err(SqsError::NoSuchVersion);
    }
    let name = one(&parameters, "Action")?.filter(|name| !name.is_empty()).ok_or(SqsError::MissingAction)?;
    let action = Action::of_name(name)?;
    let shape = action.shape();
    if head.path.len() > 1 && shape.has_queue_url() && one(&parameters, "QueueUrl")?.is_none() {
        parameters.push(Parameter { name: Cow::Borrowed("QueueUrl"), value: Cow::Borrowed(head.path) });
    }
    Ok((action, request::to_json(shape.request, &parameters)?))
}

/// The value of a parameter that may be given once.
fn one<'p>(parameters: &'p [Parameter<'_>], name: &str) -> Result<Option<&'p str>, SqsError> {
    let mut given = parameters.iter().filter(|parameter| parameter.name == name);
    let first = given.next();
    match given.next() {
        Some(_) => Err(SqsError::ConflictingQueryParameter(echo(name))),
        None => Ok(first.map(|parameter| &*parameter.value)),
    }
}
