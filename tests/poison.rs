//! An entry of the log that cannot be applied: the server halts before it, says so, and goes on without it once it is told to. Nothing else is lost.
//!
//! The servers are told by `EVENKEEL_POISON` which entries they cannot apply, which builds with assertions heed, and no release.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Client, Cluster, Launch, Server, Tool, http, wait};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// How long nodes may take, on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(60);
const VARIABLE: &str = "EVENKEEL_POISON";
const POISON: &str = "a poisoned job";

#[test]
fn all_nodes_halt_and_go_on_without_the_entry() {
    let Some(mut cluster) = poisoned(&[0, 1, 2]) else { return };
    let (mut client, queue) = with_jobs(&cluster);
    let entry = halt(&cluster, &mut client, &queue, &[0, 1, 2]);
    let failure = client.send(&queue, "later", None).unwrap_err();
    assert_eq!(failure.status(), 503, "{failure:?}");

    let status = cluster.status(0);
    let nodes = status["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["halted_why"].as_str().unwrap().contains("for a test")), "{status}");
    let said = Tool::of(&cluster.nodes[0], &["cluster", "status"]).works();
    assert!(
        said.stdout.contains("HALTED") && said.stderr.contains(&format!("halted before entry {entry}")),
        "{said:?}"
    );
    let said = recover(&cluster.nodes[1], entry - 1, &["--yes"]).fails(1);
    assert!(said.contains(&format!("halted before entry {entry}, not {}", entry - 1)), "{said}");
    let said = recover(&cluster.nodes[1], entry, &[]).fails(1);
    assert!(said.contains("1 command(s): 1 Enqueue") && said.contains("NOT DONE") && said.contains("--yes"), "{said}");
    assert_eq!(halted(&cluster.nodes[0]), Some(entry), "nothing was done yet");
    // A restart in good order changes nothing about it, and leaves a checkpoint before the entry.
    assert!(cluster.nodes[2].stop().status.success());
    cluster.nodes[2].start_again();
    wait::until("it to halt again", WAIT_MAX, || halted(&cluster.nodes[2]) == Some(entry));

    recover(&cluster.nodes[1], entry, &["--yes"]).works();
    go_on(&cluster);
    // The connection that the client had was closed, as by a restart.
    let mut client = cluster.client(0);
    client.send(&queue, "later", None).unwrap();
    // A node begins with the log again, and its program could apply the entry by now; another has also forgotten what it wrote down.
    for (node, forgets) in [(1, false), (2, true)] {
        cluster.nodes[node].kill();
        fs::remove_dir_all(cluster.nodes[node].data().join("checkpoints")).unwrap();
        if forgets {
            fs::remove_file(cluster.nodes[node].data().join("skipped")).unwrap();
        }
        cluster.nodes[node].set_variable(VARIABLE, None);
        cluster.nodes[node].start_again();
        go_on(&cluster);
        let says_so = "is passed over: start again";
        assert_eq!(cluster.nodes[node].stderr().contains(says_so), forgets, "{}", cluster.nodes[node].stderr());
        assert!(!cluster.nodes[node].data().join("quarantine").exists());
    }
    let said = recover(&cluster.nodes[1], entry, &["--yes"]).fails(1);
    assert!(said.contains("has not halted"), "{said}");
    take_all(&mut client, &queue);
}

#[test]
fn a_node_that_was_away_passes_over_the_entry_by_itself() {
    let Some(mut cluster) = poisoned(&[0, 1, 2]) else { return };
    let (mut client, queue) = with_jobs(&cluster);
    cluster.nodes[2].kill();
    let entry = halt(&cluster, &mut client, &queue, &[0, 1]);
    recover(&cluster.nodes[0], entry, &["--yes"]).works();
    let leader = cluster.wait_for_leader();
    cluster.client(leader).send(&queue, "later", None).unwrap();
    cluster.nodes[2].start_again();
    go_on(&cluster);
    // And one that comes new.
    cluster.join();
    cluster.nodes[0].kill();
    cluster.wait_for_leader();
    take_all(&mut cluster.client(3), &queue);
}

/// As a node of an older version, or with a broken processor: it is no reason for the others to stand still.
#[test]
fn a_leader_that_alone_cannot_apply_an_entry_hands_over() {
    let Some(mut cluster) = poisoned(&[0]) else { return };
    let (_, queue) = with_jobs(&cluster);
    assert_eq!(cluster.leader(), Some(0));
    let mut client = cluster.client(1);
    // That it was done is not known: the leader cannot say so, and the next one says so to whoever asks again.
    _ = client.send(&queue, POISON, None);
    wait::until("another to lead", WAIT_MAX, || cluster.leader().is_some_and(|leader| leader != 0));
    client.send(&queue, "later", None).unwrap();
    let told = |status: &Value| status["nodes"][0]["halted_before"].as_u64();
    wait::until("the leader to tell who has halted", WAIT_MAX, || told(&cluster.status(1)).is_some());
    let entry = told(&cluster.status(1)).unwrap();
    let said = recover(&cluster.nodes[1], entry, &["--yes"]).fails(1);
    assert!(said.contains("has not halted"), "{said}");
    // The version that can.
    cluster.nodes[0].kill();
    cluster.nodes[0].set_variable(VARIABLE, None);
    cluster.nodes[0].start_again();
    go_on(&cluster);
    assert_eq!(told(&cluster.status(1)), None);
    assert_eq!(client.counts(&queue).unwrap(), [7, 0, 0]);
}

/// The others have passed over what it has done, and has in its checkpoint: it holds something else than they do, whatever it replays.
#[test]
fn a_node_that_cannot_go_back_before_the_entry_gets_the_state_anew() {
    let Some(mut cluster) = poisoned(&[0, 1]) else { return };
    let (mut client, queue) = with_jobs(&cluster);
    _ = client.send(&queue, POISON, None);
    // The one that can apply it comes to lead, by itself.
    wait::until("the third to lead", WAIT_MAX, || cluster.leader() == Some(2));
    let entry = halted(&cluster.nodes[0]).unwrap();
    let old = cluster.number(2);
    assert!(cluster.nodes[2].stop().status.success());
    assert!(cluster.nodes[2].data().join("checkpoints").read_dir().unwrap().count() > 0);
    wait::until("one that has halted to lead, and to pass it over", WAIT_MAX, || {
        recover(&cluster.nodes[0], entry, &["--yes"]).run().code == 0
    });
    let leader = cluster.wait_for_leader();
    cluster.client(leader).send(&queue, "later", None).unwrap();
    cluster.nodes[2].start_again();
    wait::until("the third to vote under a new number", WAIT_MAX, || {
        let status = cluster.status(leader);
        let votes = |node: &Value| node["role"] != "learner" && node["reachable"] == true && node["node"] != old;
        status["nodes"].as_array().unwrap().iter().all(votes)
    });
    go_on(&cluster);
    let said = cluster.nodes[2].stderr();
    assert!(said.contains("has taken in an entry that is passed over"), "{said}");
    take_all(&mut cluster.client(2), &queue);
}

/// All crash, each as often as it takes; then they agree on passing it over.
#[test]
fn nodes_that_panicked_over_an_entry_come_to_halt_before_it() {
    let Some(mut cluster) = poisoned(&[]) else { return };
    for node in 0..3 {
        cluster.nodes[node].kill();
        cluster.nodes[node].set_variable(VARIABLE, Some(&format!("panic:{POISON}")));
        cluster.nodes[node].start_again();
        cluster.wait_for_all();
    }
    let leader = cluster.wait_for_leader();
    let queue = cluster.client(leader).create_queue("work", &json!({})).unwrap();
    (0..5).for_each(|number| drop(cluster.client(leader).send(&queue, &format!("job {number}"), None).unwrap()));
    _ = cluster.client(leader).send(&queue, POISON, None);
    let mut starts = 0;
    wait::until("all to halt, started again as by a supervisor", WAIT_MAX, || {
        for node in &mut cluster.nodes {
            if !node.is_running() {
                node.kill();
                starts += 1;
                // It may crash while it starts.
                _ = node.try_start();
            }
        }
        cluster.nodes.iter().all(|node| halted(node).is_some())
    });
    // Each crashed twice. One that was behind may have been killed first, but never is started for nothing.
    assert!((3..=6).contains(&starts), "{starts} starts");
    let entry = halted(&cluster.nodes[0]).unwrap();
    wait::until("one to lead, and to pass it over", WAIT_MAX, || {
        recover(&cluster.nodes[0], entry, &["--yes"]).run().code == 0
    });
    let leader = cluster.wait_for_leader();
    cluster.client(leader).send(&queue, "later", None).unwrap();
    go_on(&cluster);
    take_all(&mut cluster.client(leader), &queue);
}

/// Here a single server. It crashes, tries once more, since a bit may have flipped, and halts the next time.
#[test]
fn a_panic_over_an_entry_is_tried_once_more_and_then_halted_before() {
    if std::env::var_os("EVENKEEL_BIN").is_some() {
        return eprintln!("not run: EVENKEEL_BIN need not heed {VARIABLE}");
    }
    let mut server = Launch::default().variable(VARIABLE, format!("panic:{POISON}")).start();
    let mut client = server.client();
    let queue = client.create_queue("work", &json!({})).unwrap();
    (0..5).for_each(|number| drop(client.send(&queue, &format!("job {number}"), None).unwrap()));
    assert!(client.send(&queue, POISON, None).unwrap_err().may_have_been_done());
    let ended = server.wait_for_end("the server to crash");
    assert!(
        ended.stderr.contains("ALARM") && ended.stderr.contains("the next start tries it again"),
        "{}",
        ended.stderr
    );
    let said = server.try_start().unwrap_err();
    assert!(said.contains("it was poisoned, for a test"), "{said}");
    server.wait_for_end("it to have crashed");
    server.start_again();
    let entry = halted(&server).unwrap();
    assert_eq!(ready(&server), "halted\n");
    assert!(server.stderr().contains("panicked at it 2 times"), "{}", server.stderr());
    let failure = client.send(&queue, "later", None).unwrap_err();
    assert_eq!(failure.status(), 503, "{failure:?}");
    // A kill changes nothing about that.
    server.kill();
    server.start_again();
    assert_eq!(halted(&server), Some(entry));
    recover(&server, entry, &["--yes"]).works();
    wait::until("it to serve", WAIT_MAX, || ready(&server) == "ready\n");
    let mut client = server.client();
    client.send(&queue, "later", None).unwrap();
    server.kill();
    server.start_again();
    take_all(&mut client, &queue);
    let check = Tool::bare(&["check", server.data().to_str().unwrap()]);
    server.kill();
    check.works();
}

/// Three nodes, of which those cannot apply poisoned entries. `None` if the binary need not heed that.
fn poisoned(which: &[usize]) -> Option<Cluster> {
    if std::env::var_os("EVENKEEL_BIN").is_some() {
        eprintln!("not run: EVENKEEL_BIN need not heed {VARIABLE}");
        return None;
    }
    let mut cluster = Cluster::of_three();
    for node in 0..3 {
        if which.contains(&node) {
            cluster.nodes[node].stop();
            cluster.nodes[node].set_variable(VARIABLE, Some(&format!("refuse:{POISON}")));
            cluster.nodes[node].start_again();
            cluster.wait_for_all();
        }
    }
    let first = cluster.number(0).to_string();
    if cluster.leader() != Some(0) {
        Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &first]).works();
    }
    wait::until("the first to lead", WAIT_MAX, || cluster.leader() == Some(0));
    Some(cluster)
}

