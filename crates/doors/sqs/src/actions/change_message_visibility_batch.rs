//! `ChangeMessageVisibilityBatch`: up to ten leases are changed by one command.
//!
//! AWS API Reference, ChangeMessageVisibilityBatch.

use super::{
    Call, Next,
    change_message_visibility::{self, lease},
    delete_message::held,
    propose, respond,
};
use crate::{
    batch::{self, Batch, Entries},
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{FAILED, Kind, Shape, integer, list, text},
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        list(
            "Entries",
            "ChangeMessageVisibilityBatchRequestEntry",
            &Kind::Structure(&[text("Id"), text("ReceiptHandle"), integer("VisibilityTimeout")]),
        ),
    ],
    answer: Some(&[list("Successful", "ChangeMessageVisibilityBatchResultEntry", &Kind::Structure(&[])), FAILED]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Entries<Entry<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i32>,
}

impl batch::Entry for Entry<'_> {
    const SHAPE: &'static str = "ChangeMessageVisibilityBatchRequestEntry";

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// The entries, those on their way with what is said again if they fail.
#[derive(Debug)]
pub(crate) struct Waiting {
    batch: Batch<change_message_visibility::Waiting>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let named = call.queue(request.queue_url.as_deref())?;
    let entries = batch::check(request.entries.as_ref())?;
    let mut batch = Batch::with_capacity(entries.len());
    let mut jobs = Vec::with_capacity(entries.len());
    let mut common = None;
    for entry in entries {
        let outcome = held(call.door, &named, entry.receipt_handle.as_deref()).and_then(|(queue, held)| {
            let (lease, seconds) = lease(entry.visibility_timeout)?;
            batch::same_queue(&mut common, queue, entry.receipt_handle.as_deref())?;
            jobs.push((held, lease));
            let handle = entry.receipt_handle.as_deref().unwrap_or_default().into();
            Ok(change_message_visibility::Waiting { handle, seconds })
        });
        batch.push(batch::Entry::id(&**entry), outcome);
    }
    match common {
        Some(queue) => {
            let waiting = super::Waiting::ChangeMessageVisibilityBatch(Waiting { batch });
            propose(&Command::ChangeLease { queue, jobs }, waiting)
        }
        None => respond(batch.refused()),
    }
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        let changed = match refusals::reply(answer)? {
            Reply::LeaseChanged(changed) => changed,
            other => return Err(refusals::mismatch(other)),
        };
        let judge = |entry: change_message_visibility::Waiting, changed: Result<(), _>| {
            changed.map_err(|error| refusals::not_changed(error, &entry.handle, entry.seconds))
        };
        respond(self.batch.answer(changed, judge, |_, ()| {}))
    }
}
