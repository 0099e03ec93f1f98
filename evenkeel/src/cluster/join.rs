//! A new node is let in: by a token that counts once and for a while, on whichever node leads ([`super::tokens`]).
//!
//! The leader makes the new node a learner first, under a number that no other has had, and then tells it that number, the authority, and what all
//! nodes must have alike. A number is the index of the log's entry before the change: there is none like it, also after a change of leader. If the new
//! node dies before it has written that down, or the leader in the midst of it, it may ask again with the same token: it is known by what it drew and keeps in
//! its folder until it has joined. A number that nobody came for is removed ([`super::given`]).

use super::{
    book::{GIVEN_STAMP, Place},
    decision::{self, NotLeading},
    folder::Membership,
    forward::Unanswered,
    given::{Asker, Given},
    house::JOIN,
    init::reachable,
    node::Cluster,
};
use crate::{credentials::Credentials, identity, private_file, sealing};
use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_disk::{Disk, RealDisk};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Change, ChangeError, NodeId};
use evenkeel_machine::limits::FEATURE_LEVEL;
use evenkeel_peers::{Asked, Joining, Secret, Token};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

/// How long the cluster may take to agree on a new member.
const AGREE_MAX: Duration = Duration::from_secs(10);

/// Between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Between two attempts while the cluster is about to have another leader.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// By what a new node is known that asks again; in its folder until it has joined.
const JOINING: &str = "joining";

/// What a new node says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    address: String,
    http: String,
    account: String,
    region: String,
    has_root: bool,
    feature_level: u32,
    /// By what it is known if it asks again.
    drawn: String,
}

/// What it is told.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Welcome {
    cluster: String,
    node: u64,
    authority: String,
    authority_key: String,
    sealing_key: String,
    root: Option<Credentials>,
    nodes: Vec<Place>,
}

/// A node that would join.
pub(crate) struct Asking<'a> {
    pub(crate) folder: &'a Path,
    /// The node that it asks.
    pub(crate) at: &'a str,
    pub(crate) token: &'a str,
    /// Where it will listen for other nodes, and where they find it.
    pub(crate) listen: SocketAddr,
    pub(crate) address: Option<String>,
    pub(crate) http: SocketAddr,
    pub(crate) account: String,
    pub(crate) region: &'a str,
    /// The root credentials are in its environment.
    pub(crate) has_root: bool,
}

