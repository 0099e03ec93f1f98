//! Three real servers as one cluster: how it is formed, that any node takes any request, and what becomes of jobs when leaders are killed or hand over.
//!
//! `EVENKEEL_CLUSTER_KILLS` (3) kills of a leader under load, and `EVENKEEL_CLUSTER_HANDOVERS` (3). What was measured is told: run with `--nocapture`; how long nothing may be
//! acknowledged is said by `EVENKEEL_CLUSTER_KILL_GAP_MS_MAX` and `EVENKEEL_CLUSTER_HANDOVER_GAP_MS_MAX` (`cargo xtask chaos` does).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Client, Cluster, Launch, Server, Tool, http, load, wait};
use serde_json::json;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a leader keeps in memory for those that are a little behind, and some more.
const TAIL_BYTES: usize = 40 << 20;
const SOON: Duration = Duration::from_secs(60);

#[test]
fn any_of_three_nodes_takes_any_request() {
    let cluster = Cluster::of_three();
    let [mut first, mut second, mut third] = [0, 1, 2].map(|node| cluster.client(node));
    let queue = second.create_queue("work", &json!({})).unwrap();
    third.send(&queue, "hello", Some("tenant")).unwrap();
    let jobs = second.receive(&queue, 10, 5, None).unwrap();
    assert_eq!(jobs.iter().map(|job| job.body.as_str()).collect::<Vec<_>>(), ["hello"]);
    assert_eq!(first.counts(&queue).unwrap(), [0, 1, 0]);
    third.delete(&queue, &jobs[0].handle).unwrap();
    assert_eq!(second.counts(&queue).unwrap(), [0, 0, 0]);
    // One that waits at a node that does not lead is woken.
    let waiting = std::thread::spawn({
        let queue = queue.clone();
        move || third.receive(&queue, 1, 20, None)
    });
    first.send(&queue, "woken", None).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap()[0].body, "woken");
    // Who leads is told to balancers.
    let ready = |node: &Server| http::get(node.address(), "/readyz", SOON).unwrap();
    assert_eq!(ready(&cluster.nodes[0]).status, 200);
    assert_eq!(ready(&cluster.nodes[1]).status, 503);
    // A signature is checked by the node that leads, wherever it came in.
    let said = Tool::of(&cluster.nodes[1], &["queues"]).variable("AWS_SECRET_ACCESS_KEY", "wrong-wrong").fails(1);
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
}

#[test]
fn a_single_nodes_data_becomes_the_first_nodes() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let queue = {
        let mut single = Launch::default().data(&folder).start();
        let mut client = single.client();
        let queue = client.create_queue("work", &json!({})).unwrap();
        client.send(&queue, "from before", None).unwrap();
        let said = Tool::of(&single, &["cluster", "status"]).fails(1);
        assert!(said.contains("evenkeel cluster init"), "{said}");
        let data = folder.to_str().unwrap();
        let said = Tool::bare(&["cluster", "init", "--data-dir", data]).fails(1);
        assert!(said.contains("stop it"), "{said}");
        single.stop();
        queue
    };
    let mut cluster = Cluster::from_folder(Some(&folder));
    cluster.join();
    let jobs = cluster.client(1).receive(&queue, 1, 5, None).unwrap();
    assert_eq!(jobs[0].body, "from before");
    let said = Tool::bare(&["cluster", "init", "--data-dir", folder.to_str().unwrap()]).fails(1);
    assert!(said.contains("stop it"), "{said}");
}

/// A log that begins behind a checkpoint has no entries for a node that is new, nor for one that was away for long: both get the state.
#[test]
fn a_node_that_is_too_far_behind_for_entries_gets_the_state() {
    let small = |launch: Launch| launch.argument("--checkpoint-every-mib").argument("1");
    let mut cluster = Cluster::from_launch(small(Launch::default()));
    let mut client = cluster.client(0);
    let queue = client.create_queue("work", &json!({})).unwrap();
    let bulk = client.create_queue("bulk", &json!({})).unwrap();
    let bodies: Vec<String> = (0..10).map(|number| format!("{number} {}", "x".repeat(5_000))).collect();
    let log = cluster.nodes[0].data().join("log");
    let beginning = || {
        let files = std::fs::read_dir(&log).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter(|name| name.ends_with(".seg")).min().unwrap()
    };
    // Until the file that is the first now is gone, since nothing lives in it and no checkpoint that is kept needs it, and what was in it left memory.
    let outgrow_the_beginning = |client: &mut Client| {
        let (first, large) = (beginning(), vec!["y".repeat(100_000); 10]);
        let mut sent = 0;
        wait::until("the log's beginning to go", SOON, || {
            assert_eq!(client.send_batch(&bulk, &large, None).unwrap(), [true; 10]);
            sent += 1;
            if sent % 10 == 0 {
                client.call("PurgeQueue", &json!({"QueueUrl": bulk})).unwrap();
            }
            sent > TAIL_BYTES / 1_000_000 && beginning() != first
        });
        client.call("PurgeQueue", &json!({"QueueUrl": bulk})).unwrap();
        assert_eq!(client.send_batch(&queue, &bodies, Some("tenant")).unwrap(), [true; 10]);
    };
    outgrow_the_beginning(&mut client);
    cluster.join();
    assert!(cluster.nodes[1].stderr().contains("fetching the state at entry"), "{}", cluster.nodes[1].stderr());
    cluster.join();
    cluster.nodes[2].stop();
    take_all(&mut client, &queue, &bodies);
    outgrow_the_beginning(&mut client);
    cluster.nodes[2].start_again();
    wait::until("the state to have come", SOON, || cluster.nodes[2].stderr().contains("is in its place"));
    cluster.wait_for_all();
    // What it holds now is all that there is, if it leads.
    Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &cluster.number(2).to_string()]).works();
    cluster.nodes[0].kill();
    let mut client = cluster.client(2);
    take_all(&mut client, &queue, &bodies);
    assert_eq!(client.counts(&bulk).unwrap(), [0; 3]);
}

