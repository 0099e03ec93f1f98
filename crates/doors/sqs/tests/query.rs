//! The Query protocol: what a form asks is what the same JSON asks, and what is answered stands in XML.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod common;

use common::{CALLER, URL, asked, call, door, house::House, responded, text};
use evenkeel_engine::Request;
use evenkeel_sqs::{Head, Response, Step};
use proptest::prelude::*;
use serde_json::json;

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

#[test]
fn lists_and_maps_are_read_in_each_clients_spelling() {
    let attributes = r#"{URL,"AttributeNames":["VisibilityTimeout","DelaySeconds"]}"#;
    for names in [
        "AttributeName.1=VisibilityTimeout&AttributeName.2=DelaySeconds",
        "AttributeName.10=DelaySeconds&AttributeName.9=VisibilityTimeout",
        "AttributeName.0=VisibilityTimeout&AttributeName.4294967295=DelaySeconds",
        "AttributeNames.1=VisibilityTimeout&AttributeNames.2=DelaySeconds",
        "AttributeNames.member.1=VisibilityTimeout&AttributeNames.member.2=DelaySeconds",
        "AttributeName=VisibilityTimeout&AttributeName.2=DelaySeconds",
    ] {
        same("GetQueueAttributes", attributes, names);
    }
    for none in ["", "AttributeNames=", "AttributeName=", "Unknown.1.Name=x&AWSAccessKeyId=y"] {
        same("GetQueueAttributes", "{URL}", none);
    }
    for map in [
        "Attribute.1.Name=EvenkeelGroup.a&Attribute.1.Value=%7B%22weight%22:5%7D",
        "Attribute.1.Value=%7B%22weight%22:5%7D&Attribute.1.Name=EvenkeelGroup.a",
        "Attribute.Name=EvenkeelGroup.a&Attribute.Value=%7B%22weight%22:5%7D",
        "Attributes.entry.1.key=EvenkeelGroup.a&Attributes.entry.1.value=%7B%22weight%22:5%7D",
    ] {
        same("SetQueueAttributes", r#"{URL,"Attributes":{"EvenkeelGroup.a":"{\"weight\":5}"}}"#, map);
    }
}

#[test]
fn numbers_are_those_that_a_java_server_reads() {
    for number in ["5", "05", "%2B5"] {
        same(
            "SendMessage",
            r#"{URL,"MessageBody":"x","DelaySeconds":5}"#,
            &format!("MessageBody=x&DelaySeconds={number}"),
        );
    }
    for none in ["", "+5", "5+", "1e3", "5.0", "0x5", "99999999999", "-", "five", "%EF%BC%95", "true"] {
        let form_body = format!("Action=SendMessage&MessageBody=x&DelaySeconds={none}");
        refused(form("/000000000012/jobs", "", &form_body), 400, "MalformedInput");
    }
}

#[test]
fn what_conflicts_is_refused() {
    for twice in [
        "MessageBody=a&MessageBody=a",
        "MessageBody=a&MessageBody.1=b",
        "MessageBody.x=a",
        "MessageBody=a&MessageAttribute.1.Name=b&MessageAttribute.1.Name=c&MessageAttribute.1.Value.DataType=String",
        "MessageBody=a&MessageAttribute.1.Name=b&MessageAttribute.1.Value=c",
        "MessageBody=a&MessageAttribute.1.Name=b&MessageAttribute.01.Name=c&MessageAttribute.1.Value.DataType=String",
        "MessageBody=a&MessageAttribute.4294967296.Name=b",
    ] {
        let step = form("/000000000012/jobs", "", &format!("Action=SendMessage&{twice}"));
        refused(step, 400, "ConflictingQueryParameter");
    }
    for half in [
        "MessageAttribute=a",
        "MessageAttribute.1=a",
        "MessageAttribute.1.Name=a",
        "MessageAttribute.1.Value.DataType=String",
        "MessageAttribute.1.Nam=a",
    ] {
        let step = form("/000000000012/jobs", "", &format!("Action=SendMessage&MessageBody=x&{half}"));
        refused(step, 400, "MissingParameter");
    }
    // Once in the query string and once in the body is twice.
    refused(form("/", "Action=PurgeQueue", "Action=PurgeQueue"), 400, "ConflictingQueryParameter");
    let (halves, _) = asked(form("/000000000012/jobs", "Action=SendMessage", "MessageBody=a"));
    assert!(matches!(halves, Request::Propose(_)));
}

#[test]
fn the_url_that_is_given_counts_more_than_the_path() {
    let (given, _) = asked(form("/000000000012/other", "", "Action=PurgeQueue&QueueUrl=/000000000012/jobs"));
    assert_eq!(given, asked(call(&door(), "PurgeQueue", "{URL}")).0);
    refused(form("/somewhere", "", "Action=PurgeQueue"), 404, "InvalidAddress");
    refused(form("/", "", "Action=PurgeQueue"), 400, "MissingParameter");
    refused(form("/", "", "Action=PurgeQueue&QueueUrl="), 400, "MissingParameter");
    // An action about no queue may be sent to one all the same.
    asked(form("/000000000012/jobs", "", "Action=GetQueueUrl&QueueName=other"));
}

/// An answer to something that is neither a call in JSON nor a form.
fn strange(content_type: Option<&str>, query: &str, body: &[u8]) -> Response {
    let head = Head { path: "/", query, content_type, host: "localhost:9324", request_id: "id-1", ..Head::default() };
    responded(door().accept(CALLER, head, body))
}

#[test]
fn what_is_in_neither_protocol_is_refused_in_the_nearer_one() {
    for content_type in ["application/json", "application/x-amz-json-1.0", "Application/X-Amz-Json-1.0;charset=utf-8"] {
        let response = strange(Some(content_type), "", b"{}");
        assert_eq!((response.status, response.content_type), (400, "application/x-amz-json-1.0"), "{content_type}");
        assert_eq!(response.query_error.as_deref(), Some("MissingAction;Sender"), "{}", text(&response));
    }
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "text/html", ""] {
        let response = strange(Some(content_type), "", b"Action=ListQueues");
        assert_eq!(response.status, 400, "{content_type}");
        assert!(text(&response).contains("<Code>InvalidHttpRequest</Code>"), "{}", text(&response));
    }
    assert!(text(&strange(None, "", b"")).contains("<Code>MissingAction</Code>"));
    assert!(text(&strange(None, "Action=", b"")).contains("<Code>MissingAction</Code>"));
    for malformed in [&b"Action=%"[..], b"Action=\xFF", b"Action=%FF", b"\xFF=1", &b"a&".repeat(5_000)] {
        assert_eq!(strange(None, "", malformed).status, 404);
    }
}

