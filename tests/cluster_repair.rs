//! Nodes of a cluster whose data is damaged, lost or wrong: they say so, come back under a new number with the leader's state, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::Connection;
use evenkeel_tests::{Client, Cluster, Server, Tool, http, memory, wait};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// How long a repair may take, on a busy machine.
const REPAIR_MAX: Duration = Duration::from_secs(60);

#[test]
fn a_node_whose_log_is_damaged_comes_back_as_a_new_one() {
    let mut cluster = Cluster::of_three();
    let (mut client, queue) = with_jobs(&cluster);
    cluster.nodes[2].kill();
    let segment = segments(&cluster.nodes[2]).remove(0);
    flip(&segment, b"job 00");
    cluster.nodes[2].start_again();
    is_replaced(&cluster, 2, "is damaged at byte");
    // What was damaged is there to be looked at.
    let aside = quarantine(&cluster.nodes[2]);
    assert!(fs::read_to_string(aside.join("why.txt")).unwrap().contains("is damaged at byte"));
    assert!(aside.join("log").join(segment.file_name().unwrap()).exists());
    // All that it holds now is right: it leads, and hands out every job.
    lead(&cluster, 2);
    take_all(&mut client, &queue);
}

#[test]
fn a_node_that_lost_its_votes_never_votes_as_who_it_was() {
    let mut cluster = Cluster::of_three();
    let (mut client, queue) = with_jobs(&cluster);
    cluster.nodes[1].kill();
    fs::remove_file(cluster.nodes[1].data().join("log/votes")).unwrap();
    cluster.nodes[1].start_again();
    is_replaced(&cluster, 1, "votes");
    // Damaged once more at once, it does not try by itself again: something is wrong with the machine.
    cluster.nodes[1].kill();
    fs::remove_file(cluster.nodes[1].data().join("log/votes")).unwrap();
    let said = cluster.nodes[1].try_start().unwrap_err();
    assert!(said.contains("was repaired") && said.contains("quarantine"), "{said}");
    take_all(&mut client, &queue);
}

/// Also in a later life of the same process, and while it asks for help that does not come.
#[test]
fn a_node_that_is_repaired_ends_when_it_is_told_to() {
    let mut cluster = Cluster::of_three();
    with_jobs(&cluster);
    cluster.nodes[1].kill();
    fs::remove_file(cluster.nodes[1].data().join("log/votes")).unwrap();
    cluster.nodes[1].start_again();
    is_replaced(&cluster, 1, "votes");
    assert!(cluster.nodes[1].stop().status.success());
    for node in [0, 2] {
        cluster.nodes[node].kill();
    }
    fs::remove_file(cluster.nodes[2].data().join("log/votes")).unwrap();
    cluster.nodes[2].spawn();
    wait::until("it to ask for help", REPAIR_MAX, || cluster.nodes[2].stderr().contains("cannot be replaced yet"));
    assert!(cluster.nodes[2].stop().status.success());
    assert!(!cluster.nodes[2].data().join("quarantine").exists());
}

#[test]
fn the_only_node_has_nobody_to_ask() {
    let mut cluster = Cluster::from_folder(None);
    with_jobs(&cluster);
    cluster.nodes[0].kill();
    let segment = segments(&cluster.nodes[0]).remove(0);
    flip(&segment, b"job 00");
    let said = cluster.nodes[0].try_start().unwrap_err();
    assert!(said.contains("is damaged at byte") && said.contains("no other node"), "{said}");
    assert!(segment.exists() && !cluster.nodes[0].data().join("quarantine").exists());
}

