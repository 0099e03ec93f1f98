//! `ListDeadLetterSourceQueues`: the queues whose dead letters go to one, in the order of their names, by pages.
//!
//! AWS API Reference, ListDeadLetterSourceQueues. `queueUrls` is in lower case in the model, and there if it is empty.

use super::{Call, List, Next, ask};
use crate::{
    error::SqsError,
    json_in::{Text, parse},
    query::{Kind, Shape, integer, list, text},
    tokens::Purpose,
};
use evenkeel_engine::{Look, Request as Question};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("QueueUrl"), text("NextToken"), integer("MaxResults")],
    answer: Some(&[list("queueUrls", "QueueUrl", &Kind::Text)]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i32>,
}

pub(crate) type Waiting = List;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let page = List::of(call, Purpose::Sources, queue.account, queue.name, request.max_results)?;
    let behind = page.behind(request.next_token.as_deref(), call.door)?;
    let look = Look::Sources { queue: queue.to_name(), behind, names_max: page.asked() };
    ask(Question::Look(look), super::Waiting::ListDeadLetterSourceQueues(page))
}
