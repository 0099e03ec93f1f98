//! `GetQueueAttributes`: a queue's settings and how many messages are where.
//!
//! AWS API Reference, GetQueueAttributes. The counts are exact at the moment they are read.

use super::{Call, Next, ask, done, respond};
use crate::{
    arn,
    door::Door,
    error::SqsError,
    json_in::{Names, Text, names, parse},
    json_out::Json,
    query::{Kind, Shape, list, map, text},
    queue_attributes::{Asked, Seen, write_share},
    refusals,
};
use evenkeel_engine::{Answer, Description, Look, Looked, QueueName, Request as Question};
use evenkeel_machine::command::GroupSettings;
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
    asked: Asked,
    /// Set once the queue was described; then the groups are looked at, one by one.
    described: Option<Box<Description>>,
    shares: Vec<GroupSettings>,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let queue = call.queue(request.queue_url.as_deref())?.to_name();
    let asked = Asked::read(names(request.attribute_names.as_ref())?)?;
    let waiting = Waiting { queue: queue.clone(), asked, described: None, shares: Vec::new() };
    ask(Question::Describe(queue), super::Waiting::GetQueueAttributes(waiting))
}

impl Waiting {
    pub(crate) fn answer(mut self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let described = match self.described.take() {
            None => Box::new(refusals::described(answer)??),
            Some(described) => {
                match refusals::looked(answer)?? {
                    // What a group has that nobody gave anything.
                    Looked::Group(share) => {
                        self.shares.push(share.unwrap_or(GroupSettings { weight: 1, in_flight_max: 0 }));
                    }
                    other => return Err(refusals::mislooked(other)),
                }
                described
            }
        };
        if let Some(group) = self.asked.groups.get(self.shares.len()) {
            let look = Look::Group { queue: self.queue.clone(), group: group.clone() };
            let waiting = Self { described: Some(described), ..self };
            return ask(Question::Look(look), super::Waiting::GetQueueAttributes(waiting));
        }
        let arn_prefix = arn::prefix(&door.region, self.queue.account);
        let seen = Seen { queue: &described, name: &self.queue.name, arn_prefix: &arn_prefix };
        let mut json = Json::with_capacity(1_024);
        json.open_object();
        json.open_object_at("Attributes");
        self.asked.readable.iter().for_each(|readable| readable.write(&mut json, seen));
        self.asked.groups.iter().zip(&self.shares).for_each(|(group, share)| write_share(&mut json, group, *share));
        if json.is_at_first() {
            // An empty map is left out.
            return done();
        }
        json.close_object();
        json.close_object();
        respond(json.into_bytes())
    }
}
