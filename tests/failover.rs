//! What clients hold when another node comes to lead: keys, policies, tokens for joining, leases, and calls that wait. And what a leader says that was
//! stopped for a while and does not know yet that it leads no more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{self, Connection};
use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Client, Cluster, Failure, Message, Tool, client, wait};
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(60);

fn json(cluster: &Cluster, node: usize, arguments: &[&str]) -> Value {
    let more: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    Tool::of(&cluster.nodes[node], &more).works().json().remove(0)
}

/// A client of that node with a key that was made.
fn holder(cluster: &Cluster, node: usize, key: &Value) -> Client {
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    Client::signing(cluster.nodes[node].shared_address(), Pen::new(&text("access_key"), &text("secret_key"), "sqs"))
}

/// What a call comes to that is repeated as SDKs do, while it is refused for now.
fn again<T>(mut call: impl FnMut() -> Result<T, Failure>) -> T {
    let began = Instant::now();
    loop {
        match call() {
            Ok(answer) => return answer,
            Err(failure) => assert!(failure.status() >= 500 && began.elapsed() < SOON, "{failure:?}"),
        }
    }
}

/// The code of a refusal, for good.
fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    let failure = result.unwrap_err();
    assert_eq!(failure.status() / 100, 4, "{failure:?}");
    failure.code().to_owned()
}

#[test]
fn keys_and_policies_hold_whoever_leads() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let worker = json(&cluster, 1, &["keys", "create", "worker", "--action", "sqs:SendMessage", "--queue", "work"]);
    let denied = json(&cluster, 2, &["keys", "create", "denied"]);
    let policy = json!({"Statement": {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::000000000000:user/denied"}, "Action": "sqs:*"}});
    cluster.client(0).set_attributes(&queue, &json!({"Policy": policy.to_string()})).unwrap();

    cluster.nodes[0].kill();
    let leader = cluster.wait_for_leader();
    for node in [1, 2] {
        let mut worker = holder(&cluster, node, &worker);
        // A node may learn a moment later who leads.
        worker.invocation = Some(format!("hello-{node}"));
        again(|| worker.send(&queue, "hello", None));
        assert_eq!(refused(worker.receive(&queue, 1, 0, None)), "AccessDenied", "it may only send");
        assert_eq!(
            refused(holder(&cluster, node, &denied).send(&queue, "x", None)),
            "AccessDenied",
            "the policy says no"
        );
    }
    let other = 3 - leader;
    json(&cluster, other, &["keys", "revoke", worker["access_key"].as_str().unwrap()]);
    cluster.nodes[0].start_again();
    cluster.wait_for_all();
    for node in 0..3 {
        let refusal = refused(holder(&cluster, node, &worker).send(&queue, "x", None));
        assert_eq!(refusal, "InvalidClientTokenId", "on node {node}");
    }
    assert_eq!(cluster.client(other).counts(&queue).unwrap(), [2, 0, 0]);
}

#[test]
fn a_token_for_joining_counts_once_whoever_leads() {
    let mut cluster = Cluster::of_three();
    let at = |cluster: &Cluster, node: usize| {
        let status = cluster.status(node);
        let number = cluster.number(node);
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().find(|one| one["node"] == number).unwrap()["address"].as_str().unwrap().to_owned()
    };
    let (token, other) = (cluster.token(), cluster.token());
    let listed = json(&cluster, 0, &["keys", "list"]);
    let waiting = listed["keys"].as_array().unwrap().iter().filter(|key| key["name"] == "join-token").count();
    assert_eq!(waiting, 2, "{listed}");

    cluster.nodes[0].kill();
    let leader = cluster.wait_for_leader();
    // Asked at the one that does not lead, which passes it on.
    let joined = Cluster::joining(&at(&cluster, 3 - leader), &token).start();
    let refusal = |cluster: &Cluster, token: &str| {
        let ended = Cluster::joining(&at(cluster, 3 - leader), token).run();
        assert!(!ended.status.success());
        assert!(ended.stderr.contains("`evenkeel cluster add` makes another"), "{}", ended.stderr);
    };
    refusal(&cluster, &token);
    wait::until("the token to be gone with which a node came", SOON, || {
        json(&cluster, leader, &["keys", "list"])["keys"].as_array().unwrap().len() == 1
    });
    cluster.nodes[0].start_again();
    cluster.wait_for_all();
    Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &cluster.number(0).to_string()]).works();
    refusal(&cluster, &token);
    // One that was taken back counts no more.
    let listed = json(&cluster, 1, &["keys", "list"]);
    let waiting: Vec<&str> =
        listed["keys"].as_array().unwrap().iter().map(|key| key["access_key"].as_str().unwrap()).collect();
    assert_eq!(waiting.len(), 1, "{listed}");
    json(&cluster, 2, &["keys", "revoke", waiting[0]]);
    refusal(&cluster, &other);
    assert_eq!(cluster.status(1)["nodes"].as_array().unwrap().len(), 4);
    drop(joined);
}

