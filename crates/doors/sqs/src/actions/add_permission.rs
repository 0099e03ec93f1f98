//! `AddPermission`: other accounts are let do something with a queue.
//!
//! AWS API Reference, AddPermission. It writes a statement into the queue's policy, called by its label.

pub(crate) use super::permission::Editing as Waiting;
use super::{Call, Next, permission::Edit};
use crate::{
    error::SqsError,
    json_in::{List, Text, parse},
    limits::PERMISSION_TEXTS_MAX,
    query::{Kind, Shape, list, text},
};
use evenkeel_policy::{PermissionError, limits::ACTIONS_MAX, limits::PRINCIPALS_MAX};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        text("Label"),
        list("AWSAccountIds", "AWSAccountId", &Kind::Text),
        list("Actions", "ActionName", &Kind::Text),
    ],
    answer: None,
};

type Texts<'a> = List<Text<'a>, PERMISSION_TEXTS_MAX>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    /// In capitals as the model has it.
    #[serde(borrow, rename = "AWSAccountIds")]
    accounts: Option<Texts<'a>>,
    #[serde(borrow)]
    actions: Option<Texts<'a>>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let label = request.label.as_deref().filter(|label| !label.is_empty());
    let label = label.ok_or(SqsError::MissingParameter("Label"))?.into();
    let actions = texts(request.actions, "Actions", ACTIONS_MAX)?;
    if actions.is_empty() {
        return Err(SqsError::MissingParameter("Actions"));
    }
    let accounts = texts(request.accounts, "Principals", PRINCIPALS_MAX)?;
    Waiting::begin(call, queue, Edit::Add { label, accounts, actions })
}

/// All texts of a list; of one that is too long not all are kept, and there is nothing to look at.
fn texts(given: Option<Texts<'_>>, what: &'static str, max: usize) -> Result<Vec<Box<str>>, SqsError> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if given.count > max {
        return Err(PermissionError::TooMany(given.count, what, max).into());
    }
    Ok(given.kept.iter().map(|text| Box::from(&**text)).collect())
}