#[test]
fn every_error_has_a_code_that_names_no_namespace() {
    let body = refused(
        form("/000000000012/jobs", "", "Action=SendMessageBatch"),
        400,
        "AWS.SimpleQueueService.EmptyBatchRequest",
    );
    assert!(body.starts_with(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error>"
    ));
    assert!(body.ends_with("<Detail/></Error><RequestId>id-1</RequestId></ErrorResponse>"), "{body}");
}

/// What an answer's elements of that name hold.
fn told(response: &Response, name: &str) -> Vec<String> {
    let body = text(response);
    let document = roxmltree::Document::parse(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let named = document.descendants().filter(|node| node.tag_name().name() == name);
    named.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

proptest! {
    #[test]
    fn any_bytes_are_answered_in_well_formed_xml(query in "\\PC{0,30}|[A-Za-z.=&%0-9]{0,60}", body in any::<Vec<u8>>()) {
        let response = match form("/", &query, "Action=x") {
            Step::Respond(response) => response,
            Step::Ask(..) => return Ok(()),
        };
        told(&response, "Code");
        told(&strange(None, "", &body), "Code");
    }

    #[test]
    fn plausible_forms_are_answered(
        action in proptest::sample::select(vec!["SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "CreateQueue", "SetQueueAttributes"]),
        pairs in proptest::collection::vec(("(MessageBody|QueueName|Attribute|MessageAttribute|SendMessageBatchRequestEntry|DeleteMessageBatchRequestEntry|Entries|AttributeName)(\\.([0-3]|Name|Value|Id|MessageBody|DataType|StringValue|entry|member|ReceiptHandle)){0,4}", "[a-z0-9%+&]{0,4}|String|\\PC"), 0..12),
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut house = House::new();
        house.call("CreateQueue", json!({"QueueName": "jobs"}));
        let query = format!("Action={action}");
        let body = pairs.join("&");
        let head = Head { path: "/000000000012/jobs", query: &query, host: "localhost:9324", request_id: "id-1", ..Head::default() };
        let step = house.door.accept(CALLER, head, body.as_bytes());
        let response = house.finish(step);
        prop_assert!(response.status < 500, "{}", text(&response));
        prop_assert_eq!(told(&response, "RequestId"), ["id-1"]);
    }

    #[test]
    fn any_text_that_is_taken_comes_back(body in "\\PC{1,200}|[ -~\\n\\r\\t\"\\\\<>&\\]]{1,200}", name in "[a-z]{1,9}") {
        let mut house = House::new();
        house.call("CreateQueue", json!({"QueueName": "jobs"}));
        let post = |house: &mut House, form: String| {
            let head = Head { path: "/000000000012/jobs", content_type: Some(FORM), host: "localhost:9324", request_id: "r", ..Head::default() };
            let step = house.door.accept(CALLER, head, form.as_bytes());
            house.finish(step)
        };
        let sent = post(&mut house, format!(
            "Action=SendMessage&MessageBody={0}&MessageAttribute.1.Name={name}&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue={0}",
            encoded(&body),
        ));
        prop_assert_eq!(sent.status, 200, "{}", text(&sent));
        let got = post(&mut house, "Action=ReceiveMessage&MessageAttributeName.1=All".to_owned());
        prop_assert_eq!(told(&got, "Body"), [body.as_str()]);
        prop_assert_eq!(told(&got, "StringValue"), [body.as_str()]);
        prop_assert_eq!(told(&got, "Name"), [name.as_str()]);
        prop_assert_eq!(told(&got, "MD5OfMessageAttributes"), told(&sent, "MD5OfMessageAttributes"));
    }

    #[test]
    fn an_error_that_repeats_any_text_is_well_formed(name in any::<String>()) {
        let response = responded(form("/", "", &format!("Action={}", encoded(&name))));
        if !name.is_empty() {
            prop_assert!(told(&response, "Message")[0].starts_with("The action "));
        }
    }
}