/// A bit of memory flips, of a queue's setting: no checksum sees that. The next change of its settings makes others of them there than elsewhere.
#[test]
fn a_node_whose_state_is_wrong_is_found_and_gets_it_anew() {
    let cluster = Cluster::of_three();
    let (mut client, queue) = with_jobs(&cluster);
    let same = |status: &Value| status["nodes"].as_array().unwrap().iter().all(|node| node["state"] == "same");
    wait::until("all to have been compared", REPAIR_MAX, || same(&cluster.status(0)));
    // One that does not finish its request holds up nothing.
    let mut slow = Connection::open(cluster.nodes[2].address(), REPAIR_MAX).unwrap();
    slow.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").unwrap();
    memory::overwrite(cluster.nodes[2].pid(), &QUEUE_SECONDS.to_le_bytes(), &(QUEUE_SECONDS + 1).to_le_bytes());
    client.call("SetQueueAttributes", &json!({"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "31"}})).unwrap();
    is_replaced(&cluster, 2, "on a majority of the nodes");
    wait::until("all to hold the same", REPAIR_MAX, || same(&cluster.status(0)));
    let said = cluster.nodes[0].stderr();
    assert!(said.contains("ALARM: node") && said.contains("holds another state than a majority"), "{said}");
    assert!(slow.read().is_err(), "and is cut off");
    assert!(cluster.nodes[2].stderr().contains("some connections did not finish within 2 s"));
    let metrics = Tool::of(&cluster.nodes[0], &["cluster", "status", "--json"]).works().json().remove(0);
    assert!(metrics["differences"].as_u64().unwrap() > 0, "{metrics}");
}

/// A body rots on the leader's disk alone: another leads, which has it, and the one that had led gets it anew.
#[test]
fn a_leader_that_cannot_read_a_body_lets_another_lead() {
    let cluster = Cluster::of_three();
    let mut client = cluster.client(0);
    let queue = client.create_queue("work", &json!({"VisibilityTimeout": "1"})).unwrap();
    client.send(&queue, "a body that rots", None).unwrap();
    let bulk = client.create_queue("bulk", &json!({})).unwrap();
    let large = vec!["y".repeat(100_000); 10];
    (0..TAIL_BYTES / 1_000_000).for_each(|_| drop(client.send_batch(&bulk, &large, None).unwrap()));
    cluster.wait_for_all();
    flip(&segments(&cluster.nodes[0])[0], b"a body that rots");
    let mut other = cluster.client(1);
    let mut job = None;
    wait::until("the job to come from another node", REPAIR_MAX, || {
        job = other.receive(&queue, 1, 1, None).ok().and_then(|jobs| jobs.into_iter().next());
        job.is_some()
    });
    let job = job.unwrap();
    assert_eq!(job.body, "a body that rots");
    other.delete(&queue, &job.handle).unwrap();
    is_replaced(&cluster, 0, "the body of job");
    assert_eq!(other.counts(&queue).unwrap(), [0; 3]);
}

/// Two of three are gone for good, as far as anybody can tell: the third goes on alone, of what it holds, and has no part in what the others do after all.
#[test]
fn a_node_that_is_left_of_a_lost_majority_goes_on_alone() {
    let mut cluster = Cluster::of_three();
    let (_, queue) = with_jobs(&cluster);
    cluster.nodes[2].kill();
    let folder = cluster.nodes[2].data().to_str().unwrap().to_owned();
    let recover = |more: &[&str]| Tool::bare(&[&["cluster", "recover", "--data-dir", &folder], more].concat());
    let seen = recover(&["--look", "--json"]).works().json().remove(0);
    assert_eq!(seen["voters"].as_array().unwrap().len(), 3, "{seen}");
    let said = recover(&["--force-new-cluster"]).fails(1);
    assert!(said.contains("is LOST") && said.contains("--yes"), "{said}");
    recover(&["--force-new-cluster", "--yes"]).works();
    cluster.nodes[2].start_again();
    let address = cluster.nodes[2].address();
    wait::until("it to lead", REPAIR_MAX, || {
        http::get(address, "/readyz", REPAIR_MAX).is_ok_and(|answer| answer.status == 200)
    });
    let mut client = cluster.client(2);
    take_all(&mut client, &queue);
    client.send(&queue, "of the new one", None).unwrap();
    // The others are a majority of the old cluster, and hear nothing of it.
    assert_eq!(cluster.client(0).counts(&queue).unwrap(), [20, 0, 0]);
    assert_eq!(client.counts(&queue).unwrap(), [1, 0, 0]);
    assert_eq!(cluster.status(2)["nodes"].as_array().unwrap().len(), 1);
    let reachable = |node: &Value| node["reachable"] == true;
    // Those that join it have the members of the new cluster, whatever its log says of the old one: with any two of three there is a majority.
    let status = cluster.status(2);
    let at = status["nodes"][0]["address"].as_str().unwrap();
    let mut joined = Vec::new();
    for votes in 2..=3 {
        let token = Tool::of(&cluster.nodes[2], &["cluster", "add", "--json"]).works().json().remove(0);
        joined.push(Cluster::joining(at, token["token"].as_str().unwrap()).start());
        wait::until("the new node to have a vote", REPAIR_MAX, || {
            let status = cluster.status(2);
            let nodes = status["nodes"].as_array().unwrap();
            nodes.iter().filter(|node| node["role"] != "learner").count() == votes
        });
    }
    cluster.nodes[2].kill();
    wait::until("one of the new nodes to lead", REPAIR_MAX, || {
        joined
            .iter()
            .any(|node| http::get(node.address(), "/readyz", REPAIR_MAX).is_ok_and(|answer| answer.status == 200))
    });
    assert_eq!(joined[0].client().counts(&queue).unwrap(), [1, 0, 0]);
    wait::until("the others to miss it", REPAIR_MAX, || {
        cluster.status(0)["nodes"].as_array().unwrap().iter().filter(|node| reachable(node)).count() == 2
    });
}

/// What a node keeps of bodies in memory, and some more.
const TAIL_BYTES: usize = 40 << 20;

/// A retention that nothing else in the program's memory looks like.
const QUEUE_SECONDS: u32 = 1_187_651;

/// A queue with twenty jobs, one entry of the log each, which all nodes have.
fn with_jobs(cluster: &Cluster) -> (Client, String) {
    let mut client = cluster.client(0);
    let seconds = QUEUE_SECONDS.to_string();
    let queue = client.create_queue("work", &json!({"MessageRetentionPeriod": seconds})).unwrap();
    (0..20).for_each(|number| drop(client.send(&queue, &format!("job {number:02}"), None).unwrap()));
    cluster.wait_for_all();
    (client, queue)
}

fn take_all(client: &mut Client, queue: &str) {
    let mut found = Vec::new();
    while found.len() < 20 {
        for job in client.receive(queue, 10, 5, None).unwrap() {
            client.delete(queue, &job.handle).unwrap();
            found.push(job.body);
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..20).map(|number| format!("job {number:02}")).collect::<Vec<_>>());
    assert_eq!(client.counts(queue).unwrap(), [0; 3]);
}

fn segments(node: &Server) -> Vec<PathBuf> {
    let files = fs::read_dir(node.data().join("log")).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "seg")).collect();
    segments.sort_unstable();
    segments
}

/// Flips a bit of the first place where these bytes stand.
fn flip(path: &PathBuf, bytes: &[u8]) {
    let mut held = fs::read(path).unwrap();
    let at = held.windows(bytes.len()).position(|window| window == bytes).unwrap();
    held[at] ^= 1;
    fs::write(path, held).unwrap();
}

fn quarantine(node: &Server) -> PathBuf {
    let folders = fs::read_dir(node.data().join("quarantine")).unwrap();
    folders.map(|folder| folder.unwrap().path()).next().unwrap()
}

/// Waits until that node votes under a new number, nobody has the old one, and it has said why.
fn is_replaced(cluster: &Cluster, node: usize, why: &str) {
    let old = cluster.number(node);
    wait::until("the node to vote under a new number", REPAIR_MAX, || {
        let status = cluster.status(usize::from(node == 0));
        let nodes = status["nodes"].as_array().unwrap();
        let votes = |node: &Value| node["role"] != "learner" && node["reachable"] == true && node["node"] != old;
        nodes.len() == 3 && nodes.iter().all(votes)
    });
    let said = cluster.nodes[node].stderr();
    assert!(said.contains("ALARM: what this node holds cannot be trusted") && said.contains(why), "{said}");
    assert!(quarantine(&cluster.nodes[node]).join("log").exists());
}

/// Has that node lead.
fn lead(cluster: &Cluster, node: usize) {
    let http = cluster.nodes[node].address().to_string();
    let status = cluster.status(0);
    let nodes = status["nodes"].as_array().unwrap();
    let number = nodes.iter().find(|node| node["http"] == http.as_str()).unwrap()["node"].to_string();
    Tool::of(&cluster.nodes[0], &["cluster", "transfer", "--to", &number]).works();
    let address = cluster.nodes[node].address();
    wait::until("it to lead", REPAIR_MAX, || {
        http::get(address, "/readyz", REPAIR_MAX).is_ok_and(|answer| answer.status == 200)
    });
}