/// A node was let in, and did not hear it: its token was spent, and it had to be given another.
#[test]
fn a_node_that_did_not_hear_that_it_was_let_in_asks_again_with_its_token() {
    let cluster = Cluster::of_three();
    let nodes = || cluster.status(0)["nodes"].as_array().unwrap().clone();
    let at = nodes()[1]["address"].as_str().unwrap().to_owned();
    for transfers in [false, true] {
        assert_eq!(nodes().len(), 3);
        let token = cluster.token();
        let mut node = Cluster::joining(&at, &token).prepare();
        // It cannot keep what it is told.
        let in_the_way = node.data().join("sealing-key.unfinished/x");
        fs::create_dir_all(&in_the_way).unwrap();
        let said = node.try_start().unwrap_err();
        assert!(said.contains("sealing-key"), "{said}");
        node.wait_for_end("it to have ended");
        assert_eq!(nodes().len(), 4, "it was let in");
        let ended = Cluster::joining(&at, &token).run();
        assert!(ended.stderr.contains("`evenkeel cluster add` makes another"), "{}", ended.stderr);
        if transfers {
            Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &cluster.number(2).to_string()]).works();
        }
        fs::remove_dir(&in_the_way).unwrap();
        fs::remove_dir(in_the_way.parent().unwrap()).unwrap();
        node.start_again();
        let votes = || nodes().iter().filter(|node| node["role"] != "learner").count();
        wait::until("it to have a vote", SOON, || votes() == 4);
        // Another leader knows nothing of the number that was given before, and gives one of its own.
        assert_eq!(nodes().len(), 4 + usize::from(transfers));
        assert!(!node.data().join("joining").exists());
        let number = nodes().iter().rfind(|node| node["role"] != "learner").unwrap()["node"].to_string();
        node.kill();
        Tool::of(&cluster.nodes[0], &["cluster", "remove", &number]).works();
    }
}

#[test]
fn a_lease_stays_with_its_worker_whoever_leads() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    cluster.client(0).send(&queue, "a job", None).unwrap();
    cluster.client(0).send(&queue, "another", None).unwrap();
    let held = cluster.client(0).receive(&queue, 2, 5, Some(600)).unwrap();
    cluster.nodes[0].kill();
    cluster.wait_for_leader();
    let (mut second, mut third) = (cluster.client(1), cluster.client(2));
    assert!(again(|| second.receive(&queue, 10, 1, None)).is_empty(), "both are held");
    second.change_visibility(&queue, &held[0].handle, 900).unwrap();
    again(|| third.delete(&queue, &held[1].handle));
    assert_eq!(second.counts(&queue).unwrap(), [0, 1, 0]);
    third.delete(&queue, &held[0].handle).unwrap();
    assert_eq!(second.counts(&queue).unwrap(), [0, 0, 0]);
}