/// Receives and deletes these jobs, and there are no others.
fn take_all(client: &mut Client, queue: &str, bodies: &[String]) {
    let mut found = Vec::new();
    while found.len() < bodies.len() {
        let jobs = client.receive(queue, 10, 5, None).unwrap();
        assert!(!jobs.is_empty(), "{} jobs of {}", found.len(), bodies.len());
        for job in jobs {
            client.delete(queue, &job.handle).unwrap();
            found.push(job.body);
        }
    }
    found.sort_unstable();
    assert!(found == bodies, "other bodies than were sent");
    assert_eq!(client.counts(queue).unwrap(), [0; 3]);
}

#[test]
fn who_may_not_join_is_told_why() {
    let cluster = Cluster::from_folder(None);
    let status = cluster.status(0);
    let at = status["nodes"][0]["address"].as_str().unwrap();
    let token = cluster.token();
    let refused = |token: &str, more: &[&str]| {
        let launch = more.iter().fold(Cluster::joining(at, token), |launch, &argument| launch.argument(argument));
        let ended = launch.run();
        assert!(!ended.status.success());
        ended.stderr
    };
    assert!(refused("evk1-none", &[]).contains("evenkeel cluster add"));
    // Of a cluster that this node is none of: nothing is told to it.
    let other = Cluster::from_folder(None);
    assert!(refused(&other.token(), &[]).contains("no node of the token's cluster"));
    // Refused for what it is, it may try again with the same token.
    assert!(refused(&token, &["--account-id", "000000000007"]).contains("--account-id 000000000000"));
    let node = Cluster::joining(at, &token).start();
    let said = refused(&token, &[]);
    assert!(said.contains("`evenkeel cluster add` makes another"), "{said}");
    drop(node);
    // It is gone, and never had a vote or had one: with it gone for good, the first goes on alone.
    let status = cluster.status(0);
    assert_eq!(status["nodes"].as_array().unwrap().len(), 2);
}

#[test]
fn a_removed_node_has_no_part_any_more_and_a_handover_is_quick() {
    let cluster = Cluster::of_three();
    let mut client = cluster.client(2);
    let queue = client.create_queue("work", &json!({})).unwrap();
    let said = Tool::of(&cluster.nodes[0], &["cluster", "remove", &cluster.number(0).to_string()]).fails(1);
    assert!(said.contains("evenkeel cluster transfer"), "{said}");
    let said = Tool::of(&cluster.nodes[0], &["cluster", "remove", "77"]).fails(1);
    assert!(said.contains("evenkeel cluster status"), "{said}");
    let to = cluster.number(1).to_string();
    Tool::of(&cluster.nodes[2], &["cluster", "transfer", "--to", &to]).works();
    client.send(&queue, "after it", None).unwrap();
    assert_eq!(cluster.wait_for_leader(), 1);
    // Another is asked: the one that goes may not be heard any more before it hears the answer.
    Tool::of(&cluster.nodes[2], &["cluster", "remove", &cluster.number(0).to_string()]).works();
    assert_eq!(cluster.status(1)["nodes"].as_array().unwrap().len(), 2);
    client.send(&queue, "without it", None).unwrap();
    // What it says is not heard any more, and what is said to it is not done.
    let failure = cluster.client(0).send(&queue, "to one that was removed", None).unwrap_err();
    assert!(failure.status() >= 500, "{failure:?}");
    assert_eq!(client.counts(&queue).unwrap(), [2, 0, 0]);
}

