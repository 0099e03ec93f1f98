//! Any bytes as a request to SQS, as the body of a stored job, as a receipt handle: an answer in the protocol
//! of the request, always.

use super::machine_batch::{prepared, proposed};
use evenkeel_engine::{Answer, Delivery, Description, Received, Request};
use evenkeel_machine::{
    Grant, Machine,
    codec::Reader,
    command::Command,
    queue::{NoSuchQueue, ReceiveError},
};
use evenkeel_sqs::{Caller, Door, Head, Ids, Response, Step};
use evenkeel_types::{AccountId, BodyRef, JobId, LeaseToken, LogIndex, QueueId, WallTime};
use serde_json::Value;

const ACCOUNT: &str = "000000000001";
const ARN: &str = "arn:aws:sqs:eu-west-1:000000000001:q";
const URL: &str = "http://localhost:9324/000000000001/q";

/// The actions that take a body, by the first byte of an input.
const ACTIONS: [&str; 24] = [
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "GetQueueUrl",
    "GetQueueAttributes",
    "SetQueueAttributes",
    "NoSuchAction",
    "PurgeQueue",
    "DeleteQueue",
    "ListQueues",
    "ListQueueTags",
    "TagQueue",
    "UntagQueue",
    "ListDeadLetterSourceQueues",
    "StartMessageMoveTask",
    "ListMessageMoveTasks",
    "CancelMessageMoveTask",
    "AddPermission",
    "RemovePermission",
];

fn door() -> Door {
    Door::new(Ids::new(&[3; 32]), "eu-west-1")
}

fn accept(door: &Door, action: &str, body: &[u8]) -> Step {
    accept_numbered(door, action, body, None)
}

fn accept_numbered(door: &Door, action: &str, body: &[u8], invocation: Option<&str>) -> Step {
    let account: AccountId = ACCOUNT.parse().expect("twelve digits");
    let target = format!("AmazonSQS.{action}");
    let head = Head { target: Some(&target), invocation, host: "localhost:9324", ..Head::default() };
    door.accept(
        Caller { account, sender_id: ACCOUNT, rights: &evenkeel_policy::EVERYTHING, is_root: false },
        head,
        body,
    )
}

/// The first byte is the action, the rest its body. Panics if the door does, asks what the machine cannot read, or
/// answers what is no JSON; or if a change that succeeded is told otherwise when it comes again.
pub fn judge_request(bytes: &[u8]) {
    let Some((action, body)) = bytes.split_first() else { return };
    let action = ACTIONS.get(usize::from(*action) % ACTIONS.len()).copied().unwrap_or_default();
    let door = door();
    let mut machine = prepared();
    let response = finish(&door, &mut machine, accept_numbered(&door, action, body, Some("call")));
    let told: Value = serde_json::from_slice(&response.body).expect("an answer is JSON");
    assert!(told.is_object());
    assert_eq!(response.status != 200, response.query_error.is_some(), "errors have both names");
    let is_change = !action.contains("MessageVisibility") && !action.starts_with(['G', 'L', 'R']);
    if response.status == 200 && (is_change || action == "RemovePermission") {
        let again = finish(&door, &mut machine, accept_numbered(&door, action, body, Some("call")));
        assert_eq!((again.status, &again.body), (200, &response.body), "{action} is told the same");
    }
}

/// The bytes are a form: its first line is the query string, the rest the body. Panics if the door does, asks what the machine
/// cannot read, or answers what is no well-formed XML with the request's id.
pub fn judge_form(bytes: &[u8]) {
    let (query, body) = bytes.split_at(bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len()));
    let query = String::from_utf8_lossy(query);
    let account: AccountId = ACCOUNT.parse().expect("twelve digits");
    let head = Head {
        path: "/000000000001/q",
        query: &query,
        host: "localhost:9324",
        request_id: "the-id",
        ..Head::default()
    };
    let door = door();
    let caller = Caller { account, sender_id: ACCOUNT, rights: &evenkeel_policy::EVERYTHING, is_root: false };
    let step = door.accept(caller, head, body.strip_prefix(b"\n").unwrap_or_default());
    let response = finish(&door, &mut prepared(), step);
    assert_eq!((response.content_type, &response.query_error), ("text/xml", &None));
    let xml = std::str::from_utf8(&response.body).expect("an answer is UTF-8");
    let document = roxmltree::Document::parse(xml).expect("an answer is well-formed");
    let is_error = document.root_element().tag_name().name() == "ErrorResponse";
    assert_eq!(response.status != 200, is_error, "{xml}");
    let id = document.descendants().find(|node| node.tag_name().name() == "RequestId").and_then(|node| node.text());
    assert_eq!(id, Some("the-id"));
}