/// Who waits at a follower for a job is told at once that the leader is gone, and not at the end of the wait; the same call again waits at the next one.
#[test]
fn calls_that_wait_move_on_when_the_leader_is_killed() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let body = client::receive_request(&queue, 1, 20, None).to_string();
    let wait_at = |cluster: &Cluster, node: usize| {
        let address = cluster.nodes[node].address();
        let mut connection = Connection::open(address, SOON).unwrap();
        let framing = format!("Content-Length: {}\r\namz-sdk-invocation-id: poll-{node}\r\n", body.len());
        let mut request = Pen::default().head(&address.to_string(), "ReceiveMessage", body.as_bytes(), &framing);
        request.extend_from_slice(body.as_bytes());
        connection.write(&request).unwrap();
        connection
    };
    let mut polls = [wait_at(&cluster, 1), wait_at(&cluster, 2)];
    let leader = cluster.nodes[0].address();
    wait::until("both to wait at the leader", SOON, || {
        http::metric(leader, "evenkeel_long_polls_waiting").is_some_and(|waiting| waiting >= 2.0)
    });
    cluster.nodes[0].kill();
    let killed = Instant::now();
    for poll in &mut polls {
        let answer = poll.read().unwrap();
        assert!([500, 503].contains(&answer.status), "one that SDKs repeat: {} {}", answer.status, answer.text());
    }
    assert!(killed.elapsed() < Duration::from_secs(10), "they were told after {:?}", killed.elapsed());
    let mut polls = [wait_at(&cluster, 1), wait_at(&cluster, 2)];
    for (node, body) in [(1, "one"), (2, "two")] {
        let mut sender = cluster.client(node);
        sender.invocation = Some(body.into());
        again(|| sender.send(&queue, body, None));
    }
    let mut bodies: Vec<String> = Vec::new();
    for poll in &mut polls {
        let answer = poll.read().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received: Vec<Message> = client::messages(&serde_json::from_slice(&answer.body).unwrap());
        bodies.extend(received.into_iter().map(|job| job.body));
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["one", "two"]);
}

/// The leader is stopped as by a long pause of its machine, another is elected, and the world goes on. What was asked of it meanwhile it answers
/// when it wakes: nothing of what it knew, and nothing that another was given.
#[test]
fn a_leader_that_wakes_up_tells_nothing_stale_and_where_the_new_one_is() {
    let cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    cluster.client(0).send(&queue, "from before", None).unwrap();
    let sleeper = cluster.nodes[0].address();
    let ask = |action: &str, body: &Value| {
        let mut connection = Connection::open(sleeper, SOON).unwrap();
        connection.write(&Pen::default().request(&sleeper.to_string(), action, body.to_string().as_bytes())).unwrap();
        connection
    };
    cluster.nodes[0].pause();
    let receive = client::receive_request(&queue, 10, 0, None);
    let count = json!({"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]});
    let send = json!({"QueueUrl": queue, "MessageBody": "sent to one that sleeps"});
    let mut asked: Vec<(&str, Connection)> =
        [("ReceiveMessage", &receive), ("GetQueueAttributes", &count), ("SendMessage", &send)]
            .into_iter()
            .map(|(action, body)| (action, ask(action, body)))
            .collect();
    let mut second = cluster.client(1);
    second.invocation = Some("one".into());
    wait::until("another to lead", SOON, || {
        [1, 2].iter().any(|&node| {
            http::get(cluster.nodes[node].address(), "/readyz", SOON).is_ok_and(|answer| answer.status == 200)
        })
    });
    // That one may learn a moment later who leads.
    let taken = again(|| second.receive(&queue, 10, 5, Some(600)));
    assert_eq!(taken[0].body, "from before");
    second.invocation = None;
    second.delete(&queue, &taken[0].handle).unwrap();

    cluster.nodes[0].resume();
    for (action, connection) in &mut asked {
        let answer = connection.read().expect("it answers");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        // Refused for now, or answered by the one that leads.
        assert!(answer.status == 200 || answer.status >= 500, "{action}: {} {body}", answer.status);
        if answer.status == 200 && *action == "ReceiveMessage" {
            assert!(client::messages(&body).iter().all(|job| job.body == "sent to one that sleeps"), "{body}");
        }
        if answer.status == 200 && *action == "GetQueueAttributes" {
            let count = |name: &str| body["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
            let there = count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible");
            assert!(there <= 1, "the job from before is gone: {body}");
        }
    }
    let leads = cluster.number(cluster.wait_for_leader());
    let said = cluster.status(0);
    assert_eq!(said["leader"], leads, "{said}");
    assert_ne!(said["leader"], cluster.number(0), "{said}");
    let nodes = said["nodes"].as_array().unwrap();
    let place = nodes.iter().find(|node| node["node"] == leads).unwrap();
    assert!(cluster.nodes.iter().any(|node| place["http"] == node.address().to_string()), "where it is: {place}");
    assert_eq!(http::get(sleeper, "/readyz", SOON).unwrap().text(), "not-leading\n");
}
