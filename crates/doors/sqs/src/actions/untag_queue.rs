//! `UntagQueue`: tags are taken off by their keys. One that is not there is none.
//!
//! AWS API Reference, UntagQueue.

use super::{Call, Next, done};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{List, Text, parse},
    limits::TAGS_MAX,
    query::{Kind, Shape, list, text},
    refusals, tags,
};
use evenkeel_engine::Answer;
use evenkeel_machine::{Reply, command::Command};
use serde::Deserialize;

pub(crate) const SHAPE: Shape =
    Shape { request: &[text("QueueUrl"), list("TagKeys", "TagKey", &Kind::Text)], answer: None };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tag_keys: Option<List<Text<'a>, TAGS_MAX>>,
}

#[derive(Debug)]
pub(crate) struct Waiting;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let given = request.tag_keys.as_ref().filter(|keys| keys.count > 0).ok_or(SqsError::MissingParameter("TagKeys"))?;
    if given.count > TAGS_MAX {
        return Err(SqsError::InvalidParameterValue(format!("{} keys of tags are too many.", given.count)));
    }
    let keys: Vec<&str> = given.kept.iter().map(|key| &**key).collect();
    keys.iter().try_for_each(|key| tags::check_key(key))?;
    call.change(Command::UntagQueue { queue: queue.key(), keys }, super::Waiting::UntagQueue(Waiting))
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