/// Answers what a door asks until it responds.
fn finish(door: &Door, machine: &mut Machine, mut step: Step) -> Response {
    // No action asks more than a few questions, but one for each group whose share it is to tell.
    for _ in 0..4 + evenkeel_sqs::limits::NAMES_MAX {
        match step {
            Step::Respond(response) => return response,
            Step::Ask(request, pending) => step = pending.answer(door, answer(machine, request)),
        }
    }
    panic!("an action asks without end");
}

/// What an engine with this machine would answer.
fn answer(machine: &mut Machine, request: Request) -> Answer {
    match request {
        Request::Propose(proposal) => Answer::Reply(proposed(machine, &proposal, WallTime(1_000))),
        Request::Receive(receive) => match machine.queues().find(receive.queue.key()) {
            Some(queue) => Answer::Received(Ok(Received { queue, jobs: Vec::new() })),
            None => Answer::Received(Err(ReceiveError::NoSuchQueue(NoSuchQueue))),
        },
        Request::Describe(name) => Answer::Described(Description::of(machine, name.key())),
        Request::Look(look) => Answer::Looked(look.at(machine)),
        Request::Skip(_) => unreachable!("the door never asks for that"),
    }
}

/// The bytes are the stored body of a job that is received.
pub fn judge_blob(bytes: &[u8]) {
    let door = door();
    let body = format!("{{\"QueueUrl\":\"{URL}\",\"AttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]}}");
    let Step::Ask(_, pending) = accept(&door, "ReceiveMessage", body.as_bytes()) else {
        panic!("a good receive asks the engine");
    };
    let grant = Grant {
        job: JobId::default(),
        token: LeaseToken(1),
        body: BodyRef { index: LogIndex(1), offset: 0, bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX) },
        group: "g".into(),
        source: None,
        enqueued_at: WallTime(1),
        first_granted_at: WallTime(2),
    };
    let delivery = Delivery { grant, body: bytes.to_vec().into() };
    let received = Answer::Received(Ok(Received { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![delivery] }));
    let Step::Respond(response) = pending.answer(&door, received) else { panic!("a receive is one question") };
    serde_json::from_slice::<Value>(&response.body).expect("an answer is JSON");
}

/// The bytes are a receipt handle.
pub fn judge_handle(bytes: &[u8]) {
    let handle = String::from_utf8_lossy(bytes);
    let body = serde_json::json!({ "QueueUrl": URL, "ReceiptHandle": handle, "VisibilityTimeout": 1 }).to_string();
    for action in [3, 5] {
        let mut request = vec![action];
        request.extend_from_slice(body.as_bytes());
        judge_request(&request);
    }
    let _ = Ids::new(&[3; 32]).message_place(&handle);
}

