//! `ListMessageMoveTasks`: the newest move tasks of a queue.
//!
//! AWS API Reference, ListMessageMoveTasks. Only a task that runs has a handle, and only one that failed a reason.

use super::{Call, Next, ask, respond, start_message_move_task::source};
use crate::{
    arn,
    door::Door,
    error::SqsError,
    json_in::{Text, parse},
    json_out::Json,
    limits::MOVE_TASKS_LISTED_MAX,
    query::{Kind, Shape, integer, list, text},
    refusals, tokens,
};
use evenkeel_engine::{Answer, Look, Looked, QueueName, Request as Question};
use evenkeel_machine::queue::{MoveError, MoveStatus, MoveView};
use serde::Deserialize;

pub(crate) const SHAPE: Shape = Shape {
    request: &[text("SourceArn"), integer("MaxResults")],
    answer: Some(&[list("Results", "ListMessageMoveTasksResultEntry", &Kind::Structure(&[]))]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    max_results: Option<i32>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    source: QueueName,
    tasks_max: usize,
}

pub(crate) fn accept(call: &Call<'_>) -> Result<Next, SqsError> {
    let request: Request<'_> = parse(call.body)?;
    let source = source(call, request.source_arn.as_deref())?.to_name();
    let max = request.max_results.unwrap_or(1);
    let tasks_max = usize::try_from(max).ok().filter(|_| (1..=MOVE_TASKS_LISTED_MAX).contains(&max));
    let tasks_max = tasks_max.ok_or_else(|| {
        SqsError::value(max.to_string(), "MaxResults", &format!("Must be between 1 and {MOVE_TASKS_LISTED_MAX}."))
    })?;
    let look = Look::Moves { source: source.clone() };
    ask(Question::Look(look), super::Waiting::ListMessageMoveTasks(Waiting { source, tasks_max }))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let tasks = match refusals::looked(answer)?.map_err(|_| MoveError::NoSuchSource)? {
            Looked::Moves(tasks) => tasks,
            other => return Err(refusals::mislooked(other)),
        };
        let mut json = Json::with_capacity(512);
        json.open_object();
        json.open_array_at("Results");
        tasks.iter().take(self.tasks_max).for_each(|task| self.write(door, task, &mut json));
        json.close_array();
        json.close_object();
        respond(json.into_bytes())
    }

    fn write(&self, door: &Door, task: &MoveView, json: &mut Json) {
        let account = self.source.account;
        let (status, reason) = words(task.status);
        json.open_object();
        if task.status == MoveStatus::Running {
            json.string("TaskHandle", &tokens::move_handle(&door.ids, account, &task.source, task.number));
        }
        json.string("Status", status);
        json.string("SourceArn", &arn::of(&door.region, account, &task.source));
        if let Some(destination) = &task.destination {
            json.string("DestinationArn", &arn::of(&door.region, account, destination));
        }
        if task.rate > 0 {
            json.number("MaxNumberOfMessagesPerSecond", task.rate.into());
        }
        json.number("ApproximateNumberOfMessagesMoved", task.moved);
        json.number("ApproximateNumberOfMessagesToMove", task.to_move);
        if let Some(reason) = reason {
            json.string("FailureReason", reason);
        }
        json.number("StartedTimestamp", task.started_at.0);
        json.close_object();
    }
}

/// Status and reason in SQS's words.
fn words(status: MoveStatus) -> (&'static str, Option<&'static str>) {
    match status {
        MoveStatus::Running => ("RUNNING", None),
        MoveStatus::Completed => ("COMPLETED", None),
        MoveStatus::Cancelled => ("CANCELLED", None),
        MoveStatus::NoOrigin => ("FAILED", Some("CouldNotDetermineMessageSource")),
        MoveStatus::NoDestination => ("FAILED", Some("AWS.SimpleQueueService.NonExistentQueue")),
        MoveStatus::DestinationFull => ("FAILED", Some("OverLimit")),
    }
}
