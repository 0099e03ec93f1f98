//! `/v1/cluster`: how the cluster stands, and changes of it. Only root may ask; who asks was checked before.
//!
//! | request | what it does | answer |
//! |---|---|---|
//! | `GET /v1/cluster` | tells how it stands | 200 |
//! | `POST /v1/cluster/tokens` | makes a token that lets a node in | 201, `token` and `address` |
//! | `POST /v1/cluster/transfer` | hands over to the node `to`, or to whichever is furthest | 200, `leader` |
//! | `DELETE /v1/cluster/nodes/N` | removes a member | 200, `{}` |

use super::{
    node::{Cluster, furthest},
    tokens::{TOKEN_LIFE, TokenError},
};
use evenkeel_console::Node;
use evenkeel_engine::Client;
use evenkeel_log_raft::{Change, ChangeError, NodeId, Status};
use evenkeel_native::Response;
use evenkeel_peers::Token;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

/// What the paths begin with.
pub(crate) const PREFIX: &str = "/v1/cluster";

/// How long a change may take.
const AGREE_MAX: Duration = Duration::from_secs(10);
/// Within this time a leader has heard of everybody who is there: more than an election takes.
const HEARD_MAX: Duration = Duration::from_secs(1);
/// How often it is looked who was heard of.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why it was not done: HTTP's status, a word, and what to do.
type Refusal = (u16, &'static str, String);

/// Whether that path is one of these.
pub(crate) fn is_for(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The answer to a request of root.
pub(crate) async fn answer(cluster: &Cluster, client: &Client, method: &str, path: &str, body: &[u8]) -> Response {
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    let answered = match (method, rest) {
        ("GET", "") => status(cluster).map(|status| (200, tell(cluster, &status))),
        ("POST", "/tokens") => token(cluster, client).await,
        ("POST", "/transfer") => transfer(cluster, body).await,
        ("DELETE", _) => remove(cluster, rest).await,
        _ => Err((404, "NoSuchPath", format!("there is nothing at {path}; /v1/cluster is there"))),
    };
    let (status, body) = answered
        .unwrap_or_else(|(status, code, message)| (status, json!({"error": {"code": code, "message": message}})));
    Response { status, body: body.to_string().into_bytes() }
}

/// The answer if this node belongs to no cluster.
pub(crate) fn single() -> Response {
    let message =
        "this server is a single node; `evenkeel cluster init` makes it the first of a cluster, once it is stopped";
    let body = json!({"error": {"code": "NoCluster", "message": message}});
    Response { status: 404, body: body.to_string().into_bytes() }
}

fn status(cluster: &Cluster) -> Result<Status, Refusal> {
    let status = cluster.status();
    status.ok_or_else(|| (503, "Unavailable", "the node is starting or stopping; retry".into()))
}

fn tell(cluster: &Cluster, status: &Status) -> Value {
    let told = cluster.nodes_of(status);
    let node = |node: &Node| {
        let compared = node.compared.as_ref();
        json!({
            "node": node.number,
            "role": node.role.word(),
            "reachable": node.is_there,
            "last": node.last,
            "state": compared.map(|compared| compared.word),
            "halted_before": node.halted.as_ref().map(|halted| halted.entry),
            "halted_why": node.halted.as_ref().map(|halted| &halted.why),
            "compared_at": compared.map(|compared| compared.at),
            "digest": compared.map(|compared| format!("{:016x}", compared.digest)),
            "needs_snapshot": node.needs_state,
            "address": node.peers,
            "http": node.http,
        })
    };
    json!({
        "cluster": cluster.name.to_string(),
        "told_by": told.told_by,
        "leader": told.leader,
        "term": told.term,
        "committed": told.committed,
        "feature_level": cluster.feature_level(),
        "differences": told.differences,
        "nodes": told.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

async fn token(cluster: &Cluster, client: &Client) -> Result<(u16, Value), Refusal> {
    let secret = cluster.tokens.make(client).await.map_err(|error| {
        let (status, code) = match error {
            TokenError::TooMany => (409, "TooManyTokens"),
            TokenError::Unavailable(_) => (503, "Unavailable"),
            TokenError::Internal(_) => (500, "Internal"),
        };
        (status, code, error.to_string())
    })?;
    let token = Token { fingerprint: cluster.authority.fingerprint(), secret };
    let book = cluster.book();
    let address = book.get(cluster.id).map(|place| place.address.as_str());
    let seconds = TOKEN_LIFE.as_secs();
    Ok((201, json!({"token": token.to_string(), "address": address, "expires_in_seconds": seconds})))
}

async fn transfer(cluster: &Cluster, body: &[u8]) -> Result<(u16, Value), Refusal> {
    let asked: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).map_err(malformed)? };
    let to = match asked.get("to") {
        None | Some(Value::Null) => someone_else(cluster).await?,
        Some(to) => Some(NodeId(to.as_u64().ok_or_else(|| malformed("`to` is a node's number"))?)),
    };
    let to = to.ok_or_else(|| (409, "NoOther", "there is no other node that could lead".to_owned()))?;
    let inbox = cluster.inbox().ok_or_else(|| refusal(ChangeError::NotLeading))?;
    let (tell, told) = oneshot::channel();
    inbox.hand_over_then(to, move |done| _ = tell.send(done));
    told.await.unwrap_or(Err(ChangeError::NotLeading)).map_err(refusal)?;
    let mut standing = cluster.standing();
    let other = |leader: Option<NodeId>| leader.filter(|leader| *leader != cluster.id);
    match timeout(AGREE_MAX, standing.wait_for(|now| other(now.leader).is_some())).await {
        Ok(Ok(now)) => Ok((200, json!({"leader": now.leader.map(|leader| leader.0)}))),
        _ => Err((503, "NotDone", format!("node {to} did not take over; this node goes on"))),
    }
}

/// Who could take over, if anybody is heard of within a while.
async fn someone_else(cluster: &Cluster) -> Result<Option<NodeId>, Refusal> {
    let until = Instant::now() + HEARD_MAX;
    loop {
        let furthest = furthest(&status(cluster)?);
        if furthest.is_some() || Instant::now() > until {
            return Ok(furthest);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn remove(cluster: &Cluster, rest: &str) -> Result<(u16, Value), Refusal> {
    let number = rest.strip_prefix("/nodes/").and_then(|number| number.parse().ok());
    let node = NodeId(number.ok_or_else(|| malformed("DELETE /v1/cluster/nodes/N, and N is a node's number"))?);
    let inbox = cluster.inbox().ok_or_else(|| refusal(ChangeError::NotLeading))?;
    let (tell, told) = oneshot::channel();
    inbox.change_members_then(Change::Remove(node), move |done| _ = tell.send(done));
    told.await.unwrap_or(Err(ChangeError::NotLeading)).map_err(refusal)?;
    // Not the log's word but what connections are let in by: once this is answered, the node is not heard any more.
    let mut standing = cluster.standing();
    match timeout(AGREE_MAX, standing.wait_for(|now| !now.members.contains(node))).await {
        Ok(Ok(_)) => Ok((200, json!({}))),
        _ => Err((503, "NotDone", "a majority did not agree in time; look at the status, and retry".into())),
    }
}

fn malformed(error: impl ToString) -> Refusal {
    (400, "Malformed", error.to_string())
}

/// What a change was refused for, with what to do.
fn refusal(error: ChangeError) -> Refusal {
    match error {
        ChangeError::NotLeading => (503, "NotLeading", "the leader is changing; retry".into()),
        ChangeError::UnderWay => (503, "UnderWay", "another change is under way; retry".into()),
        ChangeError::NoChange(node) => (409, "NoChange", format!("node {node} leads already")),
        ChangeError::NotAMember(node) => (
            404,
            "NoSuchNode",
            format!("there is no node {node} that could; `evenkeel cluster status` shows those that there are"),
        ),
        ChangeError::Behind(_) => (409, "Behind", error.to_string()),
        ChangeError::Leads(node) => {
            (409, "Leads", format!("node {node} leads; hand over first: evenkeel cluster transfer"))
        }
        ChangeError::LastVoter | ChangeError::TooMany => (409, "Refused", error.to_string()),
    }
}
