//! `/v1/queues/NAME/next` and `/v1/queues/NAME/sent`: the jobs that receives would get next, and those that are sent.
//!
//! Looking takes nothing: no lease, no turn, nothing in the log. It shows bodies, so it takes the right to receive.

use crate::{
    door::{self, Asked, Door, Pending, Response, Step},
    error::NativeError,
    limits::{ANSWER_BYTES_MAX, PEEK_JOBS_DEFAULT, TAIL_WAIT_SECONDS_MAX},
};
use evenkeel_access::{Known, Looker};
use evenkeel_engine::{Answer, Attribute, Look, Looked, Place, QueueName, Request, Sent, Watch, Watched};
use evenkeel_machine::{limits::PEEK_JOBS_MAX, queue::Peeked};
use evenkeel_types::{BodyRef, JobId, LogIndex, Micros, WallTime};
use serde_json::{Map, Value, json};
use std::{fmt::Display, str::FromStr};

/// What the engine was asked.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// Which jobs are next.
    Next(QueueName),
    /// The body of the first of these; those before it are shown already.
    Bodies { next: std::vec::IntoIter<Peeked>, shown: Vec<Value>, bytes: usize },
    /// What is sent.
    Sent(QueueName),
}

fn pending(waiting: Waiting) -> Pending {
    Pending(door::Waiting::Jobs(waiting))
}

/// Whether an answer takes many questions, and grows with each: whoever asks the engine should not have many such at a time.
#[must_use]
pub fn gathers_bodies(asked: &Asked<'_>) -> bool {
    asked.path.ends_with("/next")
}

/// `GET /v1/queues/NAME/next?max=N`.
pub(crate) fn next(door: &Door, caller: &Known, asked: &Asked<'_>, name: &str) -> Result<Step, NativeError> {
    let queue = readable(door, caller, asked, name)?;
    let mut jobs_max = PEEK_JOBS_DEFAULT;
    for (field, value) in fields(asked.query) {
        match field {
            "max" => jobs_max = number(field, value, 1, PEEK_JOBS_MAX)?,
            _ => return Err(unknown(field, "max")),
        }
    }
    let look = Look::Next { queue: queue.clone(), jobs_max };
    Ok(Step::Ask(Request::Look(look), pending(Waiting::Next(queue))))
}

/// `GET /v1/queues/NAME/sent?after=PLACE&wait=SECONDS`.
pub(crate) fn sent(door: &Door, caller: &Known, asked: &Asked<'_>, name: &str) -> Result<Step, NativeError> {
    let queue = readable(door, caller, asked, name)?;
    let (mut after, mut wait) = (None, 0);
    for (field, value) in fields(asked.query) {
        match field {
            "after" => after = Some(place(value)?),
            "wait" => wait = number(field, value, 0, TAIL_WAIT_SECONDS_MAX)?,
            _ => return Err(unknown(field, "after and wait")),
        }
    }
    let watch = Watch { queue: queue.clone(), after, wait: Micros::from_secs(wait) };
    Ok(Step::Ask(Request::Look(Look::Sent(watch)), pending(Waiting::Sent(queue))))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Step, NativeError> {
        let looked = match answer {
            Answer::Looked(looked) => looked,
            Answer::Failed(error) => return Err(error.into()),
            _ => return Err(mismatch()),
        };
        match (self, looked) {
            (Self::Next(queue) | Self::Sent(queue), Err(_)) => Err(NativeError::NoSuchQueue(queue.name.into())),
            (Self::Next(_), Ok(Looked::Next(next))) => Ok(go_on(next.into_iter(), Vec::new(), 0)),
            (Self::Bodies { mut next, mut shown, bytes }, Ok(Looked::Body(body))) => {
                let Some(job) = next.next() else { return Ok(go_on(next, shown, bytes)) };
                let length = body.as_ref().map_or(0, |body| body.len());
                let mut value = job_json(door, job.id, job.body, &job.group, job.enqueued_at, body.as_deref());
                set(&mut value, "attempts", job.grants.into());
                shown.push(value);
                Ok(go_on(next, shown, bytes + length))
            }
            (Self::Sent(_), Ok(Looked::Sent(watched))) => Ok(Step::Respond(watched_json(door, &watched))),
            _ => Err(mismatch()),
        }
    }
}

fn mismatch() -> NativeError {
    NativeError::Internal("the engine answered another question".into())
}