/// A node comes back that was away while another was let in, which leads by now: it has to hear one of whom its own log knows nothing.
#[test]
fn a_node_that_was_away_hears_a_leader_that_was_let_in_meanwhile() {
    let mut cluster = Cluster::of_three();
    let mut client = cluster.client(0);
    let queue = client.create_queue("work", &json!({})).unwrap();
    cluster.nodes[1].stop();
    cluster.join();
    let to = cluster.number(3).to_string();
    Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &to]).works();
    assert_eq!(cluster.wait_for_leader(), 3);
    client.send(&queue, "while it was away", None).unwrap();
    cluster.nodes[1].start_again();
    cluster.wait_for_all();
    assert_eq!(cluster.client(1).counts(&queue).unwrap(), [1, 0, 0]);
}

/// Three nodes are restarted one after the other, each told to stop: it hands over first. Clients of the others retry as SDKs do by themselves, and
/// need not more. What was answered by 500 may have been done.
#[test]
fn a_rolling_restart_needs_no_more_than_the_retries_of_an_sdk() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let (mut gaps, mut sent, mut perhaps) = (Vec::new(), 0, 0);
    for node in 0..3 {
        let going = AtomicBool::new(true);
        let addresses = [(node + 1) % 3, (node + 2) % 3].map(|other| cluster.nodes[other].shared_address());
        std::thread::scope(|scope| {
            let senders = addresses.map(|address| {
                let (going, queue) = (&going, &queue);
                scope.spawn(move || {
                    let (mut client, mut count, mut unknown, mut gap) = (Client::new(address), 0, 0, Duration::ZERO);
                    while going.load(Ordering::SeqCst) {
                        let began = Instant::now();
                        let mut tries = 0;
                        while let Err(failure) = client.send(queue, "x", None) {
                            tries += 1;
                            unknown += u64::from(failure.may_have_been_done());
                            assert!(tries < 4, "{failure:?}");
                        }
                        (count, gap) = (count + 1, gap.max(began.elapsed()));
                    }
                    (count, unknown, gap)
                })
            });
            let restarted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                assert!(cluster.nodes[node].stop().status.success());
                cluster.nodes[node].start_again();
                cluster.wait_for_all();
            }));
            going.store(false, Ordering::SeqCst);
            for sender in senders {
                let (count, unknown, gap) = sender.join().unwrap();
                sent += count;
                perhaps += unknown;
                gaps.push(gap);
            }
            restarted.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }
    eprintln!(
        "{sent} sends and {perhaps} that may have been done, through three restarts; the slowest of each client: {gaps:?}"
    );
    let there = cluster.client(0).counts(&queue).unwrap()[0];
    assert!((sent..=sent + perhaps).contains(&there), "{there} of {sent} to {}", sent + perhaps);
}

/// The story of the incident behind all this: the leader dies under load. Each job that was acknowledged is there afterwards, once.
#[test]
fn no_acknowledged_job_is_lost_or_doubled_when_leaders_are_killed() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let killed = Cell::new(0);
    let report = load::disturb(
        &mut cluster,
        &queue,
        0..number("EVENKEEL_CLUSTER_KILLS", 3),
        |cluster, _| {
            killed.set(cluster.wait_for_leader());
            cluster.nodes[killed.get()].kill();
        },
        |cluster, _| {
            cluster.nodes[killed.get()].start_again();
            cluster.wait_for_all();
        },
    );
    judge("kills of the leader", &report, "EVENKEEL_CLUSTER_KILL_GAP_MS_MAX");
}

#[test]
fn a_hand_over_under_load_loses_nothing() {
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("work", &json!({})).unwrap();
    let report = load::disturb(
        &mut cluster,
        &queue,
        0..number("EVENKEEL_CLUSTER_HANDOVERS", 3),
        |cluster, _| _ = Tool::of(&cluster.nodes[0], &["cluster", "transfer"]).works(),
        |cluster, _| cluster.wait_for_all(),
    );
    judge("hand-overs", &report, "EVENKEEL_CLUSTER_HANDOVER_GAP_MS_MAX");
}

/// How long a gap may be where nobody says: machines that run tests are busy.
const GAP_MS_MAX: u32 = 20_000;

fn judge(what: &str, report: &load::Report, gap_ms_max: &str) {
    let mut gaps: Vec<_> = report.rounds.iter().map(|round| round.gap).collect();
    gaps.sort_unstable();
    let slowest = report.rounds.iter().map(|round| round.slowest).max();
    eprintln!(
        "{} {what}: gaps from {:?}, median {:?}, largest {:?}; the slowest call with its repeats {slowest:?}\n{:?}",
        gaps.len(),
        gaps[0],
        gaps[gaps.len() / 2],
        report.gap_max(),
        report.counts
    );
    assert!(report.wrongs.is_empty(), "{} wrongs: {:#?}", report.wrongs.len(), report.wrongs.iter().take(20));
    let gap_max = Duration::from_millis(number(gap_ms_max, GAP_MS_MAX).into());
    assert!(report.gap_max() <= gap_max, "{gaps:?}");
}

fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}
