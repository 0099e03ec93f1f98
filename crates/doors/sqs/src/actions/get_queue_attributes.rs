//! `GetQueueAttributes`: a queue's settings and how many messages are where.
//!
//! AWS API Reference, GetQueueAttributes. The counts are exact at the moment they are read.

use super::{Call, Next, ask, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_in::{Names, Text, names, parse},
    json_out::Json,
    query::{Kind, Shape, list, map, text},
    queue_attributes::Readable,
    queue_url::Queue,
    refusals,
};
use evenkeel_engine::{Answer, QueueName, Request as Question};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("QueueUrl"), list("AttributeNames", "AttributeName", &Kind::Text)],
    answer: Some(&[map("Attributes", "Attribute", &Kind::Text)]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Names<'a>>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    queue: QueueName,
    asked: Vec<Readable>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = Queue::of_url(request.queue_url.as_deref(), call.caller)?.to_name();
    let asked = Readable::of_names(names(request.attribute_names.as_ref())?)?;
    ask(Question::Describe(queue.clone()), super::Waiting::GetQueueAttributes(Waiting { queue, asked }))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let described = refusals::described(answer)??;
        let arn = format!("arn:aws:sqs:{}:{}:{}", door.region, self.queue.account, self.queue.name);
        let mut json = Json::with_capacity(1_024);
        json.open_object();
        if !self.asked.is_empty() {
            json.open_object_at("Attributes");
            self.asked.iter().for_each(|readable| readable.write(&mut json, &described, &arn));
            json.close_object();
        }
        json.close_object();
        respond(json.into_bytes())
    }
}
