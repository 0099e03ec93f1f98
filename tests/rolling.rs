//! Nodes come and go under real SDKs with the retries that they make by themselves: through the real HAProxy with the configuration of `contrib/haproxy`,
//! and with each client at a node of its own, whose socket is
//! held across its restarts. No program sees an error, and no job is lost, doubled or leased twice.
//!
//! `EVENKEEL_ROLLING_KILLS` (2) kills of the leader, `EVENKEEL_ROLLING_RESTARTS` (1) rolling restarts of all three. What was measured is told: run with `--nocapture`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::haproxy::HaProxy;
use evenkeel_tests::http::{self, Connection};
use evenkeel_tests::signed::Pen;
use evenkeel_tests::traffic::Seen;
use evenkeel_tests::{Cluster, Traffic, client, wait};
use serde_json::json;
use std::time::{Duration, Instant};

/// Sends that are acknowledged between two events.
const SENDS_BETWEEN: usize = 200;
/// Two processors carry all of this: a load, and not a flood.
const PAUSE: Duration = Duration::from_millis(5);
const SOON: Duration = Duration::from_secs(60);

fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

fn judge(what: &str, seen: &Seen) {
    eprintln!(
        "{what}: {} sends, {} retries by boto3, the slowest call took {:.3} s",
        seen.sent, seen.retries, seen.slowest
    );
    let errors: Vec<&String> = seen.errors.values().flatten().collect();
    assert!(errors.is_empty(), "{} errors reached the program: {errors:#?}", errors.len());
    assert!(seen.wrongs.is_empty(), "{} wrongs: {:#?}", seen.wrongs.len(), seen.wrongs);
    // Each was deleted in time, so nothing may come again for any reason.
    assert!(seen.again.is_empty(), "{} came again: {:#?}", seen.again.len(), seen.again);
}

/// `rest`: sends that are acknowledged while a node is away.
fn restart_each(cluster: &mut Cluster, traffic: &mut Traffic, rest: usize) {
    for _ in 0..number("EVENKEEL_ROLLING_RESTARTS", 1) {
        for node in 0..3 {
            traffic.goes_on(SENDS_BETWEEN);
            let ended = cluster.nodes[node].stop();
            assert!(ended.status.success() && !ended.stderr.contains("did not finish"), "{}", ended.stderr);
            traffic.goes_on(rest);
            cluster.nodes[node].start_again();
            cluster.wait_for_all();
        }
    }
    traffic.goes_on(SENDS_BETWEEN);
}

#[test]
fn behind_haproxy_a_killed_leader_and_a_rolling_restart_are_no_error_to_anybody() {
    let mut cluster = Cluster::at_addresses();
    cluster.client(0).create_queue("work", &json!({})).unwrap();
    let Some(proxy) = HaProxy::start([0, 1, 2].map(|node| cluster.nodes[node].address())) else { return };
    let endpoints = vec![proxy.endpoint(); 3];

    let kills = number("EVENKEEL_ROLLING_KILLS", 2);
    let mut traffic = Traffic::start("work", PAUSE, &endpoints);
    for _ in 0..kills {
        traffic.goes_on(SENDS_BETWEEN);
        let leader = cluster.wait_for_leader();
        cluster.nodes[leader].kill();
        traffic.goes_on(SENDS_BETWEEN);
        cluster.nodes[leader].start_again();
        cluster.wait_for_all();
    }
    judge(&format!("{kills} kills of the leader behind HAProxy"), &traffic.stop());

    let mut traffic = Traffic::start("work", PAUSE, &endpoints);
    restart_each(&mut cluster, &mut traffic, SENDS_BETWEEN / 4);
    judge("rolling restarts behind HAProxy", &traffic.stop());
}

#[test]
fn a_rolling_restart_is_no_error_to_clients_of_the_nodes_themselves() {
    let mut cluster = Cluster::with_held_sockets();
    cluster.client(0).create_queue("work", &json!({})).unwrap();
    let endpoints: Vec<String> = cluster.nodes.iter().map(evenkeel_tests::Server::endpoint).collect();
    let mut traffic = Traffic::start("work", PAUSE, &endpoints);
    restart_each(&mut cluster, &mut traffic, SENDS_BETWEEN / 4);
    judge("rolling restarts, clients at the nodes", &traffic.stop());
}

/// What waits at a node that stops waits for an answer of the one that leads, for as long as the client said. The node does not.
#[test]
fn a_node_that_stops_lets_go_of_long_polls_that_wait_at_the_leader() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let address = cluster.nodes[2].address();
    let poll = client::receive_request(&queue, 1, 20, None).to_string();
    let mut polls: Vec<Connection> = (0..5)
        .map(|_| {
            let mut connection = Connection::open(address, SOON).unwrap();
            connection.write(&Pen::default().request(&address.to_string(), "ReceiveMessage", poll.as_bytes())).unwrap();
            connection
        })
        .collect();
    let leader = cluster.nodes[0].address();
    wait::until("the long polls to wait at the leader", SOON, || {
        http::metric(leader, "evenkeel_long_polls_waiting") == Some(5.0)
    });
    let ended = cluster.nodes[2].stop();
    assert!(ended.status.success() && !ended.stderr.contains("did not finish"), "{}", ended.stderr);
    for poll in &mut polls {
        let answer = poll.read().expect("each is answered");
        assert!(answer.status == 200 || answer.status >= 500, "{}", answer.text());
        assert_eq!(answer.header("connection"), Some("close"), "and told to go");
    }
    // Nothing was handed to somebody who does not listen any more.
    let mut first = cluster.client(0);
    first.send(&queue, "for one who listens", None).unwrap();
    assert_eq!(first.receive(&queue, 1, 5, None).unwrap()[0].body, "for one who listens");
}

#[test]
fn a_node_that_stops_says_so_while_it_still_serves() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let address = cluster.nodes[0].address();
    let send = json!({"QueueUrl": queue, "MessageBody": "x"}).to_string();
    let mut busy = Connection::open(address, SOON).unwrap();
    let mut asking = Connection::open(address, SOON).unwrap();
    let (mut answered, mut says_so) = (0, false);
    cluster.nodes[0].ask_to_stop();
    let began = Instant::now();
    // Whoever is served all the time is told before the connection closes.
    let (mut is_served, mut is_told) = (true, true);
    while is_served || is_told {
        assert!(began.elapsed() < SOON);
        if is_served {
            busy.write(&Pen::default().request(&address.to_string(), "SendMessage", send.as_bytes())).unwrap();
            let answer = busy.read().expect("an answer before the connection closes");
            assert_eq!(answer.status, 200, "{}", answer.text());
            answered += 1;
            is_served = answer.header("connection") != Some("close");
        }
        if is_told {
            asking.write(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
            let ready = asking.read().expect("an answer before the connection closes");
            is_told = ready.header("connection") != Some("close");
            says_so |= ready.status == 503 && ready.text() == "stopping\n";
        }
    }
    assert!(says_so, "it says that it stops");
    assert!(cluster.nodes[0].wait_for_end("the node to stop").status.success());
    let mut client = cluster.client(1);
    wait::until("another to lead", SOON, || client.counts(&queue).is_ok());
    assert_eq!(client.counts(&queue).unwrap(), [answered, 0, 0]);
}
