//! `ListQueueTags`: all tags of a queue.
//!
//! AWS API Reference, ListQueueTags.

use super::{Call, Next, ask, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Shape, tags, text},
    refusals,
};
use evenkeel_engine::{Answer, Request as Question};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("QueueUrl")], answer: Some(&[tags("Tags")]) };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    ask(Question::Describe(queue.to_name()), super::Waiting::ListQueueTags(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        let described = refusals::described(answer)??;
        let mut json = Json::with_capacity(256);
        json.open_object();
        if let Some(papers) = described.papers.filter(|papers| !papers.tags.is_empty()) {
            json.open_object_at("Tags");
            papers.tags.iter().for_each(|(key, value)| json.string(key, value));
            json.close_object();
        }
        json.close_object();
        respond(json.into_bytes())
    }
}
