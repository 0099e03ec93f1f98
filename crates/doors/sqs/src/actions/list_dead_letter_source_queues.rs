//! `ListDeadLetterSourceQueues`: the queues whose dead letters go to one, in the order of their names, by pages.
//!
//! AWS API Reference, ListDeadLetterSourceQueues. `queueUrls` is in lower case in the model, and there if it is empty.

use super::{Call, Next, ask, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Kind, Shape, integer, list, text},
    queue_url::{self},
    refusals,
    tokens::{Purpose, Scope},
};
use evenkeel_engine::{Answer, Look, QueueName, Request as Question};
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

#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    base: String,
    page: super::Page,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let scope = Scope { purpose: Purpose::Sources, account: queue.account, name: queue.name };
    let page = super::Page::read(request.max_results)?;
    let behind = super::Page::behind(request.next_token.as_deref(), &scope, call.door)?;
    let look = Look::Sources { queue: queue.to_name(), behind, names_max: page.asked() };
    let waiting = Waiting { queue: queue.to_name(), base: queue_url::base(call.head)?, page };
    ask(Question::Look(look), super::Waiting::ListDeadLetterSourceQueues(waiting))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let names = refusals::names(answer)?;
        let scope = Scope { purpose: Purpose::Sources, account: self.queue.account, name: &self.queue.name };
        let (names, token) = self.page.cut(&names, &scope, door);
        let mut json = Json::with_capacity(64 + names.len() * 96);
        json.open_object();
        json.open_array_at("queueUrls");
        for name in names {
            let queue = QueueName { account: self.queue.account, name: (&**name).into() };
            json.string_element(&queue_url::url(&self.base, &queue));
        }
        json.close_array();
        if let Some(token) = token {
            json.string("NextToken", &token);
        }
        json.close_object();
        respond(json.into_bytes())
    }
}
