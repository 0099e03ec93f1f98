//! What the door's tests share: a door, a caller, and tables that are checked.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod house;
pub(crate) mod protocols;

use evenkeel_engine::{Answer, Description, Request};
use evenkeel_machine::{command::QueueSettings, queue::Counts};
use evenkeel_sqs::{Caller, Door, Head, Ids, Pending, Response, Step};
use evenkeel_types::{AccountId, QueueId, WallTime};

pub(crate) const CALLER: Caller<'static> = Caller {
    account: AccountId::from_number(12).unwrap(),
    sender_id: "AIDA1",
    rights: &evenkeel_policy::EVERYTHING,
    is_root: false,
};
pub(crate) const URL: &str = "http://localhost:9324/000000000012/jobs";

pub(crate) fn door() -> Door {
    Door::new(Ids::new(&[7; 32]), "eu-west-1")
}

pub(crate) fn head(target: &str) -> Head<'_> {
    Head { target: Some(target), host: "localhost:9324", ..Head::default() }
}

/// Calls an action; `URL` in the body stands for the queue's.
pub(crate) fn call(door: &Door, action: &str, body: &str) -> Step {
    let body = body.replace("URL", &format!(r#""QueueUrl":"{URL}""#));
    door.accept(CALLER, head(&format!("AmazonSQS.{action}")), body.as_bytes())
}

/// What a call asks of the engine.
#[track_caller]
pub(crate) fn asked(step: Step) -> (Request, Pending) {
    match step {
        Step::Ask(request, pending) => (request, pending),
        Step::Respond(response) => panic!("answered at once: {}", text(&response)),
    }
}

/// What a call is answered.
#[track_caller]
pub(crate) fn responded(step: Step) -> Response {
    match step {
        Step::Respond(response) => response,
        Step::Ask(request, _) => panic!("asks {request:?}"),
    }
}

pub(crate) fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

/// An error: status, code of the header, shape and message of the body.
#[track_caller]
pub(crate) fn error(step: Step) -> (u16, String, String, String) {
    let response = responded(step);
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (response.status, response.query_error.clone().unwrap_or_default(), field("__type"), field("message"))
}

/// Checks a table of calls that are refused at the door: body, and what the message contains, all of one kind.
#[track_caller]
pub(crate) fn check_refused(action: &str, status: u16, code: &str, shape: &str, cases: &[(&str, &str)]) {
    for (body, part) in cases {
        let (found_status, found_code, found_shape, message) = error(call(&door(), action, body));
        assert_eq!((found_status, &*found_code, &*found_shape), (status, code, shape), "{body}: {message}");
        assert!(message.contains(part), "{body}: {message}");
    }
}

pub(crate) const VALUE: (&str, &str) =
    ("InvalidParameterValue;Sender", "com.amazon.coral.service#InvalidParameterValueException");
pub(crate) const MISSING: (&str, &str) =
    ("MissingParameter;Sender", "com.amazon.coral.service#MissingRequiredParameterException");
pub(crate) const UNSUPPORTED: (&str, &str) =
    ("AWS.SimpleQueueService.UnsupportedOperation;Sender", "com.amazonaws.sqs#UnsupportedOperation");

pub(crate) fn described(settings: QueueSettings, counts: Counts) -> Answer {
    Answer::Described(Ok(Description {
        queue: QueueId { slot: 3, generation: 0 },
        settings,
        counts,
        created_at: WallTime(1_700_000_000_123),
        modified_at: WallTime(1_700_000_100_999),
        papers: None,
    }))
}