/// A queue with five jobs, which all nodes have.
fn with_jobs(cluster: &Cluster) -> (Client, String) {
    let mut client = cluster.client(0);
    let queue = client.create_queue("work", &json!({})).unwrap();
    (0..5).for_each(|number| drop(client.send(&queue, &format!("job {number}"), None).unwrap()));
    cluster.wait_for_all();
    (client, queue)
}

/// Sends a poisoned job, and waits until those nodes have halted. Tells where.
fn halt(cluster: &Cluster, client: &mut Client, queue: &str, which: &[usize]) -> u64 {
    let failure = client.send(queue, POISON, None).unwrap_err();
    assert!(failure.may_have_been_done(), "{failure:?}");
    let halted_before = || which.iter().map(|node| halted(&cluster.nodes[*node])).collect::<Option<Vec<_>>>();
    wait::until("the nodes to halt", WAIT_MAX, || halted_before().is_some());
    let entries = halted_before().unwrap();
    assert!(entries.iter().all(|entry| *entry == entries[0]), "{entries:?}");
    for node in which {
        assert!(cluster.nodes[*node].stderr().contains("ALARM: halted before entry"));
        assert_eq!(ready(&cluster.nodes[*node]), "halted\n");
    }
    wait::until("the leader to tell of all", WAIT_MAX, || {
        let status = cluster.status(which[0]);
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().filter(|node| node["halted_before"] == entries[0]).count() == which.len()
    });
    entries[0]
}

