//! The actions on queues: what they ask, what they answer, what they refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::*;
use evenkeel_engine::{Answer, EngineError, Proposal, QueueName, Request};
use evenkeel_machine::{
    Reply,
    command::{Command, FairBy, GroupSettings, PapersEdit, QueueEdit, QueueKey, QueueSettings},
    queue::{ConfigureError, Counts, CreateQueueError, NoSuchQueue},
};
use evenkeel_types::{LogIndex, Micros, QueueId};

const KEY: QueueKey<'static> = QueueKey { account: CALLER.account, name: "jobs" };
const URL_ANSWER: &str = r#"{"QueueUrl":"http://localhost:9324/000000000012/jobs"}"#;

fn describe() -> Request {
    Request::Describe(QueueName { account: CALLER.account, name: "jobs".into() })
}

fn propose(command: &Command<'_>) -> Request {
    Request::Propose(Proposal::new(command))
}

fn absent() -> Answer {
    Answer::Described(Err(NoSuchQueue))
}

fn created(result: Result<QueueId, CreateQueueError>) -> Answer {
    Answer::Reply(Reply::QueueCreated(result))
}

#[test]
fn a_new_queue_is_made_with_what_was_given_over_the_defaults() {
    let body = r#"{"QueueName":"jobs","Attributes":{"VisibilityTimeout":"60","DelaySeconds":"900",
        "ReceiveMessageWaitTimeSeconds":"20","MaximumMessageSize":"1024","MessageRetentionPeriod":"60",
        "EvenkeelFairBy":"lease_time","EvenkeelDefaultWeight":"100","EvenkeelGroupInFlightLimit":"7","EvenkeelJobsMax":"5000000000",
        "EvenkeelBytesMax":"18446744073709551615","Policy":""}}"#;
    let (request, pending) = asked(call(&door(), "CreateQueue", body));
    assert_eq!(request, describe());
    let (request, pending) = asked(pending.answer(&door(), absent()));
    let settings = QueueSettings {
        lease: Micros::from_secs(60),
        delay: Micros::from_secs(900),
        receive_wait: Micros::from_secs(20),
        body_bytes_max: 1_024,
        fair_by: FairBy::LeaseTime,
        default_weight: 100,
        group_in_flight_max: 7,
        jobs_max: 5_000_000_000,
        bytes_max: u64::MAX,
        retention_secs: 60,
        ..QueueSettings::default()
    };
    let papers = PapersEdit { notes: vec![("Policy", None)], ..PapersEdit::default() };
    assert_eq!(request, propose(&Command::CreateQueue { queue: KEY, settings, papers, tags: vec![] }));
    let response = responded(pending.answer(&door(), created(Ok(QueueId { slot: 1, generation: 0 }))));
    assert_eq!((response.status, text(&response).as_str(), response.query_error), (200, URL_ANSWER, None));
}

