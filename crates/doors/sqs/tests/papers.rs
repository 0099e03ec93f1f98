//! Lists, tags, dead letters and move tasks: what they ask, what they answer, what they refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::*;
use evenkeel_engine::{Answer, Look, Looked, Proposal, QueueName, Request};
use evenkeel_machine::{
    Reply,
    command::{Allow, Command, GroupSettings, PapersEdit, QueueEdit, QueueKey, QueueSettings, Redrive},
    queue::{Allowed, Counts, MoveError, MoveStatus, MoveView, NoSuchQueue, Papers, PapersError},
};
use evenkeel_types::WallTime;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: QueueKey<'static> = QueueKey { account: CALLER.account, name: "jobs" };
const ARN: &str = "arn:aws:sqs:eu-west-1:000000000012:";
const NAME: (&str, &str) = ("InvalidAttributeName;Sender", "com.amazonaws.sqs#InvalidAttributeName");
const ATTRIBUTE: (&str, &str) = ("InvalidAttributeValue;Sender", "com.amazonaws.sqs#InvalidAttributeValue");
const ABSENT: (&str, &str) = ("ResourceNotFoundException;Sender", "com.amazonaws.sqs#ResourceNotFoundException");

fn propose(command: &Command<'_>) -> Request {
    Request::Propose(Proposal::new(command))
}

fn jobs() -> QueueName {
    QueueName { account: CALLER.account, name: "jobs".into() }
}

fn names(names: &[&str]) -> Answer {
    Answer::Looked(Ok(Looked::Names(names.iter().map(|&name| Arc::from(name)).collect())))
}

