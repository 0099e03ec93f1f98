//! `DeleteMessageBatch`: up to ten jobs are done, by one command.
//!
//! AWS API Reference, DeleteMessageBatch.

use super::{Call, Next, delete_message::held, propose, respond};
use crate::{
    batch::{self, Batch, Entries},
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{FAILED, Kind, Shape, list, text},
    queue_url::is_fifo,
    refusals,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[
        text("QueueUrl"),
        list("Entries", "DeleteMessageBatchRequestEntry", &Kind::Structure(&[text("Id"), text("ReceiptHandle")])),
    ],
    answer: Some(&[list("Successful", "DeleteMessageBatchResultEntry", &Kind::Structure(&[])), FAILED]),
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
}

impl batch::Entry for Entry<'_> {
    const SHAPE: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// The entries, those on their way with their handles if the queue is one that tells of ended leases.
#[derive(Debug)]
pub(crate) struct Waiting {
    batch: Batch<Option<Box<str>>>,
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
            batch::same_queue(&mut common, queue, entry.receipt_handle.as_deref())?;
            jobs.push(held);
            Ok(entry.receipt_handle.as_deref().filter(|_| is_fifo(named.name)).map(Box::from))
        });
        batch.push(batch::Entry::id(&**entry), outcome);
    }
    match common {
        Some(queue) => propose(&Command::Ack { queue, jobs }, super::Waiting::DeleteMessageBatch(Waiting { batch })),
        None => respond(batch.refused()),
    }
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        let acked = match refusals::reply(answer)? {
            Reply::Acked(acked) => acked,
            other => return Err(refusals::mismatch(other)),
        };
        let judge = |handle: Option<Box<str>>, acked| refusals::deleted(acked, handle.as_deref());
        respond(self.batch.answer(acked, judge, |_, ()| {}))
    }
}
