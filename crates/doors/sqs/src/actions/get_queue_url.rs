//! `GetQueueUrl`: from a queue's name to its URL, if there is one.
//!
//! AWS API Reference, GetQueueUrl.

use super::{Call, Next, ask, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Shape, text},
    queue_url::{self, Queue},
    refusals,
};
use evenkeel_engine::{Answer, QueueName, Request as Question};
use serde::Deserialize;

pub(crate) const SHAPE: Shape =
    Shape { request: &[text("QueueName"), text("QueueOwnerAWSAccountId")], answer: Some(&[]) };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    /// In capitals as the model has it.
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    base: String,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let name = request.queue_name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or(SqsError::MissingParameter("QueueName"))?;
    let account = request.owner.as_deref().map_or(Ok(call.caller.account), str::parse);
    let queue = account.map(|account| Queue { account, name }).map_err(|_| SqsError::QueueDoesNotExist)?;
    if !queue_url::is_name(name) {
        return Err(SqsError::QueueDoesNotExist);
    }
    // As AWS does: whoever is not let in to another account's queue is told what is told of one that does not exist.
    call.check(queue, || name.to_owned())
        .map_err(|refused| if queue.account == call.caller.account { refused } else { SqsError::QueueDoesNotExist })?;
    let queue = queue.to_name();
    let base = queue_url::base(call.head)?;
    ask(Question::Describe(queue.clone()), super::Waiting::GetQueueUrl(Waiting { queue, base }))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        refusals::described(answer)??;
        respond(body(&self.base, &self.queue))
    }
}

/// The answer that names a queue.
pub(super) fn body(base: &str, queue: &QueueName) -> Vec<u8> {
    let mut json = Json::with_capacity(192);
    json.open_object();
    json.string("QueueUrl", &queue_url::url(base, queue));
    json.close_object();
    json.into_bytes()
}
