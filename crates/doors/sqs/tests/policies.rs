//! Who is let in to a queue by its policy: keys of its own account, of others, and root.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests; the helpers too")]

mod common;

use common::{CALLER, URL, house::House, text};
use evenkeel_engine::{Answer, Request};
use evenkeel_policy::Rights;
use evenkeel_sqs::{Caller, Head, Step};
use evenkeel_types::{AccountId, WallTime};
use serde_json::{Value, json};

const OTHER: AccountId = AccountId::from_number(34).unwrap();
const STRANGER: Caller<'static> = Caller { account: OTHER, sender_id: "worker", ..CALLER };
const ROOT: Caller<'static> = Caller { sender_id: "000000000012", is_root: true, ..CALLER };

fn head(action: &str) -> Head<'_> {
    Head { target: Some(action), host: "localhost:9324", ..Head::default() }
}

/// Status and answer of a call.
fn ask(house: &mut House, caller: Caller<'_>, head: Head<'_>, action: &str, mut body: Value) -> (u16, Value) {
    body["QueueUrl"] = URL.into();
    let target = format!("AmazonSQS.{action}");
    let step = house.door.accept(caller, Head { target: Some(&target), ..head }, body.to_string().as_bytes());
    let response = house.finish(step);
    (response.status, serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", text(&response))))
}

fn call(house: &mut House, caller: Caller<'_>, action: &str, body: Value) -> (u16, Value) {
    ask(house, caller, head(""), action, body)
}

fn send(house: &mut House, caller: Caller<'_>) -> u16 {
    call(house, caller, "SendMessage", json!({"MessageBody": "a"})).0
}

fn house() -> House {
    let mut house = House::new();
    assert_eq!(call(&mut house, CALLER, "CreateQueue", json!({"QueueName": "jobs"})).0, 200);
    house
}

fn set(house: &mut House, statements: &Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let (status, answer) = call(house, ROOT, "SetQueueAttributes", json!({"Attributes": {"Policy": policy}}));
    assert_eq!(status, 200, "{answer}");
}

fn statement(effect: &str, principal: &Value, action: &str) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": action})
}

#[test]
fn another_account_is_let_in_to_what_it_is_allowed_and_from_then_on_only() {
    let mut house = house();
    assert_eq!(send(&mut house, STRANGER), 403);
    let add = json!({"Label": "one", "AWSAccountIds": ["000000000034"], "Actions": ["SendMessage"]});
    assert_eq!(call(&mut house, CALLER, "AddPermission", add).0, 200);
    assert_eq!(send(&mut house, STRANGER), 200);
    let batch = json!({"Entries": [{"Id": "a", "MessageBody": "a"}]});
    assert_eq!(call(&mut house, STRANGER, "SendMessageBatch", batch).0, 200, "a batch goes with it");
    assert_eq!(call(&mut house, STRANGER, "ReceiveMessage", json!({})).0, 403);
    assert_eq!(send(&mut house, Caller { account: AccountId::from_number(56).unwrap(), ..STRANGER }), 403);
    let limited = Rights::new(&["sqs:ReceiveMessage"], &[]);
    assert_eq!(send(&mut house, Caller { rights: &limited, ..STRANGER }), 403, "its key is not for that");
    let elsewhere = Rights::new(&[], &["mail"]);
    assert_eq!(send(&mut house, Caller { rights: &elsewhere, ..STRANGER }), 403, "its key is not for that queue");

    // The sender of another account is told apart from one of the same name within the account.
    assert_eq!(send(&mut house, Caller { sender_id: "worker", ..CALLER }), 200);
    let asked = json!({"MaxNumberOfMessages": 10, "AttributeNames": ["SenderId"]});
    let (_, got) = call(&mut house, CALLER, "ReceiveMessage", asked);
    let senders: Vec<_> =
        got["Messages"].as_array().unwrap().iter().map(|m| m["Attributes"]["SenderId"].clone()).collect();
    assert_eq!(senders, ["000000000034:worker", "000000000034:worker", "worker"]);

    assert_eq!(call(&mut house, CALLER, "RemovePermission", json!({"Label": "one"})).0, 200);
    assert_eq!(send(&mut house, STRANGER), 403);
}

