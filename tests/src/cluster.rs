//! Three servers that are one cluster, on ports of their own.

use crate::{Client, Launch, Server, Tool, ports, signed, wait};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// How long nodes may take to agree, on a busy machine.
const AGREE_MAX: Duration = Duration::from_secs(60);

/// The nodes, in the order in which they came.
pub struct Cluster {
    pub nodes: Vec<Server>,
    numbers: Vec<u64>,
}

impl Cluster {
    /// Three nodes, each with a vote, the first of which leads.
    pub fn of_three() -> Self {
        let mut cluster = Self::from_folder(None);
        cluster.join();
        cluster.join();
        cluster
    }

    /// As [`Cluster::of_three`], each at one address all along, for programs that are told it once.
    pub fn at_addresses() -> Self {
        let port = || ports::free(&[]);
        let mut cluster = Self::from_launch(Launch::default().port(port()));
        for _ in 0..2 {
            cluster.join_as(Launch::default().port(port()));
        }
        cluster
    }

    /// As [`Cluster::of_three`], each at an address that is held across its restarts.
    pub fn with_held_sockets() -> Self {
        let socket = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let mut cluster = Self::from_launch(Launch::default().socket(socket()));
        for _ in 0..2 {
            cluster.join_as(Launch::default().socket(socket()));
        }
        cluster
    }

    /// Three nodes, each with a vote, started so.
    pub fn of(launches: [Launch; 3]) -> Self {
        let [first, second, third] = launches;
        let mut cluster = Self::from_launch(first);
        cluster.join_as(second);
        cluster.join_as(third);
        cluster
    }

    /// One node, of a folder that a single server left, if there is one.
    pub fn from_folder(folder: Option<&Path>) -> Self {
        let launch = Launch::default();
        Self::from_launch(folder.map_or_else(|| launch.clone(), |folder| launch.clone().data(folder)))
    }

    /// One node that is started so.
    pub fn from_launch(launch: Launch) -> Self {
        let listen = launch.cluster_listen().to_string();
        let mut first = launch.prepare();
        let folder = first.data().to_str().expect("a path of ours").to_owned();
        Tool::bare(&["cluster", "init", "--data-dir", &folder, "--cluster-listen", &listen]).works();
        first.start_again();
        let cluster = Self { nodes: vec![first], numbers: vec![1] };
        wait::until("the first node to lead", AGREE_MAX, || cluster.leader() == Some(0));
        cluster
    }

    /// One more node, that asks the one that joined last; waits until it has a vote.
    pub fn join(&mut self) {
        self.join_as(Launch::default());
    }

    /// As [`Cluster::join`], started so.
    pub fn join_as(&mut self, launch: Launch) {
        let token = self.token();
        let asked = self.nodes.len() - 1;
        let at = self.status(asked)["nodes"][asked]["address"].as_str().expect("it has an address").to_owned();
        self.add(launch.joining(&at, &token));
    }

    fn add(&mut self, launch: Launch) {
        self.nodes.push(launch.start());
        let status = self.status(0);
        self.numbers = status["nodes"].as_array().expect("nodes").iter().map(|node| number(&node["node"])).collect();
        let last = self.nodes.len() - 1;
        wait::until("the new node to have a vote", AGREE_MAX, || {
            self.status(0)["nodes"][last]["role"].as_str().is_some_and(|role| role != "learner")
        });
    }

    /// How a node that joins is started.
    pub fn joining(at: &str, token: &str) -> Launch {
        Launch::default().joining(at, token)
    }

    /// A token that lets one node in.
    pub fn token(&self) -> String {
        let told = Tool::of(&self.nodes[0], &["cluster", "add", "--json"]).works().json().remove(0);
        told["token"].as_str().expect("a token").to_owned()
    }

    /// How the cluster stands, as that node tells it, or the leader if it knows one.
    pub fn status(&self, node: usize) -> Value {
        Tool::of(&self.nodes[node], &["cluster", "status", "--json"]).works().json().remove(0)
    }

    /// Which node leads, as the nodes that run say: only if a majority has the same entries, and the leader says so itself.
    pub fn leader(&self) -> Option<usize> {
        self.nodes.iter().position(|node| {
            let Some(address) = node.shared_address().get() else { return false };
            crate::http::get(address, "/readyz", Duration::from_secs(5)).is_ok_and(|answer| answer.status == 200)
        })
    }

    /// Waits until a node leads.
    pub fn wait_for_leader(&self) -> usize {
        let mut leader = None;
        wait::until("a node to lead", AGREE_MAX, || {
            leader = self.leader();
            leader.is_some()
        });
        leader.expect("it was waited for")
    }

    /// Waits until all nodes are there and have caught up.
    pub fn wait_for_all(&self) {
        let leader = self.wait_for_leader();
        wait::until("all nodes to have caught up", AGREE_MAX, || self.all_follow(leader, 0));
    }

    /// Whether all nodes are there and behind by so many entries at most, as that node knows: under load one is always a little behind.
    pub fn all_follow(&self, asked: usize, entries: u64) -> bool {
        let said = Tool::of(&self.nodes[asked], &["cluster", "status", "--json"]).run();
        if said.code != 0 {
            return false;
        }
        let status = said.json().remove(0);
        let nodes = status["nodes"].as_array().expect("nodes");
        let follows = |node: &Value| number(&node["last"]) + entries >= number(&status["committed"]);
        nodes.iter().all(|node| node["reachable"] == true && follows(node))
    }

    /// That node's number in the cluster.
    pub fn number(&self, node: usize) -> u64 {
        self.numbers[node]
    }

    /// A client of that node.
    pub fn client(&self, node: usize) -> Client {
        Client::signing(self.nodes[node].shared_address(), signed::Pen::default())
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}