/// Good requests of every action.
#[must_use]
pub fn corpus_of_requests() -> Vec<Vec<u8>> {
    let attribute = r#"{"a":{"DataType":"String","StringValue":"v"},"n":{"DataType":"Number","StringValue":"-1.5e3"},"b":{"DataType":"Binary","BinaryValue":"AAEC"}}"#;
    let bodies = [
        format!(
            r#"{{"QueueUrl":"{URL}","MessageBody":"hello \u00e9\n","MessageGroupId":"g","DelaySeconds":3,"MessageAttributes":{attribute}}}"#
        ),
        format!(
            r#"{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","MessageBody":"x"}},{{"Id":"b","MessageBody":"y","DelaySeconds":900}}]}}"#
        ),
        format!(r#"{{"QueueUrl":"{URL}","MaxNumberOfMessages":10,"WaitTimeSeconds":20,"VisibilityTimeout":0}}"#),
        format!(r#"{{"QueueUrl":"{URL}","ReceiptHandle":"{}"}}"#, a_handle()),
        format!(r#"{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","ReceiptHandle":"{}"}}]}}"#, a_handle()),
        format!(r#"{{"QueueUrl":"{URL}","ReceiptHandle":"{}","VisibilityTimeout":30}}"#, a_handle()),
        format!(
            r#"{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","ReceiptHandle":"{}","VisibilityTimeout":0}}]}}"#,
            a_handle()
        ),
        r#"{"QueueName":"new","Attributes":{"VisibilityTimeout":"30","EvenkeelFairBy":"lease_time"}}"#.to_owned(),
        r#"{"QueueName":"q"}"#.to_owned(),
        format!(r#"{{"QueueUrl":"{URL}","AttributeNames":["All"]}}"#),
        format!(
            r#"{{"QueueUrl":"{URL}","Attributes":{{"EvenkeelGroup.a":"{{\"weight\":5,\"in_flight_limit\":2}}"}}}}"#
        ),
        "{}".to_owned(),
        format!(r#"{{"QueueUrl":"{URL}"}}"#),
        format!(r#"{{"QueueUrl":"{URL}"}}"#),
        r#"{"QueueNamePrefix":"q","MaxResults":1}"#.to_owned(),
        format!(r#"{{"QueueUrl":"{URL}"}}"#),
        format!(r#"{{"QueueUrl":"{URL}","Tags":{{"team":"a"}}}}"#),
        format!(r#"{{"QueueUrl":"{URL}","TagKeys":["team"]}}"#),
        format!(r#"{{"QueueUrl":"{URL}","MaxResults":1}}"#),
        format!(r#"{{"SourceArn":"{ARN}","MaxNumberOfMessagesPerSecond":1}}"#),
        format!(r#"{{"SourceArn":"{ARN}"}}"#),
        r#"{"TaskHandle":"BAAA"}"#.to_owned(),
        format!(r#"{{"QueueUrl":"{URL}","Label":"a","AWSAccountIds":["000000000002"],"Actions":["SendMessage","*"]}}"#),
        format!(r#"{{"QueueUrl":"{URL}","Label":"a"}}"#),
    ];
    (0u8..).zip(bodies).map(|(action, body)| [&[action], body.as_bytes()].concat()).collect()
}

/// Good forms of every action, and one that is spread over the query string and the body.
#[must_use]
pub fn corpus_of_forms() -> Vec<Vec<u8>> {
    let url = "QueueUrl=http%3A%2F%2Flocalhost%3A9324%2F000000000001%2Fq";
    let attribute = "MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v\
                     &MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=Binary&MessageAttribute.2.Value.BinaryValue=AAEC";
    let handle = a_handle();
    [
        format!("\nAction=SendMessage&Version=2012-11-05&{url}&MessageBody=hello+%C3%A9%0A%26&DelaySeconds=3&{attribute}"),
        "Action=SendMessage&MessageBody=x&X-Amz-Signature=0a".to_owned(),
        "\nAction=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x\
         &SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=y\
         &SendMessageBatchRequestEntry.2.MessageAttribute.1.Name=n&SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.DataType=Number\
         &SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.StringValue=1"
            .to_owned(),
        "Action=ReceiveMessage\nMaxNumberOfMessages=10&WaitTimeSeconds=20&AttributeName.1=All&MessageAttributeName.1=a.*".to_owned(),
        format!("\nAction=DeleteMessage&ReceiptHandle={handle}"),
        format!("\nAction=DeleteMessageBatch&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle={handle}"),
        format!("\nAction=ChangeMessageVisibility&ReceiptHandle={handle}&VisibilityTimeout=30"),
        "\nAction=CreateQueue&QueueName=new&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=30".to_owned(),
        "\nAction=GetQueueAttributes&AttributeNames.member.1=All".to_owned(),
        "\nAction=SetQueueAttributes&Attributes.entry.1.key=DelaySeconds&Attributes.entry.1.value=5".to_owned(),
        "Action=PurgeQueue".to_owned(),
        format!(
            "\nAction=ChangeMessageVisibilityBatch&ChangeMessageVisibilityBatchRequestEntry.1.Id=a\
             &ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle={handle}&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=0"
        ),
        "Action=GetQueueUrl&QueueName=q&QueueOwnerAWSAccountId=000000000001".to_owned(),
        "Action=DeleteQueue".to_owned(),
        "\nAction=ListQueues&QueueNamePrefix=q&MaxResults=1".to_owned(),
        "Action=ListQueueTags".to_owned(),
        "\nAction=TagQueue&Tag.1.Key=team&Tag.1.Value=a&Tags.2.Key=b&Tags.2.Value=".to_owned(),
        "\nAction=UntagQueue&TagKey.1=team&TagKey.7=b".to_owned(),
        "\nAction=ListDeadLetterSourceQueues&MaxResults=1".to_owned(),
        format!("\nAction=StartMessageMoveTask&SourceArn={ARN}&MaxNumberOfMessagesPerSecond=1"),
        format!("\nAction=ListMessageMoveTasks&SourceArn={ARN}&MaxResults=10"),
        "\nAction=CancelMessageMoveTask&TaskHandle=BAAA".to_owned(),
        "\nAction=AddPermission&Label=a&AWSAccountId.1=000000000002&ActionName.1=SendMessage&ActionName.2=*".to_owned(),
        "\nAction=RemovePermission&Label=a".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}

/// Stored bodies as the door makes them.
#[must_use]
pub fn corpus_of_blobs() -> Vec<Vec<u8>> {
    let mut blobs = Vec::new();
    for request in corpus_of_requests() {
        let Some((action, body)) = request.split_first() else { continue };
        let action = ACTIONS.get(usize::from(*action)).copied().unwrap_or_default();
        let Step::Ask(Request::Propose(proposal), _) = accept(&door(), action, body) else { continue };
        if let Ok(Command::Enqueue { jobs, .. }) = Command::decode(&mut Reader::new(proposal.bytes())) {
            blobs.extend(jobs.iter().map(|job| job.body.bytes.to_vec()));
        }
    }
    blobs
}

/// A good handle and some that are nearly good.
#[must_use]
pub fn corpus_of_handles() -> Vec<Vec<u8>> {
    vec![
        a_handle().into_bytes(),
        vec![b'A'; 50],
        "MbZj6wDWli+JvwwJaBV+3dcjk2YW2vA3+STFFljTM8tJJg6HRG6PYSasuWXPJB+C".into(),
    ]
}

/// The handle of a job that the door handed out.
fn a_handle() -> String {
    let door = door();
    let receive = format!("{{\"QueueUrl\":\"{URL}\"}}");
    let Step::Ask(_, pending) = accept(&door, "ReceiveMessage", receive.as_bytes()) else { return String::new() };
    let send = format!(r#"{{"QueueUrl":"{URL}","MessageBody":"x"}}"#);
    let Step::Ask(Request::Propose(proposal), _) = accept(&door, "SendMessage", send.as_bytes()) else {
        return String::new();
    };
    let Ok(Command::Enqueue { jobs, .. }) = Command::decode(&mut Reader::new(proposal.bytes())) else {
        return String::new();
    };
    let body = jobs.first().map(|job| job.body.bytes.to_vec()).unwrap_or_default();
    let grant = Grant {
        job: JobId { slot: 0, generation: 0 },
        token: LeaseToken(1),
        body: BodyRef { index: LogIndex(2), offset: 1, bytes: 1 },
        group: "".into(),
        source: None,
        enqueued_at: WallTime(1),
        first_granted_at: WallTime(1),
    };
    let jobs = vec![Delivery { grant, body: body.into() }];
    let Step::Respond(response) =
        pending.answer(&door, Answer::Received(Ok(Received { queue: QueueId { slot: 0, generation: 0 }, jobs })))
    else {
        return String::new();
    };
    let told: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    told.pointer("/Messages/0/ReceiptHandle").and_then(Value::as_str).unwrap_or_default().to_owned()
}
