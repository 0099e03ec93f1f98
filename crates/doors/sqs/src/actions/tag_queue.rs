//! `TagQueue`: tags are added, or given another value.
//!
//! AWS API Reference, TagQueue.

use super::{Call, Next, done};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    query::{Shape, tags, text},
    refusals,
    tags::{self, GivenTags},
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape { request: &[text("QueueUrl"), tags("Tags")], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tags: Option<GivenTags<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let tags = request.tags.as_ref().filter(|tags| tags.count > 0).ok_or(SqsError::MissingParameter("Tags"))?;
    let tags = tags::check(Some(tags))?;
    call.change(Command::TagQueue { queue: queue.key(), tags }, super::Waiting::TagQueue(Waiting))
}

impl Waiting {
    pub(crate) fn answer(self, _: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::Tagged(tagged) => {
                tagged?.map_err(|error| refusals::not_kept(error, ""))?;
                done()
            }
            other => Err(refusals::mismatch(other)),
        }
    }
}
