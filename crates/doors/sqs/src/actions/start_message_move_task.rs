//! `StartMessageMoveTask`: the dead letters of a queue are moved, back to where they came from or to another queue.
//!
//! AWS API Reference, StartMessageMoveTask.

use super::{Call, Next, respond};
use crate::{
    arn,
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    query::{Shape, integer, text},
    queue_url::Queue,
    refusals, tokens,
};
use evenkeel_engine::{Answer, QueueName};
use evenkeel_machine::{Reply, command::Command, queue::MoveError};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("SourceArn"), text("DestinationArn"), integer("MaxNumberOfMessagesPerSecond")],
    answer: Some(&[]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<i32>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    source: QueueName,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let source = source(call, request.source_arn.as_deref())?;
    let destination = match request.destination_arn.as_deref().filter(|arn| !arn.is_empty()) {
        None => None,
        Some(arn) => {
            let queue = named(call, arn, "DestinationArn", MoveError::NoSuchDestination)?;
            call.check_as("SendMessage", queue, || arn.to_owned())?;
            Some(queue.name)
        }
    };
    let rate = match request.max_number_of_messages_per_second.map(u16::try_from) {
        None => None,
        Some(Ok(rate)) => Some(rate),
        Some(Err(_)) => return Err(MoveError::RateOutOfRange.into()),
    };
    let command = Command::StartMove { source: source.key(), destination, rate };
    call.change(command, super::Waiting::StartMessageMoveTask(Waiting { source: source.to_name() }))
}

/// The queue of `SourceArn`, if the caller may do this with it.
pub(super) fn source<'q>(call: &Call<'_>, arn: Option<&'q str>) -> Result<Queue<'q>, SqsError> {
    let arn = arn.filter(|arn| !arn.is_empty()).ok_or(SqsError::MissingParameter("SourceArn"))?;
    let queue = named(call, arn, "SourceArn", MoveError::NoSuchSource)?;
    call.check(queue, || arn.to_owned())?;
    Ok(queue)
}

/// The queue of an ARN. Whether there is one of another account is not told.
fn named<'q>(call: &Call<'_>, arn: &'q str, parameter: &str, absent: MoveError) -> Result<Queue<'q>, SqsError> {
    let Some((account, name)) = arn::parse(arn) else {
        return Err(SqsError::InvalidParameterValue(format!(
            "You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )));
    };
    if account == call.caller.account { Ok(Queue { account, name }) } else { Err(absent.into()) }
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        match refusals::reply(answer)? {
            Reply::MoveStarted(started) => {
                let mut json = Json::with_capacity(256);
                json.open_object();
                let QueueName { account, name } = &self.source;
                json.string("TaskHandle", &tokens::move_handle(&door.ids, *account, name, started?));
                json.close_object();
                respond(json.into_bytes())
            }
            other => Err(refusals::mismatch(other)),
        }
    }
}