/// The entry before which a server has halted.
fn halted(server: &Server) -> Option<u64> {
    let entry = http::metric(server.shared_address().get()?, "evenkeel_halted_entry").filter(|entry| *entry > 0.0)?;
    format!("{entry}").parse().ok()
}

fn ready(server: &Server) -> String {
    http::get(server.address(), "/readyz", WAIT_MAX).map_or_else(|error| error.to_string(), |answer| answer.text())
}

fn recover(server: &Server, entry: u64, more: &[&str]) -> Tool {
    Tool::of(server, &[&["cluster", "recover", "--skip", &entry.to_string()], more].concat())
}

/// Waits until all nodes have caught up and hold the same, at an entry that is new: what was compared before says nothing.
fn go_on(cluster: &Cluster) {
    wait::until("something to be written", WAIT_MAX, || {
        let leader = cluster.leader();
        leader.is_some_and(|leader| cluster.client(leader).create_queue("other", &json!({})).is_ok())
    });
    wait::until("all nodes to go on and hold the same", WAIT_MAX, || {
        let Some(leader) = cluster.leader() else { return false };
        let status = cluster.status(leader);
        let holds_all = |node: &Value| node["state"] == "same" && node["compared_at"] == status["committed"];
        status["nodes"].as_array().unwrap().iter().all(holds_all)
    });
}

/// All that was acknowledged, and nothing else.
fn take_all(client: &mut Client, queue: &str) {
    let mut found = Vec::new();
    while found.len() < 6 {
        for job in client.receive(queue, 10, 5, None).unwrap() {
            client.delete(queue, &job.handle).unwrap();
            found.push(job.body);
        }
    }
    found.sort_unstable();
    assert_eq!(found, ["job 0", "job 1", "job 2", "job 3", "job 4", "later"]);
    assert_eq!(client.counts(queue).unwrap(), [0; 3]);
}
