//! The Query protocol: what a form asks is what the same JSON asks, and what is answered stands in XML.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod common;

use common::{CALLER, URL, asked, call, door, responded, text};
use evenkeel_engine::Request;
use evenkeel_sqs::{Head, Response, Step};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn form(path: &str, query: &str, body: &str) -> Step {
    let content_type = (!body.is_empty()).then_some(FORM);
    let head = Head { path, query, content_type, host: "localhost:9324", request_id: "id-1", ..Head::default() };
    door().accept(CALLER, head, body.as_bytes())
}

/// What both protocols ask: `URL` in the JSON stands for the queue's.
#[track_caller]
fn same(action: &str, json: &str, body: &str) {
    let (by_json, _) = asked(call(&door(), action, json));
    let whole = format!("Action={action}&Version=2012-11-05&{body}");
    let encoded = URL.replace(':', "%3A").replace('/', "%2F");
    let (by_form, _) = asked(form("/", "", &format!("{whole}&QueueUrl={encoded}")));
    assert_eq!(by_form, by_json, "with its URL");
    let (by_path, _) = asked(form("/000000000012/jobs", "", &whole));
    assert_eq!(by_path, by_json, "to the queue's own path");
    let (by_get, _) = asked(form("/000000000012/jobs", &format!("{whole}&X-Amz-Signature=abc"), ""));
    assert_eq!(by_get, by_json, "by GET");
}

#[track_caller]
fn refused(step: Step, status: u16, code: &str) -> String {
    let response = responded(step);
    let body = text(&response);
    assert_eq!((response.status, response.content_type), (status, "text/xml"), "{body}");
    assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
    assert!(body.contains("<RequestId>id-1</RequestId>"), "{body}");
    body
}

#[test]
fn a_form_asks_what_the_same_json_asks() {
    same("SendMessage", r#"{URL,"MessageBody":"a+b &c","DelaySeconds":5}"#, "MessageBody=a%2Bb+%26c&DelaySeconds=5");
    same(
        "SendMessage",
        r#"{URL,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"String","StringValue":"1"},"b":{"DataType":"Binary","BinaryValue":"AAE="}}}"#,
        "MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=1\
         &MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=Binary&MessageAttribute.2.Value.BinaryValue=AAE%3D",
    );
    same(
        "SendMessageBatch",
        r#"{URL,"Entries":[{"Id":"1","MessageBody":"one"},{"Id":"2","MessageBody":"two","MessageGroupId":"g"}]}"#,
        "SendMessageBatchRequestEntry.1.Id=1&SendMessageBatchRequestEntry.1.MessageBody=one\
         &SendMessageBatchRequestEntry.2.Id=2&SendMessageBatchRequestEntry.2.MessageBody=two\
         &SendMessageBatchRequestEntry.2.MessageGroupId=g",
    );
    same(
        "ReceiveMessage",
        r#"{URL,"MaxNumberOfMessages":3,"WaitTimeSeconds":0,"AttributeNames":["All"]}"#,
        "MaxNumberOfMessages=3&WaitTimeSeconds=0&AttributeName.1=All",
    );
    same("PurgeQueue", "{URL}", "");
    same("GetQueueAttributes", r#"{URL,"AttributeNames":["All"]}"#, "AttributeName.1=All");
}

#[test]
fn an_answer_is_xml_with_the_requests_id() {
    let step = form("/", "", "Action=CreateQueue&QueueName=jobs&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5");
    let (request, _) = asked(step);
    assert!(matches!(request, Request::Describe(_)), "{request:?}");
    let step = form("/000000000012/jobs", "", "Action=DeleteMessage&ReceiptHandle=no");
    refused(step, 404, "ReceiptHandleIsInvalid");
}

#[test]
fn what_is_wrong_with_a_form_is_said_in_xml() {
    refused(form("/", "", "Action=Nonsense"), 400, "InvalidAction");
    refused(form("/", "", "Version=2012-11-05"), 400, "MissingAction");
    refused(form("/", "", "Action=PurgeQueue&Version=1999-01-01"), 400, "NoSuchVersion");
    let body = refused(form("/000000000012/jobs", "", "Action=SendMessage"), 400, "MissingParameter");
    assert!(body.contains("MessageBody") && body.contains("<Type>Sender</Type>"), "{body}");
    // AWS's list of common errors says 404 for this one.
    refused(form("/000000000012/jobs", "", "Action=SendMessage&MessageBody=%zz"), 404, "MalformedQueryString");
    let twice: Response = responded(form("/000000000012/jobs", "", "Action=SendMessage&MessageBody=a&MessageBody=b"));
    assert_eq!(twice.status, 400, "{}", text(&twice));
    let body = refused(
        form("/000000000012/jobs", "", "Action=SendMessage&MessageBody=a&DelaySeconds=1e3"),
        400,
        "MalformedInput",
    );
    assert!(body.contains("Must be an integer"), "{body}");
}