#[test]
fn what_is_the_owners_alone_nobody_else_is_let_do() {
    let mut house = house();
    set(&mut house, &json!([statement("Allow", &json!("*"), "sqs:*")]));
    for (action, body) in [
        ("AddPermission", json!({"Label": "x", "AWSAccountIds": ["000000000034"], "Actions": ["*"]})),
        ("RemovePermission", json!({"Label": "x"})),
        ("SetQueueAttributes", json!({"Attributes": {"DelaySeconds": "1"}})),
        ("TagQueue", json!({"Tags": {"a": "b"}})),
        ("UntagQueue", json!({"TagKeys": ["a"]})),
        ("ListQueueTags", json!({})),
        ("DeleteQueue", json!({})),
    ] {
        let (status, told) = call(&mut house, STRANGER, action, body);
        assert_eq!(status, 403, "{action}: {told}");
        assert_eq!(told["message"], format!("Access to the resource {URL} is denied."));
    }
    for (action, body) in [
        ("GetQueueAttributes", json!({"AttributeNames": ["All"]})),
        ("ReceiveMessage", json!({})),
        ("ListDeadLetterSourceQueues", json!({})),
        ("PurgeQueue", json!({})),
    ] {
        assert_eq!(call(&mut house, STRANGER, action, body).0, 200, "{action}");
    }
}

#[test]
fn a_url_is_told_to_other_accounts_only_if_they_are_let_in() {
    let mut house = house();
    let body = json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "000000000012"});
    let (status, told) = call(&mut house, STRANGER, "GetQueueUrl", body.clone());
    assert_eq!((status, &told["__type"]), (400, &json!("com.amazonaws.sqs#QueueDoesNotExist")));
    set(&mut house, &json!([statement("Allow", &json!({"AWS": "000000000034"}), "sqs:GetQueueUrl")]));
    assert_eq!(call(&mut house, STRANGER, "GetQueueUrl", body), (200, json!({"QueueUrl": URL})));
    let own = json!({"QueueName": "jobs"});
    assert_eq!(
        call(&mut house, STRANGER, "GetQueueUrl", own).0,
        400,
        "without an owner it is a queue of its own account"
    );
}

#[test]
fn a_denial_decides_for_everybody_but_root_who_can_take_it_back() {
    let mut house = house();
    let deny = statement("Deny", &json!("*"), "sqs:*");
    set(&mut house, &json!([statement("Allow", &json!("*"), "sqs:*"), deny]));
    for (caller, reason) in [(CALLER, "explicit deny"), (STRANGER, "Access to the resource"), (ROOT, "explicit deny")] {
        let (status, told) = call(&mut house, caller, "SendMessage", json!({"MessageBody": "a"}));
        assert!(status == 403 && told["message"].as_str().unwrap().contains(reason), "{told}");
    }
    let take_back = json!({"Attributes": {"Policy": ""}});
    assert_eq!(call(&mut house, CALLER, "SetQueueAttributes", take_back.clone()).0, 403);
    assert_eq!(call(&mut house, CALLER, "DeleteQueue", json!({})).0, 403);
    assert_eq!(call(&mut house, CALLER, "CreateQueue", json!({"QueueName": "jobs"})).0, 403);
    assert_eq!(call(&mut house, ROOT, "GetQueueAttributes", json!({"AttributeNames": ["Policy"]})).0, 200);
    let far = Caller { account: OTHER, sender_id: "000000000034", ..ROOT };
    assert_eq!(call(&mut house, far, "DeleteQueue", json!({})).0, 403, "only what takes it back");
    assert_eq!(call(&mut house, far, "SetQueueAttributes", take_back).0, 200, "whosever the queue is");
    assert_eq!(send(&mut house, CALLER), 200);
}

#[test]
fn users_addresses_and_times_are_what_conditions_ask_for() {
    let mut house = house();
    let me = "arn:aws:iam::000000000012:user/AIDA1";
    set(&mut house, &json!([statement("Deny", &json!({"AWS": me}), "sqs:SendMessage")]));
    assert_eq!(send(&mut house, CALLER), 403);
    assert_eq!(send(&mut house, Caller { sender_id: "AIDA2", ..CALLER }), 200);

    let mut near = statement("Deny", &json!("*"), "sqs:SendMessage");
    near["Condition"] = json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let mut early = statement("Deny", &json!("*"), "sqs:SendMessage");
    early["Condition"] = json!({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}});
    set(&mut house, &json!([near, early]));
    let body = || json!({"MessageBody": "a"});
    for (peer, millis, status) in [
        ("10.1.2.3", 1_767_225_600_000, 200),
        ("10.1.2.3", 1_767_225_599_999, 403),
        ("192.168.0.1", 1_767_225_600_000, 403),
    ] {
        let head = Head { peer: peer.parse().ok(), now: WallTime(millis), ..head("") };
        assert_eq!(ask(&mut house, CALLER, head, "SendMessage", body()).0, status, "{peer} at {millis}");
    }
}