/// Joins: from then on the folder belongs to the cluster.
pub(crate) fn join(asking: Asking<'_>) -> anyhow::Result<()> {
    let Asking { folder, at, token, listen, address, http, account, region, has_root } = asking;
    let disk = RealDisk;
    if disk.list(folder)?.iter().any(|name| name == "log") {
        bail!(
            "{} has data of its own: a node joins with an empty folder (--data-dir), and gets the cluster's data",
            folder.display()
        );
    }
    let address = reachable(listen, address)?;
    let token: Token = token.parse()?;
    let request = Request {
        address: address.clone(),
        http: http.to_string(),
        account,
        region: region.into(),
        has_root,
        feature_level: FEATURE_LEVEL,
        drawn: drawn(folder)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let welcome = runtime.block_on(evenkeel_peers::join(at, &token, serde_json::to_vec(&request)?.into()))?;
    let welcome: Welcome = serde_json::from_slice(&welcome).map_err(|_| {
        anyhow::anyhow!("the node at {at} answers in words of another version; use the same version on all nodes")
    })?;
    let cluster = u128::from_str_radix(&welcome.cluster, 16).context("the cluster's name is none")?;
    private_file::write(folder, sealing::FILE, welcome.sealing_key.as_bytes())?;
    if let Some(root) = &welcome.root {
        root.write(folder)?;
    }
    identity::adopt(&disk, folder, LogId(cluster.to_be_bytes()))?;
    Membership {
        node: welcome.node,
        has_started: false,
        listen,
        address,
        authority: welcome.authority,
        authority_key: welcome.authority_key,
        nodes: welcome.nodes,
        instead_of: Vec::new(),
        withheld: 0,
        incoming: None,
    }
    .write(folder)?;
    // Nobody reads it any more.
    _ = disk.remove(&folder.join(JOINING));
    tracing::info!("joined the cluster {} as node {}", welcome.cluster, welcome.node);
    Ok(())
}

/// What this node drew when it asked for the first time.
fn drawn(folder: &Path) -> anyhow::Result<String> {
    if let Some(drawn) = private_file::read(folder, JOINING)? {
        return Ok(drawn);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system's random source fails"))?;
    let drawn = format!("{:032x}", u128::from_le_bytes(bytes));
    private_file::write(folder, JOINING, drawn.as_bytes())?;
    Ok(drawn)
}

/// A stranger asks, here or at another node, which passed it on.
pub(super) fn asked(cluster: &Arc<Cluster>, joining: Joining) {
    let Joining { secret, request, answer } = joining;
    let cluster = Arc::clone(cluster);
    decision::spawn("join", move || {
        let until = Instant::now() + AGREE_MAX;
        let answered = loop {
            let answered = if cluster.leads() {
                let_in(&cluster, &secret, &request)
            } else {
                pass_on(&cluster, &secret, &request)
            };
            match answered {
                // An election is no reason to send it away.
                Err(error) if error.is::<NotLeading>() && Instant::now() < until => std::thread::sleep(TRY_EVERY),
                answered => break answered.map_err(|error| format!("{error:#}")),
            }
        };
        // It may have gone.
        _ = answer.send(answered);
    });
}

/// Passes it on to the leader, who made the token.
fn pass_on(cluster: &Cluster, secret: &Secret, request: &[u8]) -> anyhow::Result<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(JOIN);
    bytes.extend_from_slice(secret.bytes());
    bytes.extend_from_slice(request);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = match runtime.block_on(cluster.ask_leader(bytes.freeze())) {
        Ok(answered) => answered.answer,
        Err(Unanswered::Here) => return Err(NotLeading.into()),
        Err(_) => bail!("no node leads, so none can be let in; try again"),
    };
    decision::decode(&answer)
}

/// Another node passed it on.
pub(super) fn passed_on(cluster: &Arc<Cluster>, asked: Asked) {
    let cluster = Arc::clone(cluster);
    decision::answer("join", asked, move |asked| {
        let (secret, request) = asked.request.split_first_chunk().context("there is no secret")?;
        let_in(&cluster, &Secret::of(*secret), request)
    });
}

fn let_in(cluster: &Cluster, secret: &Secret, request: &[u8]) -> anyhow::Result<Bytes> {
    let request: Request = serde_json::from_slice(request).context("use the same version on all nodes")?;
    let gifts = &cluster.gifts;
    if !cluster.leads() {
        return Err(NotLeading.into());
    }
    // Before the token is spent.
    if (&request.account, &request.region) != (&gifts.account, &gifts.region) {
        bail!(
            "all nodes need the same account and region: start it with --account-id {} --region {}",
            gifts.account,
            gifts.region
        );
    }
    cluster.check_level_of(request.feature_level)?;
    if gifts.root.is_none() && !request.has_root {
        bail!(
            "the root credentials of this cluster are in the environment only: set EVENKEEL_ROOT_ACCESS_KEY and \
             EVENKEEL_ROOT_SECRET_KEY for the new node as well"
        );
    }
    let line = cluster.line.get().context("the node is starting; try again")?;
    // One node at a time.
    let mut given = cluster.letting_in.lock().unwrap_or_else(PoisonError::into_inner);
    let by = secret.spent_by(format!("{} at {}", request.drawn, request.address).as_bytes());
    let Some(token) = cluster.tokens.spend(line, secret, &by)? else {
        bail!(
            "the token was used by another node or taken back, or is older than an hour: `evenkeel cluster add` makes another"
        );
    };
    let node = agree(cluster, &mut given, &Asker::New(token), request.address, request.http)?;
    let welcome = Welcome {
        cluster: cluster.name.to_string(),
        node: node.0,
        authority: STANDARD.encode(cluster.authority.certificate()),
        authority_key: STANDARD.encode(cluster.authority.key()),
        sealing_key: gifts.sealing_key.clone(),
        root: gifts.root.clone().filter(|_| !request.has_root),
        nodes: cluster.book().places(),
    };
    Ok(serde_json::to_vec(&welcome)?.into())
}

/// Has all agree on a learner of a new number, which is found there; or finds the one that the asker was given before.
pub(super) fn agree(
    cluster: &Cluster,
    given: &mut Given,
    asker: &Asker,
    address: String,
    http: String,
) -> anyhow::Result<NodeId> {
    let inbox = cluster.inbox().context("the node is starting; try again")?;
    let until = Instant::now() + AGREE_MAX;
    let mut proposed_in = None;
    let node = loop {
        // Whoever asks how the nodes stand, once this one was let in, is told of it.
        let status = cluster.look().context("the node is stopping")?;
        if let Some(node) = given.to(asker, &status) {
            break node;
        }
        // Another leader may have given that number to somebody else.
        if !status.leads() || proposed_in.is_some_and(|term| term != status.term) {
            return Err(NotLeading.into());
        }
        if Instant::now() > until {
            bail!("the nodes did not agree on a new one within {} s: is a majority there?", AGREE_MAX.as_secs());
        }
        if proposed_in.is_none() {
            let node = NodeId(status.last.0 + 1);
            match inbox.change_members(Change::AddLearner(node)) {
                Ok(()) => {
                    given.note(asker, node, status.term);
                    proposed_in = Some(status.term);
                }
                // Perhaps of this very asker, which lost its patience.
                Err(ChangeError::UnderWay) => {}
                Err(ChangeError::NotLeading) => return Err(NotLeading.into()),
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(LOOK_EVERY);
    };
    cluster.book().learn([Place { node: node.0, address, http, stamp: GIVEN_STAMP }]);
    tracing::info!("node {node} is let in");
    Ok(node)
}
