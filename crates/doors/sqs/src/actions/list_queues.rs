//! `ListQueues`: the account's queues in the order of their names, by pages.
//!
//! AWS API Reference, ListQueues. Without `MaxResults` there is one page, as on AWS. A page costs what is on it.

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
    request: &[text("QueueNamePrefix"), text("NextToken"), integer("MaxResults")],
    answer: Some(&[list("QueueUrls", "QueueUrl", &Kind::Text)]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i32>,
}

pub(crate) type Waiting = List;

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let account = call.caller.account;
    let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
    call.caller.may_list(prefix)?;
    let page = List::of(call, Purpose::Queues, account, prefix, request.max_results)?;
    let behind = page.behind(request.next_token.as_deref(), call.door)?;
    let look = Look::Queues { account, prefix: prefix.into(), behind, names_max: page.asked() };
    ask(Question::Look(look), super::Waiting::ListQueues(page))
}