#[test]
fn what_a_client_says_of_a_proxy_does_not_make_it_secure() {
    let mut house = house();
    let mut plain = statement("Deny", &json!("*"), "sqs:SendMessage");
    plain["Condition"] = json!({"Bool": {"aws:SecureTransport": "false"}});
    set(&mut house, &json!([plain]));
    for (tls, by_https, status) in [(false, false, 403), (false, true, 403), (true, false, 200)] {
        let head = Head { tls, by_https, ..head("") };
        assert_eq!(ask(&mut house, CALLER, head, "SendMessage", json!({"MessageBody": "a"})).0, status);
    }
}

#[test]
fn a_policy_goes_with_its_queue() {
    let mut house = house();
    set(&mut house, &json!([statement("Allow", &json!("*"), "sqs:SendMessage")]));
    assert_eq!(send(&mut house, STRANGER), 200);
    assert_eq!(call(&mut house, CALLER, "DeleteQueue", json!({})).0, 200);
    assert_eq!(send(&mut house, STRANGER), 403, "whether there is a queue is not told");
    assert_eq!(call(&mut house, CALLER, "CreateQueue", json!({"QueueName": "jobs"})).0, 200);
    assert_eq!(send(&mut house, STRANGER), 403, "the new one has no policy");
}

#[test]
fn dead_letters_are_moved_only_where_sending_is_not_denied() {
    let mut house = house();
    set(&mut house, &json!([statement("Deny", &json!("*"), "sqs:SendMessage")]));
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:000000000012:{name}");
    let start = |from: &str, to: &str| json!({"SourceArn": arn(from), "DestinationArn": arn(to)});
    let (status, told) = call(&mut house, CALLER, "StartMessageMoveTask", start("dead", "jobs"));
    assert!(status == 403 && told["message"].as_str().unwrap().contains("sqs:SendMessage"), "{told}");
    let (status, told) = call(&mut house, CALLER, "StartMessageMoveTask", start("dead", "elsewhere"));
    assert_eq!(status, 404, "let in, and there is no such queue: {told}");
}

#[test]
fn of_two_edits_at_once_none_is_lost() {
    let mut house = house();
    let add = |label: &str| {
        json!({"QueueUrl": URL, "Label": label, "AWSAccountIds": ["000000000034"], "Actions": ["*"]}).to_string()
    };
    let begin = |house: &House, label: &str| match house.door.accept(
        CALLER,
        head("AmazonSQS.AddPermission"),
        add(label).as_bytes(),
    ) {
        Step::Ask(request, pending) => (request, pending),
        Step::Respond(response) => panic!("{}", text(&response)),
    };
    // One has looked when the other is done.
    let (looks, pending) = begin(&house, "slow");
    let looked: Answer = house.serve(&looks);
    let quick = call(&mut house, CALLER, "AddPermission", serde_json::from_str(&add("quick")).unwrap());
    assert_eq!(quick.0, 200);
    let Step::Ask(replaces, pending) = pending.answer(&house.door, looked) else { panic!("it should replace") };
    assert!(matches!(replaces, Request::Propose(_)));
    let changed = house.serve(&replaces);
    let step = pending.answer(&house.door, changed);
    assert_eq!(house.finish(step).status, 200);
    let (_, told) = call(&mut house, CALLER, "GetQueueAttributes", json!({"AttributeNames": ["Policy"]}));
    let policy: Value = serde_json::from_str(told["Attributes"]["Policy"].as_str().unwrap()).unwrap();
    let labels: Vec<_> = policy["Statement"].as_array().unwrap().iter().map(|statement| &statement["Sid"]).collect();
    assert_eq!(labels, ["quick", "slow"]);
}