#[test]
fn an_existing_queue_is_found_by_equal_or_fewer_attributes() {
    let present = QueueSettings { delay: Micros::from_secs(5), ..QueueSettings::default() };
    for attributes in ["{}", "null", r#"{"DelaySeconds":"5"}"#, r#"{"DelaySeconds":"5","VisibilityTimeout":"30"}"#] {
        let body = format!(r#"{{"QueueName":"jobs","Attributes":{attributes},"tags":{{}}}}"#);
        let (_, pending) = asked(call(&door(), "CreateQueue", &body));
        let response = responded(pending.answer(&door(), described(present, Counts::default())));
        assert_eq!(text(&response), URL_ANSWER, "{attributes}");
    }
    let body = r#"{"QueueName":"jobs","Attributes":{"DelaySeconds":"0"}}"#;
    let (_, pending) = asked(call(&door(), "CreateQueue", body));
    let (status, code, shape, message) = error(pending.answer(&door(), described(present, Counts::default())));
    assert_eq!((status, &*code, &*shape), (400, "QueueAlreadyExists;Sender", "com.amazonaws.sqs#QueueNameExists"));
    assert_eq!(message, "A queue already exists with the same name and a different value for attribute DelaySeconds");
}

#[test]
fn a_queue_made_meanwhile_by_another_is_looked_at_again() {
    let begin = || {
        let (_, pending) = asked(call(&door(), "CreateQueue", r#"{"QueueName":"jobs"}"#));
        let (_, pending) = asked(pending.answer(&door(), absent()));
        let (request, pending) = asked(pending.answer(&door(), created(Err(CreateQueueError::ExistsDifferently))));
        assert_eq!(request, describe());
        pending
    };
    let other = QueueSettings { default_weight: 9, ..QueueSettings::default() };
    assert_eq!(text(&responded(begin().answer(&door(), described(other, Counts::default())))), URL_ANSWER);
    assert_eq!(error(begin().answer(&door(), absent())).0, 503);
}

#[test]
fn queue_names_and_what_is_not_supported_yet_are_refused() {
    check_refused(
        "CreateQueue",
        400,
        MISSING.0,
        MISSING.1,
        &[("{}", "QueueName"), (r#"{"QueueName":""}"#, "QueueName")],
    );
    let long = format!(r#"{{"QueueName":"{}"}}"#, "x".repeat(81));
    let part = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    check_refused("CreateQueue", 400, VALUE.0, VALUE.1, &[(r#"{"QueueName":"a b"}"#, part), (&long, part)]);
    let fifo = r#"{"QueueName":"a","Attributes":{"FifoQueue":"true"}}"#;
    let not_fifo = r#"{"QueueName":"a.fifo"}"#;
    check_refused("CreateQueue", 400, VALUE.0, VALUE.1, &[(fifo, "must end with .fifo"), (not_fifo, "FifoQueue=true")]);
    check_refused(
        "CreateQueue",
        400,
        UNSUPPORTED.0,
        UNSUPPORTED.1,
        &[(r#"{"QueueName":"a","Attributes":{"EvenkeelGroup.a":"{}"}}"#, "SetQueueAttributes")],
    );
    let name = ("InvalidAttributeName;Sender", "com.amazonaws.sqs#InvalidAttributeName");
    check_refused(
        "CreateQueue",
        400,
        name.0,
        name.1,
        &[
            (r#"{"QueueName":"a","Attributes":{"Nonsense":"1"}}"#, "Unknown Attribute Nonsense."),
            (r#"{"QueueName":"a","Attributes":{"FifoQueue":"false"}}"#, "Unknown Attribute FifoQueue."),
        ],
    );
}

#[test]
fn attribute_values_have_ranges() {
    let wrong = [
        ("VisibilityTimeout", &["-1", "43201", "x", "", "1.0", "+1", " 1", "99999999999999999999"][..]),
        ("DelaySeconds", &["901"]),
        ("ReceiveMessageWaitTimeSeconds", &["21"]),
        ("MaximumMessageSize", &["1023", "1048577"]),
        ("MessageRetentionPeriod", &["59", "1209601"]),
        ("EvenkeelFairBy", &["Count", ""]),
        ("EvenkeelDefaultWeight", &["0", "101"]),
        ("EvenkeelGroupInFlightLimit", &["-1", "4294967296"]),
        ("EvenkeelJobsMax", &["-1", "", "many", "18446744073709551616"]),
        ("EvenkeelBytesMax", &["1e6", "18446744073709551616"]),
        ("EvenkeelGroup.a", &["", "5", "[]", r#"{\"weight\":0}"#, r#"{\"weight\":101}"#, r#"{\"weigth\":1}"#]),
        ("EvenkeelGroup.", &["{}"]),
        ("EvenkeelGroup.a b", &["{}"]),
    ];
    for (name, values) in wrong {
        for value in values {
            let body = format!(r#"{{URL,"Attributes":{{"{name}":"{value}"}}}}"#);
            let shape = "com.amazonaws.sqs#InvalidAttributeValue";
            let part = "Invalid value for the parameter ";
            check_refused("SetQueueAttributes", 400, "InvalidAttributeValue;Sender", shape, &[(&body, part)]);
        }
    }
}

#[test]
fn what_is_given_is_changed_and_nothing_else() {
    let (request, pending) =
        asked(call(&door(), "SetQueueAttributes", r#"{URL,"Attributes":{"EvenkeelDefaultWeight":"5"}}"#));
    let edit = QueueEdit { default_weight: Some(5), ..QueueEdit::default() };
    assert_eq!(request, propose(&Command::ConfigureQueue { queue: KEY, edit }));
    assert_eq!(text(&responded(pending.answer(&door(), Answer::Reply(Reply::Configured(Ok(())))))), "{}");
    let (_, pending) =
        asked(call(&door(), "SetQueueAttributes", r#"{URL,"Attributes":{"DeduplicationScope":"queue"}}"#));
    let refused = Answer::Reply(Reply::Configured(Err(ConfigureError::OtherKind)));
    assert_eq!(
        error(pending.answer(&door(), refused)).3,
        "You can specify the DeduplicationScope only when FifoQueue is set to true."
    );
}

#[test]
fn a_groups_share_is_one_command_and_stands_alone() {
    let cases =
        [(r#"{\"weight\":5,\"in_flight_limit\":10}"#, 5, 10), (r#" {\"in_flight_limit\":10}"#, 1, 10), ("{}", 1, 0)];
    for (value, weight, in_flight_max) in cases {
        let body = format!(r#"{{URL,"Attributes":{{"EvenkeelGroup.tenant-1":"{value}"}}}}"#);
        let (request, pending) = asked(call(&door(), "SetQueueAttributes", &body));
        let settings = GroupSettings { weight, in_flight_max };
        assert_eq!(request, propose(&Command::ConfigureGroup { queue: KEY, group: "tenant-1", settings }), "{value}");
        let refused = Answer::Reply(Reply::Configured(Err(ConfigureError::NoSuchQueue(NoSuchQueue))));
        assert_eq!(error(pending.answer(&door(), refused)).1, "AWS.SimpleQueueService.NonExistentQueue;Sender");
    }
    check_refused(
        "SetQueueAttributes",
        400,
        UNSUPPORTED.0,
        UNSUPPORTED.1,
        &[
            (r#"{URL,"Attributes":{"EvenkeelGroup.a":"{}","EvenkeelGroup.b":"{}"}}"#, "only attribute"),
            (r#"{URL,"Attributes":{"DelaySeconds":"0","EvenkeelGroup.b":"{}"}}"#, "only attribute"),
        ],
    );
    check_refused(
        "SetQueueAttributes",
        400,
        MISSING.0,
        MISSING.1,
        &[("{URL}", "Attributes"), (r#"{URL,"Attributes":{}}"#, "Attributes")],
    );
}

#[test]
fn a_queues_url_is_told_if_it_exists_and_is_the_callers() {
    for owner in ["", r#","QueueOwnerAWSAccountId":"000000000012""#, r#","QueueOwnerAWSAccountId":null"#] {
        let (request, pending) = asked(call(&door(), "GetQueueUrl", &format!(r#"{{"QueueName":"jobs"{owner}}}"#)));
        assert_eq!(request, describe());
        let found = described(QueueSettings::default(), Counts::default());
        assert_eq!(text(&responded(pending.answer(&door(), found))), URL_ANSWER);
    }
    let nothing = ("AWS.SimpleQueueService.NonExistentQueue;Sender", "com.amazonaws.sqs#QueueDoesNotExist");
    check_refused(
        "GetQueueUrl",
        400,
        nothing.0,
        nothing.1,
        &[
            (r#"{"QueueName":"jobs","QueueOwnerAWSAccountId":"000000000013"}"#, "does not exist"),
            (r#"{"QueueName":"no such name"}"#, "does not exist"),
        ],
    );
    let (_, pending) = asked(call(&door(), "GetQueueUrl", r#"{"QueueName":"jobs"}"#));
    let (status, code, shape, message) = error(pending.answer(&door(), absent()));
    assert_eq!((status, &*code, &*shape), (400, nothing.0, nothing.1));
    assert_eq!(message, "The specified queue does not exist.");
}

#[test]
fn attributes_are_told_as_asked() {
    let counts = Counts { ready: 1, delayed: 2, leased: 3, enqueued: 12, acked: 4, purged: 2, ..Counts::default() };
    let arn = r#""QueueArn":"arn:aws:sqs:eu-west-1:000000000012:jobs""#;
    let all = [
        arn,
        r#""ApproximateNumberOfMessages":"1","ApproximateNumberOfMessagesNotVisible":"3""#,
        r#""ApproximateNumberOfMessagesDelayed":"2","CreatedTimestamp":"1700000000","LastModifiedTimestamp":"1700000100""#,
        r#""VisibilityTimeout":"30","DelaySeconds":"0""#,
        r#""ReceiveMessageWaitTimeSeconds":"0","MaximumMessageSize":"1048576","MessageRetentionPeriod":"345600""#,
        r#""SqsManagedSseEnabled":"false","EvenkeelFairBy":"count","EvenkeelDefaultWeight":"1""#,
        r#""EvenkeelGroupInFlightLimit":"0","EvenkeelJobsMax":"0","EvenkeelBytesMax":"0""#,
    ]
    .join(",");
    let cases = [
        ("{URL}", "{}".to_owned()),
        (r#"{URL,"AttributeNames":[]}"#, "{}".to_owned()),
        (r#"{URL,"AttributeNames":["Policy"]}"#, "{}".to_owned()),
        (r#"{URL,"AttributeNames":["QueueArn","RedrivePolicy","QueueArn"]}"#, format!(r#"{{"Attributes":{{{arn}}}}}"#)),
        (r#"{URL,"AttributeNames":["QueueArn","All"]}"#, format!(r#"{{"Attributes":{{{all}}}}}"#)),
    ];
    for (body, expected) in cases {
        let (request, pending) = asked(call(&door(), "GetQueueAttributes", body));
        assert_eq!(request, describe());
        let response = responded(pending.answer(&door(), described(QueueSettings::default(), counts)));
        assert_eq!(text(&response), expected, "{body}");
    }
    let name = ("InvalidAttributeName;Sender", "com.amazonaws.sqs#InvalidAttributeName");
    let body = r#"{URL,"AttributeNames":["Nonsense"]}"#;
    check_refused("GetQueueAttributes", 400, name.0, name.1, &[(body, "Unknown Attribute Nonsense.")]);
}

#[test]
fn actions_are_refused_if_unknown() {
    let unknown = ("InvalidAction;Sender", "com.amazon.coral.service#UnknownOperationException");
    check_refused("Nonsense", 400, unknown.0, unknown.1, &[("{}", "The action Nonsense is not valid")]);
    let step = door().accept(CALLER, head("DynamoDB_20120810.PutItem"), b"{}");
    assert_eq!(error(step).1, unknown.0);
}

#[test]
fn purging_and_deleting_are_one_command_each() {
    let nothing = ("AWS.SimpleQueueService.NonExistentQueue;Sender", "com.amazonaws.sqs#QueueDoesNotExist");
    let number = QueueId { slot: 3, generation: 9 };
    let cases = [
        ("PurgeQueue", Command::PurgeQueue { queue: KEY }, Reply::Purged(Ok(7)), Reply::Purged(Err(NoSuchQueue))),
        (
            "DeleteQueue",
            Command::DeleteQueue { queue: KEY, call: None, keep_name: false },
            Reply::QueueDeleted(Ok(number)),
            Reply::QueueDeleted(Err(NoSuchQueue)),
        ),
    ];
    for (action, command, done, refused) in cases {
        let ask = || {
            let (request, pending) = asked(call(&door(), action, "{URL}"));
            assert_eq!(request, propose(&command));
            pending
        };
        let response = responded(ask().answer(&door(), Answer::Reply(done)));
        assert_eq!((response.status, text(&response).as_str(), response.query_error), (200, "{}", None));
        let (status, code, shape, _) = error(ask().answer(&door(), Answer::Reply(refused)));
        assert_eq!((status, &*code, &*shape), (400, nothing.0, nothing.1));
        assert_eq!(error(ask().answer(&door(), Answer::Failed(EngineError::Lost))).0, 500);
        assert_eq!(error(ask().answer(&door(), Answer::Reply(Reply::Done))).0, 500);
        check_refused(action, 400, MISSING.0, MISSING.1, &[("{}", "QueueUrl")]);
        let others = r#"{"QueueUrl":"http://localhost:9324/000000000013/jobs"}"#;
        assert_eq!(error(call(&door(), action, others)).0, 403, "another's queue");
    }
}

#[test]
fn the_engines_failures_are_ones_that_sdks_retry() {
    let unavailable = (503, "ServiceUnavailable;Receiver", "com.amazon.coral.service#ServiceUnavailableException");
    let internal = (500, "InternalFailure;Receiver", "com.amazon.coral.service#InternalFailure");
    let cases = [
        (EngineError::Stopping, unavailable),
        (EngineError::NotLeading, unavailable),
        (EngineError::Halted(LogIndex(1)), unavailable),
        (EngineError::Overloaded, unavailable),
        (EngineError::DiskFull, unavailable),
        (EngineError::BodyNotReadNow, unavailable),
        (EngineError::BodyUnreadable, internal),
        (EngineError::Lost, internal),
    ];
    for (failure, expected) in cases {
        let (_, pending) = asked(call(&door(), "GetQueueUrl", r#"{"QueueName":"jobs"}"#));
        let (status, code, shape, _) = error(pending.answer(&door(), Answer::Failed(failure)));
        assert_eq!((status, &*code, &*shape), expected);
    }
    // An answer to another question is our mistake, and costs one request.
    let (_, pending) = asked(call(&door(), "GetQueueUrl", r#"{"QueueName":"jobs"}"#));
    assert_eq!(error(pending.answer(&door(), Answer::Reply(Reply::Done))).0, 500);
}
