//! `ListQueues`: the account's queues in the order of their names, by pages.
//!
//! AWS API Reference, ListQueues. Without `MaxResults` there is one page, as on AWS. A page costs what is on it.

use super::{Call, Next, ask, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Kind, Shape, integer, list, text},
    queue_url, refusals,
    tokens::{Purpose, Scope},
};
use evenkeel_engine::{Answer, Look, QueueName, Request as Question};
use evenkeel_types::AccountId;
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

#[derive(Debug)]
pub(crate) struct Waiting {
    account: AccountId,
    prefix: Box<str>,
    base: String,
    page: super::Page,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let account = call.caller.account;
    let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
    call.caller.may_list(prefix)?;
    let scope = Scope { purpose: Purpose::Queues, account, name: prefix };
    let page = super::Page::read(request.max_results)?;
    let behind = super::Page::behind(request.next_token.as_deref(), &scope, call.door)?;
    let look = Look::Queues { account, prefix: prefix.into(), behind, names_max: page.asked() };
    let waiting = Waiting { account, prefix: prefix.into(), base: queue_url::base(call.head)?, page };
    ask(Question::Look(look), super::Waiting::ListQueues(waiting))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let names = refusals::names(answer)?;
        let scope = Scope { purpose: Purpose::Queues, account: self.account, name: &self.prefix };
        let (names, token) = self.page.cut(&names, &scope, door);
        let mut json = Json::with_capacity(64 + names.len() * 96);
        json.open_object();
        if !names.is_empty() {
            json.open_array_at("QueueUrls");
            for name in names {
                let queue = QueueName { account: self.account, name: (&**name).into() };
                json.string_element(&queue_url::url(&self.base, &queue));
            }
            json.close_array();
        }
        if let Some(token) = token {
            json.string("NextToken", &token);
        }
        json.close_object();
        respond(json.into_bytes())
    }
}