fn value(response: &evenkeel_sqs::Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn with(papers: Papers) -> Answer {
    let Answer::Described(Ok(description)) = described(QueueSettings::default(), Counts::default()) else {
        unreachable!()
    };
    Answer::Described(Ok(evenkeel_engine::Description { papers: Some(Arc::new(papers)), ..description }))
}

fn set(name: &str, value: &str) -> String {
    json!({"QueueUrl": URL, "Attributes": {name: value}}).to_string()
}

#[test]
fn a_list_of_queues_goes_on_where_its_page_ended() {
    let body = r#"{"QueueNamePrefix":"job","MaxResults":2}"#;
    let look = |behind: Option<&str>, names_max| {
        let (account, prefix) = (CALLER.account, "job".into());
        Request::Look(Look::Queues { account, prefix, behind: behind.map(Box::from), names_max })
    };
    let (request, pending) = asked(call(&door(), "ListQueues", body));
    assert_eq!(request, look(None, 3));
    let page = value(&responded(pending.answer(&door(), names(&["job", "jobs", "jobs-2"]))));
    let urls: Vec<_> =
        ["job", "jobs"].iter().map(|name| format!("http://localhost:9324/000000000012/{name}")).collect();
    assert_eq!(page["QueueUrls"], json!(urls));
    let token = page["NextToken"].as_str().unwrap();
    let again = json!({"QueueNamePrefix": "job", "MaxResults": 2, "NextToken": token}).to_string();
    let (request, pending) = asked(call(&door(), "ListQueues", &again));
    assert_eq!(request, look(Some("jobs"), 3));
    let last = value(&responded(pending.answer(&door(), names(&["jobs-2"]))));
    assert_eq!((last["QueueUrls"].as_array().unwrap().len(), &last["NextToken"]), (1, &Value::Null));
    // A token is for its own list.
    let other = json!({"QueueNamePrefix": "jobs", "NextToken": token}).to_string();
    let wrong = r#"{"NextToken":"AAAA"}"#;
    check_refused("ListQueues", 400, VALUE.0, VALUE.1, &[(&other, "NextToken"), (wrong, "NextToken")]);
    let wrong = [(r#"{"MaxResults":0}"#, "MaxResults"), (r#"{"MaxResults":1001}"#, "MaxResults")];
    check_refused("ListQueues", 400, VALUE.0, VALUE.1, &wrong);
}

#[test]
fn without_max_results_there_is_one_page_and_no_token() {
    let (_, pending) = asked(call(&door(), "ListQueues", "{}"));
    assert_eq!(text(&responded(pending.answer(&door(), names(&[])))), "{}");
    let many: Vec<String> = (0..1_001).map(|number| format!("q{number:04}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (_, pending) = asked(call(&door(), "ListQueues", "{}"));
    let page = value(&responded(pending.answer(&door(), names(&many))));
    assert_eq!((page["QueueUrls"].as_array().unwrap().len(), &page["NextToken"]), (1_000, &Value::Null));
}

#[test]
fn sources_of_dead_letters_are_listed_even_if_there_are_none() {
    let (request, pending) = asked(call(&door(), "ListDeadLetterSourceQueues", "{URL}"));
    assert_eq!(request, Request::Look(Look::Sources { queue: jobs(), behind: None, names_max: 1_001 }));
    assert_eq!(text(&responded(pending.answer(&door(), names(&[])))), r#"{"queueUrls":[]}"#);
    let (_, pending) = asked(call(&door(), "ListDeadLetterSourceQueues", r#"{URL,"MaxResults":1}"#));
    let page = value(&responded(pending.answer(&door(), names(&["a", "b"]))));
    assert_eq!(page["queueUrls"], json!(["http://localhost:9324/000000000012/a"]));
    let body = json!({"QueueUrl": URL, "MaxResults": 1, "NextToken": page["NextToken"]}).to_string();
    let (request, pending) = asked(call(&door(), "ListDeadLetterSourceQueues", &body));
    assert_eq!(request, Request::Look(Look::Sources { queue: jobs(), behind: Some("a".into()), names_max: 2 }));
    let absent = error(pending.answer(&door(), Answer::Looked(Err(NoSuchQueue))));
    assert_eq!(absent.1, "AWS.SimpleQueueService.NonExistentQueue;Sender");
}

#[test]
fn tags_are_given_taken_and_told() {
    let done = || Answer::Reply(Reply::Tagged(Ok(Ok(()))));
    let (request, pending) = asked(call(&door(), "TagQueue", r#"{URL,"Tags":{"team":"a","stage":""}}"#));
    assert_eq!(request, propose(&Command::TagQueue { queue: KEY, tags: vec![("team", "a"), ("stage", "")] }));
    assert_eq!(text(&responded(pending.answer(&door(), done()))), "{}");
    let (_, pending) = asked(call(&door(), "TagQueue", r#"{URL,"Tags":{"team":"a"}}"#));
    let full = Answer::Reply(Reply::Tagged(Ok(Err(PapersError::TooMany))));
    assert_eq!(error(pending.answer(&door(), full)).1, VALUE.0);
    let (request, pending) = asked(call(&door(), "UntagQueue", r#"{URL,"TagKeys":["team"]}"#));
    assert_eq!(request, propose(&Command::UntagQueue { queue: KEY, keys: vec!["team"] }));
    assert_eq!(text(&responded(pending.answer(&door(), done()))), "{}");
    let tags = [("stage", "x"), ("team", "a")].map(|(key, value)| (Box::from(key), Box::from(value)));
    for (papers, expected) in [
        (Papers { tags: tags.into(), ..Papers::default() }, r#"{"Tags":{"stage":"x","team":"a"}}"#),
        (Papers::default(), "{}"),
    ] {
        let (_, pending) = asked(call(&door(), "ListQueueTags", "{URL}"));
        assert_eq!(text(&responded(pending.answer(&door(), with(papers)))), expected);
    }
    let body = r#"{"QueueName":"jobs","tags":{"team":"a"}}"#;
    let (_, pending) = asked(call(&door(), "CreateQueue", body));
    let (request, _) = asked(pending.answer(&door(), Answer::Described(Err(NoSuchQueue))));
    let (settings, papers) = (QueueSettings::default(), PapersEdit::default());
    let command = Command::CreateQueue { queue: KEY, settings, papers, tags: vec![("team", "a")] };
    assert_eq!(request, propose(&command));
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let key = json!({"QueueUrl": URL, "Tags": {"k".repeat(129): ""}}).to_string();
    let long = json!({"QueueUrl": URL, "Tags": {"k": "v".repeat(257)}}).to_string();
    let many: serde_json::Map<String, Value> = (0..51).map(|number| (format!("k{number}"), json!(""))).collect();
    let many = json!({"QueueUrl": URL, "Tags": many}).to_string();
    let reserved = r#"{URL,"Tags":{"aws:x":""}}"#;
    let cases = [(&*key, "1 to 128"), (&long, "0 to 256"), (&many, "51"), (reserved, "reserved")];
    check_refused("TagQueue", 400, VALUE.0, VALUE.1, &cases);
    check_refused("TagQueue", 400, MISSING.0, MISSING.1, &[("{URL}", "Tags"), (r#"{URL,"Tags":{}}"#, "Tags")]);
    check_refused("UntagQueue", 400, MISSING.0, MISSING.1, &[(r#"{URL,"TagKeys":[]}"#, "TagKeys")]);
}

#[test]
fn policies_of_dead_letters_are_read_and_told() {
    let redrive = |redrive| PapersEdit { redrive: Some(redrive), ..PapersEdit::default() };
    let dead = format!("{ARN}dead");
    let allowed = |allow, note| PapersEdit {
        allow: Some(allow),
        notes: vec![("RedriveAllowPolicy", note)],
        ..PapersEdit::default()
    };
    let all = r#"{"redrivePermission":"allowAll"}"#;
    let cases = [
        (
            "RedrivePolicy",
            json!({"deadLetterTargetArn": dead, "maxReceiveCount": "3"}).to_string(),
            redrive(Some(Redrive { target: "dead", grants_max: 3 })),
        ),
        (
            "RedrivePolicy",
            json!({"maxReceiveCount": 1000, "deadLetterTargetArn": dead}).to_string(),
            redrive(Some(Redrive { target: "dead", grants_max: 1_000 })),
        ),
        ("RedrivePolicy", String::new(), redrive(None)),
        ("RedriveAllowPolicy", all.to_owned(), allowed(None, Some(all))),
        ("RedriveAllowPolicy", String::new(), allowed(None, None)),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#.to_owned(), allowed(Some(Allow::Nobody), None)),
        (
            "RedriveAllowPolicy",
            json!({"redrivePermission": "byQueue", "sourceQueueArns": [dead]}).to_string(),
            allowed(Some(Allow::These(vec!["dead"])), None),
        ),
    ];
    for (name, value, papers) in cases {
        let (request, _) = asked(call(&door(), "SetQueueAttributes", &set(name, &value)));
        let edit = QueueEdit { papers, ..QueueEdit::default() };
        assert_eq!(request, propose(&Command::ConfigureQueue { queue: KEY, edit }), "{value}");
    }
    let papers = Papers {
        redrive: Some(("dead".into(), 3)),
        allowed: Allowed::These(vec!["a".into(), "b".into()]),
        ..Papers::default()
    };
    let body = r#"{URL,"AttributeNames":["RedrivePolicy","RedriveAllowPolicy"]}"#;
    let (_, pending) = asked(call(&door(), "GetQueueAttributes", body));
    let told = value(&responded(pending.answer(&door(), with(papers))));
    let read = |name: &str| serde_json::from_str::<Value>(told["Attributes"][name].as_str().unwrap()).unwrap();
    assert_eq!(read("RedrivePolicy"), json!({"deadLetterTargetArn": dead, "maxReceiveCount": 3}));
    let arns = json!([format!("{ARN}a"), format!("{ARN}b")]);
    assert_eq!(read("RedriveAllowPolicy"), json!({"redrivePermission": "byQueue", "sourceQueueArns": arns}));
}

#[test]
fn policies_of_dead_letters_that_cannot_be_are_refused() {
    let arn = format!("{ARN}dead");
    let policy = |value: Value| set("RedrivePolicy", &value.to_string());
    let parameter = [
        (policy(json!({"maxReceiveCount": 1})), "deadLetterTargetArn"),
        (policy(json!({"deadLetterTargetArn": arn})), "maxReceiveCount"),
        (policy(json!({"deadLetterTargetArn": arn, "maxReceiveCount": 0})), "from 1 to 1000"),
        (policy(json!({"deadLetterTargetArn": arn, "maxReceiveCount": "1001"})), "from 1 to 1000"),
        (policy(json!({"deadLetterTargetArn": arn, "maxReceiveCount": "x"})), "from 1 to 1000"),
        (policy(json!({"deadLetterTargetArn": "dead", "maxReceiveCount": 1})), "deadLetterTargetArn"),
        (
            policy(json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000013:x", "maxReceiveCount": 1})),
            "owner should be same",
        ),
    ];
    let cases: Vec<_> = parameter.iter().map(|(body, part)| (&**body, *part)).collect();
    check_refused("SetQueueAttributes", 400, VALUE.0, VALUE.1, &cases);
    let eleven: Vec<String> = (0..11).map(|number| format!("{ARN}q{number}")).collect();
    let attribute = [
        set("RedrivePolicy", "dead"),
        set("RedrivePolicy", "[]"),
        set("RedriveAllowPolicy", r#"{"redrivePermission":"some"}"#),
        set("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#),
        set("RedriveAllowPolicy", &json!({"redrivePermission": "byQueue", "sourceQueueArns": eleven}).to_string()),
        set("RedriveAllowPolicy", &json!({"redrivePermission": "denyAll", "sourceQueueArns": [arn]}).to_string()),
    ];
    let cases: Vec<_> = attribute.iter().map(|body| (&**body, "Invalid value for the parameter Redrive")).collect();
    check_refused("SetQueueAttributes", 400, ATTRIBUTE.0, ATTRIBUTE.1, &cases);
    for (refused, part) in [
        (PapersError::NoSuchTarget, "does not exist"),
        (PapersError::UnfitTarget, "same type"),
        (PapersError::NotAllowed, "does not allow"),
    ] {
        let body = policy(json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}));
        let (_, pending) = asked(call(&door(), "SetQueueAttributes", &body));
        let (_, code, _, message) =
            error(pending.answer(&door(), Answer::Reply(Reply::Configured(Err(refused.into())))));
        assert_eq!(code, VALUE.0);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn one_kind_of_encryption_turns_the_other_off() {
    let notes = |body: &str| {
        let (request, _) = asked(call(&door(), "SetQueueAttributes", body));
        request
    };
    let with_notes = |notes| {
        let papers = PapersEdit { notes, ..PapersEdit::default() };
        propose(&Command::ConfigureQueue { queue: KEY, edit: QueueEdit { papers, ..QueueEdit::default() } })
    };
    let kms = vec![("KmsMasterKeyId", Some("alias/mine")), ("SqsManagedSseEnabled", None)];
    assert_eq!(notes(&set("KmsMasterKeyId", "alias/mine")), with_notes(kms));
    let managed = vec![("SqsManagedSseEnabled", Some("true")), ("KmsMasterKeyId", None)];
    assert_eq!(notes(&set("SqsManagedSseEnabled", "true")), with_notes(managed));
    let both = r#"{URL,"Attributes":{"KmsMasterKeyId":"k","SqsManagedSseEnabled":"true"}}"#;
    let short = set("KmsDataKeyReusePeriodSeconds", "59");
    let name = ("InvalidAttributeName;Sender", "com.amazonaws.sqs#InvalidAttributeName");
    check_refused("SetQueueAttributes", 400, name.0, name.1, &[(both, "one type")]);
    let cases = [(&*short, "KmsDataKeyReusePeriodSeconds")];
    check_refused("SetQueueAttributes", 400, ATTRIBUTE.0, ATTRIBUTE.1, &cases);
    let papers = Papers { notes: [("KmsMasterKeyId".into(), "k".into())].into(), ..Papers::default() };
    let body = r#"{URL,"AttributeNames":["KmsMasterKeyId","KmsDataKeyReusePeriodSeconds","SqsManagedSseEnabled"]}"#;
    let (_, pending) = asked(call(&door(), "GetQueueAttributes", body));
    let expected =
        r#"{"Attributes":{"KmsMasterKeyId":"k","KmsDataKeyReusePeriodSeconds":"300","SqsManagedSseEnabled":"false"}}"#;
    assert_eq!(text(&responded(pending.answer(&door(), with(papers)))), expected);
}

#[test]
fn groups_shares_are_told_one_by_one_if_asked_for() {
    let body = r#"{URL,"AttributeNames":["EvenkeelGroup.a","DelaySeconds","EvenkeelGroup.b","EvenkeelGroup.a"]}"#;
    let (_, pending) = asked(call(&door(), "GetQueueAttributes", body));
    let (request, pending) = asked(pending.answer(&door(), with(Papers::default())));
    assert_eq!(request, Request::Look(Look::Group { queue: jobs(), group: "a".into() }));
    let share = GroupSettings { weight: 5, in_flight_max: 10 };
    let (request, pending) = asked(pending.answer(&door(), Answer::Looked(Ok(Looked::Group(Some(share))))));
    assert_eq!(request, Request::Look(Look::Group { queue: jobs(), group: "b".into() }));
    let told = value(&responded(pending.answer(&door(), Answer::Looked(Ok(Looked::Group(None))))));
    let expected = json!({
        "DelaySeconds": "0",
        "EvenkeelGroup.a": r#"{"weight":5,"in_flight_limit":10}"#,
        "EvenkeelGroup.b": r#"{"weight":1,"in_flight_limit":0}"#,
    });
    assert_eq!(told["Attributes"], expected);
    check_refused(
        "GetQueueAttributes",
        400,
        NAME.0,
        NAME.1,
        &[(r#"{URL,"AttributeNames":["EvenkeelGroup."]}"#, "Evenkeel")],
    );
}

#[test]
fn a_move_task_is_begun_and_cancelled_by_its_handle() {
    let body = json!({
        "SourceArn": format!("{ARN}jobs"),
        "DestinationArn": format!("{ARN}other"),
        "MaxNumberOfMessagesPerSecond": 500,
    });
    let (request, pending) = asked(call(&door(), "StartMessageMoveTask", &body.to_string()));
    let command = Command::StartMove { source: KEY, destination: Some("other"), rate: Some(500) };
    assert_eq!(request, propose(&command));
    let started = value(&responded(pending.answer(&door(), Answer::Reply(Reply::MoveStarted(Ok(77))))));
    let cancel = json!({"TaskHandle": started["TaskHandle"]}).to_string();
    let (request, pending) = asked(call(&door(), "CancelMessageMoveTask", &cancel));
    assert_eq!(request, propose(&Command::CancelMove { source: KEY, number: 77 }));
    let answer = Answer::Reply(Reply::MoveCancelled(Ok(5)));
    assert_eq!(text(&responded(pending.answer(&door(), answer))), r#"{"ApproximateNumberOfMessagesMoved":5}"#);
    let (_, pending) = asked(call(&door(), "CancelMessageMoveTask", &cancel));
    let (status, code, shape, _) =
        error(pending.answer(&door(), Answer::Reply(Reply::MoveCancelled(Err(MoveError::NoSuchTask)))));
    assert_eq!((status, &*code, &*shape), (404, ABSENT.0, ABSENT.1));
    check_refused("CancelMessageMoveTask", 400, VALUE.0, VALUE.1, &[(r#"{"TaskHandle":"x"}"#, "TaskHandle")]);
    check_refused("CancelMessageMoveTask", 400, MISSING.0, MISSING.1, &[("{}", "TaskHandle")]);
}

#[test]
fn move_tasks_that_cannot_be_are_refused() {
    let source = format!("{ARN}jobs");
    let refused = |answer| {
        let body = json!({"SourceArn": source}).to_string();
        let (_, pending) = asked(call(&door(), "StartMessageMoveTask", &body));
        let (status, code, _, message) = error(pending.answer(&door(), Answer::Reply(Reply::MoveStarted(Err(answer)))));
        (status, code, message)
    };
    for (answer, status, code, part) in [
        (MoveError::NoSuchSource, 404, ABSENT.0, "SourceArn"),
        (MoveError::NoSuchDestination, 404, ABSENT.0, "DestinationArn"),
        (MoveError::NotDeadLetters, 400, VALUE.0, "Dead Letter Queue"),
        (MoveError::Running, 400, VALUE.0, "already a task running"),
        (MoveError::TooMany, 403, "OverLimit;Sender", "running"),
    ] {
        let (found, found_code, message) = refused(answer);
        assert_eq!((found, &*found_code), (status, code));
        assert!(message.contains(part), "{message}");
    }
    let others = r#"{"SourceArn":"arn:aws:sqs:eu-west-1:000000000013:jobs"}"#;
    check_refused("StartMessageMoveTask", 404, ABSENT.0, ABSENT.1, &[(others, "SourceArn")]);
    check_refused("ListMessageMoveTasks", 404, ABSENT.0, ABSENT.1, &[(others, "SourceArn")]);
    let rate = |rate: i32| json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": rate}).to_string();
    let cases = [(r#"{"SourceArn":"jobs"}"#, "format"), (&*rate(-1), "1 to 500"), (&*rate(70_000), "1 to 500")];
    check_refused("StartMessageMoveTask", 400, VALUE.0, VALUE.1, &cases);
    check_refused("StartMessageMoveTask", 400, MISSING.0, MISSING.1, &[("{}", "SourceArn")]);
    let body = json!({"SourceArn": source, "MaxResults": 11}).to_string();
    check_refused("ListMessageMoveTasks", 400, VALUE.0, VALUE.1, &[(&body, "MaxResults")]);
}

#[test]
fn only_a_task_that_runs_has_a_handle_and_only_one_that_failed_a_reason() {
    let task = |number, status| MoveView {
        number,
        status,
        source: "jobs".into(),
        destination: (number == 9).then(|| "other".into()),
        rate: if number == 9 { 7 } else { 0 },
        moved: 3,
        to_move: 8,
        started_at: WallTime(1_700_000_000_123),
    };
    let list = |max: i32, tasks: Vec<MoveView>| {
        let body = json!({"SourceArn": format!("{ARN}jobs"), "MaxResults": max}).to_string();
        let (request, pending) = asked(call(&door(), "ListMessageMoveTasks", &body));
        assert_eq!(request, Request::Look(Look::Moves { source: jobs() }));
        value(&responded(pending.answer(&door(), Answer::Looked(Ok(Looked::Moves(tasks))))))["Results"].clone()
    };
    assert_eq!(list(10, vec![]), json!([]));
    let tasks = vec![task(9, MoveStatus::Running), task(8, MoveStatus::NoOrigin), task(7, MoveStatus::Completed)];
    assert_eq!(list(2, tasks.clone()).as_array().unwrap().len(), 2);
    let told = list(10, tasks);
    assert!(told[0]["TaskHandle"].is_string());
    let expected = json!({
        "Status": "FAILED",
        "SourceArn": format!("{ARN}jobs"),
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 8,
        "FailureReason": "CouldNotDetermineMessageSource",
        "StartedTimestamp": 1_700_000_000_123u64,
    });
    assert_eq!(told[1], expected);
    assert_eq!(
        (&told[0]["DestinationArn"], &told[0]["MaxNumberOfMessagesPerSecond"]),
        (&json!(format!("{ARN}other")), &json!(7))
    );
    assert_eq!((&told[2]["Status"], &told[2]["TaskHandle"]), (&json!("COMPLETED"), &Value::Null));
}

#[test]
fn a_server_may_keep_the_names_of_deleted_queues() {
    let door = door().keeping_names(true);
    let (request, _) = asked(call(&door, "DeleteQueue", "{URL}"));
    assert_eq!(request, propose(&Command::DeleteQueue { queue: KEY, call: None, keep_name: true }));
}

#[test]
fn a_key_for_some_queues_is_held_to_them_by_their_arns_too() {
    let rights = evenkeel_policy::Rights::new(&[], &["jobs"]);
    let caller = evenkeel_sqs::Caller { rights: &rights, ..CALLER };
    let call = |action: &str, body: &Value| {
        door().accept(caller, head(&format!("AmazonSQS.{action}")), body.to_string().as_bytes())
    };
    let redrive =
        |target: &str| json!({"deadLetterTargetArn": format!("{ARN}{target}"), "maxReceiveCount": 3}).to_string();
    let attributes = |target: &str| json!({"QueueUrl": URL, "Attributes": {"RedrivePolicy": redrive(target)}});
    let create = |target: &str| json!({"QueueName": "jobs-2", "Attributes": {"RedrivePolicy": redrive(target)}});
    let start =
        |from: &str, to: &str| json!({"SourceArn": format!("{ARN}{from}"), "DestinationArn": format!("{ARN}{to}")});
    let cancel = |source: &str| {
        let body = json!({"SourceArn": format!("{ARN}{source}")});
        let (_, pending) =
            asked(door().accept(CALLER, head("AmazonSQS.StartMessageMoveTask"), body.to_string().as_bytes()));
        let started = value(&responded(pending.answer(&door(), Answer::Reply(Reply::MoveStarted(Ok(7))))));
        json!({"TaskHandle": started["TaskHandle"]})
    };
    for (action, within, beyond) in [
        ("SetQueueAttributes", attributes("jobs-dead"), attributes("mail")),
        ("CreateQueue", create("jobs-dead"), create("mail")),
        ("StartMessageMoveTask", start("jobs-dead", "jobs"), start("mail", "jobs")),
        ("StartMessageMoveTask", json!({"SourceArn": format!("{ARN}jobs-dead")}), start("jobs-dead", "mail")),
        (
            "ListMessageMoveTasks",
            json!({"SourceArn": format!("{ARN}jobs")}),
            json!({"SourceArn": format!("{ARN}mail")}),
        ),
        ("CancelMessageMoveTask", cancel("jobs-dead"), cancel("mail")),
        ("ListQueues", json!({"QueueNamePrefix": "jobs-"}), json!({"QueueNamePrefix": "job"})),
        ("ListQueues", json!({"QueueNamePrefix": "jobs"}), json!({})),
    ] {
        asked(call(action, &within));
        let (status, code, ..) = error(call(action, &beyond));
        assert_eq!((status, &*code), (403, "AccessDenied;Sender"), "{action} {beyond}");
    }
}
