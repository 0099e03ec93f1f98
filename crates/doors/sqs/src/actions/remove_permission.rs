//! `RemovePermission`: a statement is taken out of a queue's policy by its label.
//!
//! AWS API Reference, RemovePermission.

pub(crate) use super::permission::Editing as Waiting;
use super::{Call, Next, permission::Edit};
use crate::{
    error::SqsError,
    json_in::{Text, parse},
    query::{Shape, text},
};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("QueueUrl"), text("Label")], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let label = request.label.as_deref().filter(|label| !label.is_empty());
    let label = label.ok_or(SqsError::MissingParameter("Label"))?.into();
    Waiting::begin(call, queue, Edit::Remove { label })
}
