//! From three folders, which may be empty, to a cluster that serves; and how it stands.

use super::child::{Child, Joining};
use crate::{
    client::{Endpoint, Native},
    cluster,
};
use anyhow::{Context, bail};
use http::Method;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long forming may take: a machine may be busy, and data be read back.
const FORM_MAX: Duration = Duration::from_secs(60);
/// Between two looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a node may take to answer: one waits for somebody to lead before it tells what it knows by itself.
const ANSWER_MAX: Duration = Duration::from_secs(6);

/// Starts all nodes, and lets those in that are no members yet, one after the other. Tells how the cluster stands then.
pub(super) async fn form(nodes: &mut [Child]) -> anyhow::Result<Value> {
    for node in nodes.iter() {
        node.is_free().await?;
    }
    if let Some(first) = nodes.first().filter(|first| !first.is_member()) {
        cluster::init(&first.folder, first.peers, None)?;
    }
    // Those that are members need each other to go on.
    for node in nodes.iter_mut().filter(|node| node.is_member()) {
        node.start(None)?;
    }
    let mut status = until(nodes, |status| leader(status).is_some()).await?;
    while let Some(at) = nodes.iter().position(|node| !node.is_running()) {
        let token = ask(leader(&status).context("no node leads")?, Method::POST, "/v1/cluster/tokens").await?;
        let text = |name: &str| token.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let joining = Joining { at: text("address"), token: text("token") };
        let Some(node) = nodes.get_mut(at) else { break };
        node.start(Some(joining))?;
        let http = node.http.to_string();
        status = until(nodes, |status| {
            leader(status).is_some()
                && members(status).any(|member| word(member, "http") == http && word(member, "role") != "learner")
        })
        .await?;
    }
    // Of one that starts again the others may not know yet where it takes requests now.
    let all: Vec<String> = nodes.iter().map(|node| node.http.to_string()).collect();
    until(nodes, |status| {
        let here = |http: &String| {
            members(status).any(|member| {
                word(member, "http") == http && member.get("reachable").and_then(Value::as_bool) == Some(true)
            })
        };
        leader(status).is_some() && all.iter().all(here)
    })
    .await
}

/// Waits until the cluster stands so; a node that ends meanwhile ends the waiting.
async fn until(nodes: &mut [Child], stands: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let until = Instant::now() + FORM_MAX;
    loop {
        for node in nodes.iter_mut() {
            if let Some((_, status)) = node.has_ended()? {
                bail!(
                    "node {} ended ({status}): {}\nAll that it said is in {}",
                    node.name,
                    node.last_words(),
                    node.log.display()
                );
            }
        }
        let running: Vec<SocketAddr> = nodes.iter().filter(|node| node.is_running()).map(|node| node.http).collect();
        if let Some(status) = status(&running).await.filter(&stands) {
            return Ok(status);
        }
        if Instant::now() > until {
            bail!(
                "the nodes do not find together within {} s; what each said is in the logs beside its folder",
                FORM_MAX.as_secs()
            );
        }
        sleep(LOOK_EVERY).await;
    }
}

/// How the cluster stands, as that node tells it that answers first: the leader's word, if one is known. All are asked, since one may be stopped.
async fn status(nodes: &[SocketAddr]) -> Option<Value> {
    let mut asked = JoinSet::new();
    for &node in nodes {
        asked.spawn(timeout(ANSWER_MAX, ask(node, Method::GET, "/v1/cluster")));
    }
    while let Some(answered) = asked.join_next().await {
        if let Ok(Ok(Ok(status))) = answered {
            return Some(status);
        }
    }
    None
}

/// Tells again and again how the cluster stands.
pub(super) async fn keep_asking(nodes: Vec<SocketAddr>, tell: mpsc::Sender<Value>, every: Duration) {
    loop {
        if let Some(status) = status(&nodes).await
            && tell.send(status).await.is_err()
        {
            return;
        }
        sleep(every).await;
    }
}

async fn ask(node: SocketAddr, method: Method, path: &'static str) -> anyhow::Result<Value> {
    let mut native = Native::new(Endpoint::parse(&node.to_string())?, None);
    let body = if method == Method::GET { Value::Null } else { json!({}) };
    Ok(native.call("cluster dev", method, path, "", &body).await?)
}

/// Which term it is: what is told of an earlier one is stale.
pub(super) fn term(status: &Value) -> u64 {
    status.get("term").and_then(Value::as_u64).unwrap_or_default()
}

/// Where the node takes requests that leads.
pub(super) fn leader(status: &Value) -> Option<SocketAddr> {
    let leader = status.get("leader")?.as_u64()?;
    let place = members(status).find(|member| member.get("node").and_then(Value::as_u64) == Some(leader))?;
    word(place, "http").parse().ok()
}

/// The nodes, as the cluster tells of them.
pub(super) fn members(status: &Value) -> impl Iterator<Item = &Value> {
    status.get("nodes").and_then(Value::as_array).into_iter().flatten()
}

/// The one that takes requests there.
pub(super) fn member(status: &Value, http: SocketAddr) -> Option<&Value> {
    let http = http.to_string();
    members(status).find(|member| word(member, "http") == http)
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