/// Asks for the next body, or tells what there is: so many jobs as an answer may hold.
fn go_on(next: std::vec::IntoIter<Peeked>, shown: Vec<Value>, bytes: usize) -> Step {
    match next.as_slice().first() {
        Some(job) if shown.is_empty() || bytes + job.body.bytes as usize <= ANSWER_BYTES_MAX => {
            let look = Look::Body(job.body);
            Step::Ask(Request::Look(look), pending(Waiting::Bodies { next, shown, bytes }))
        }
        _ => Step::Respond(answer(&json!({"jobs": shown}))),
    }
}

fn watched_json(door: &Door, watched: &Watched) -> Response {
    let job = |sent: &Sent| {
        let mut value = job_json(door, sent.job, sent.body, &sent.group, sent.sent_at, Some(&sent.bytes));
        set(&mut value, "delay_seconds", (sent.delay.unwrap_or_default().0 / 1_000_000).into());
        value
    };
    let jobs: Vec<Value> = watched.jobs.iter().map(job).collect();
    let Place { index, offset } = watched.last;
    answer(&json!({"jobs": jobs, "after": format!("{index}.{offset}"), "missed": watched.missed}))
}

/// A job as it is shown. Without a body it was finished meanwhile, or cannot be read.
fn job_json(door: &Door, id: JobId, at: BodyRef, group: &str, sent_at: WallTime, body: Option<&[u8]>) -> Value {
    let legible = body.and_then(|body| door.interpreter.read(body));
    let attributes: Map<String, Value> =
        legible.iter().flat_map(|legible| &legible.attributes).map(attribute_json).collect();
    json!({
        "id": door.interpreter.id(id, at),
        "group": Some(group).filter(|group| !group.is_empty()),
        "sent_at_ms": sent_at.0,
        "body": legible.map(|legible| legible.text),
        "attributes": attributes,
    })
}

/// As SQS writes them.
fn attribute_json(attribute: &Attribute) -> (String, Value) {
    let field = if attribute.kind.starts_with("Binary") { "BinaryValue" } else { "StringValue" };
    (attribute.name.clone(), json!({"DataType": attribute.kind, field: attribute.value}))
}

fn set(value: &mut Value, name: &str, field: Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.into(), field);
    }
}

fn answer(value: &Value) -> Response {
    Response { status: 200, body: value.to_string().into_bytes() }
}

/// A queue of the caller's account, whose jobs it may read.
fn readable(door: &Door, caller: &Known, asked: &Asked<'_>, name: &str) -> Result<QueueName, NativeError> {
    let queue = QueueName { account: caller.account, name: name.into() };
    let looker = Looker { known: caller, source_ip: asked.peer, now: asked.now };
    if door.policies.may_look(&looker, "sqs:ReceiveMessage", queue.key()) {
        return Ok(queue);
    }
    Err(NativeError::MayNotRead(name.chars().take(80).collect()))
}

fn fields(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn unknown(field: &str, known: &str) -> NativeError {
    let field: String = field.chars().take(80).collect();
    NativeError::Malformed(format!("{field:?} is nothing to ask here; {known} can be given"))
}

fn number<N: FromStr + PartialOrd + Display>(field: &str, value: &str, least: N, most: N) -> Result<N, NativeError> {
    let number = value.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| NativeError::Malformed(format!("{field}: a number from {least} to {most}")))
}

/// A place as an answer told it.
fn place(text: &str) -> Result<Place, NativeError> {
    let parts = text.split_once('.').and_then(|(index, offset)| Some((index.parse().ok()?, offset.parse().ok()?)));
    let (index, offset) = parts.ok_or_else(|| NativeError::Malformed("after: as an answer before told it".into()))?;
    Ok(Place { index: LogIndex(index), offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_with_care() {
        assert_eq!(fields("max=3&&x&y=").collect::<Vec<_>>(), [("max", "3"), ("x", ""), ("y", "")]);
        assert_eq!(number("max", "100", 1, 100), Ok(100));
        for wrong in ["", "0", "101", "-1", "1.0", "99999999999999999999"] {
            assert!(number("max", wrong, 1, 100).is_err(), "{wrong}");
        }
        assert_eq!(place("12.34"), Ok(Place { index: LogIndex(12), offset: 34 }));
        for wrong in ["", "12", "12.", ".1", "a.b", "1.99999999999"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
