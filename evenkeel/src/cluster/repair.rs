//! A node whose data is damaged, lost or wrong comes back under a new number, and gets the leader's state.
//!
//! It may have forgotten what it said it had, so it must not vote again as who it was: that could undo what was acknowledged. Steps:
//!
//! 1. It shows its old certificate to whoever leads and asks to be replaced ([`super::house::REPLACE`]). The leader makes a learner of a new number. Until then
//!    nothing is changed: without a leader it asks on.
//! 2. What it held is put aside ([`super::quarantine`]), and the new number is written down. It starts again like any new node: as a learner, which
//!    gets a vote once it has caught up.
//! 3. It asks the leader to remove the old number ([`super::house::RETIRE`]), for as long as that is a member. Asked again by the same node, the same leader gives the
//!    same number; one that nobody came for is removed ([`super::given`]).
//!
//! A node that is told to stop meanwhile ends at once, and goes on with its next start. This happens by itself once in [`AGAIN_AFTER`]; damage that comes sooner is a matter for people.

use super::{
    decision::{self, NotLeading},
    folder::Membership,
    given::Asker,
    house::{REPLACE, RETIRE},
    join,
    node::{Cluster, can_spare},
    quarantine,
};
use crate::identity;
use anyhow::{Context, bail};
use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_disk::RealDisk;
use evenkeel_engine::{Fatal, StartError};
use evenkeel_log::LogError;
use evenkeel_log_raft::{Change, Message, NodeId};
use evenkeel_machine::limits::FEATURE_LEVEL;
use evenkeel_peers::{Asked, ClusterId, House, Joining, Peers};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// A node that was repaired is not repaired again by itself before this has passed.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// How long a leader may take to agree with the others.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Between two attempts to find a leader.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// What a node that is to be replaced says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    address: String,
    http: String,
    feature_level: u32,
}

/// What it is told.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    node: u64,
    nodes: Vec<super::book::Place>,
}

/// Whether that is why nothing can go on: bytes on the disk are not those that were written. A disk that fails is none.
pub(crate) fn is_damage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(LogError::Damaged { .. }))
            || cause.downcast_ref().is_some_and(StartError::is_damage)
            || cause.downcast_ref().is_some_and(Fatal::is_damage)
    })
}

/// Has the cluster take this node in under a new number. The folder must be locked by this process, and nothing in it open.
///
/// # Errors
/// It may not be done by itself now, or the disk fails. What the node held is untouched then, or in quarantine.
pub(crate) fn repair(folder: &Path, http: SocketAddr, why: &str) -> anyhow::Result<()> {
    let mut membership = Membership::read(folder)?;
    let old = NodeId(membership.node);
    if membership.nodes.iter().all(|place| place.node == old.0) {
        bail!("{why}; and there is no other node to get the data from");
    }
    if let Some(ago) = quarantine::since_last(folder).filter(|ago| *ago < AGAIN_AFTER) {
        bail!(
            "{why}; and this node was repaired {} s ago already. Look at its disk and memory first; if they are sound, delete {}/quarantine and \
             start it again",
            ago.as_secs(),
            folder.display()
        );
    }
    tracing::error!("ALARM: what this node holds cannot be trusted: {why}. It asks the others for their state");
    let replacement = ask(folder, &membership, http)?;
    let aside = quarantine::put_aside(folder, why)?;
    tracing::warn!(
        "what this node held is in {}; delete it once you have seen what went wrong",
        folder.join(aside).display()
    );
    membership.node = replacement.node;
    membership.has_started = false;
    membership.incoming = None;
    membership.withheld = 0;
    membership.instead_of.push(old.0);
    membership.nodes = replacement.nodes;
    membership.write(folder)?;
    tracing::info!("this node, which was {old}, is node {} from now on", replacement.node);
    Ok(())
}

/// Asks all that it knows, until a leader has answered.
fn ask(folder: &Path, membership: &Membership, http: SocketAddr) -> anyhow::Result<Replacement> {
    let (old, log) = (NodeId(membership.node), identity::load(&RealDisk, folder)?);
    let identity = membership.authority(ClusterId(log.0))?.issue(old)?;
    let listener = TcpListener::bind(membership.listen)
        .with_context(|| format!("listening for other nodes on {}", membership.listen))?;
    let (peers, thread) = Peers::start(evenkeel_peers::Options { identity, listener, house: Arc::new(Nobody) })?;
    let others = membership.nodes.iter().filter(|place| place.node != old.0);
    let others: BTreeMap<_, _> = others.map(|place| (NodeId(place.node), place.address.clone())).collect();
    peers.are_at(&others);
    let request = Request { address: membership.address.clone(), http: http.to_string(), feature_level: FEATURE_LEVEL };
    let mut question = BytesMut::new();
    question.put_u8(REPLACE);
    question.extend_from_slice(&serde_json::to_vec(&request)?);
    let question = question.freeze();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let replacement = runtime.block_on(async {
        let mut told = String::new();
        loop {
            match ask_each(&peers, others.keys(), &question).await {
                Ok(replacement) => return replacement,
                Err(why) if told != why => {
                    tracing::warn!("this node cannot be replaced yet: {why}; asking again");
                    told = why;
                }
                Err(_) => {}
            }
            sleep(TRY_EVERY).await;
        }
    });
    peers.stop();
    // A panic was told.
    _ = thread.join();
    serde_json::from_slice(&replacement).context("use the same version on all nodes")
}

/// Asks one after the other. Else says why none did it.
async fn ask_each(peers: &Peers, nodes: impl Iterator<Item = &NodeId>, question: &Bytes) -> Result<Bytes, String> {
    let mut reason = "no other node can be reached".to_owned();
    for &node in nodes {
        let Ok(Ok(answered)) = timeout(ANSWER_MAX, peers.ask(node, question.clone())).await else { continue };
        match decision::decode(&answered.answer) {
            Ok(replacement) => return Ok(replacement),
            Err(error) if error.is::<NotLeading>() => reason = "no node leads".into(),
            Err(error) => reason = format!("node {node} says: {error}"),
        }
    }
    Err(reason)
}

/// Nobody is at home: it hears nothing, and says nothing.
struct Nobody;

impl House for Nobody {
    fn admits(&self, _: NodeId) -> bool {
        false
    }

    fn message(&self, _: Message) {}

    fn note(&self, _: NodeId, _: Bytes) {}

    fn ask(&self, asked: Asked) {
        asked.reply.send(Bytes::new());
    }

    fn join(&self, joining: Joining) {
        // It may have gone.
        _ = joining.answer.send(Err("this node is being repaired; ask another".into()));
    }
}

/// A node asks to be replaced.
pub(super) fn asked(cluster: &Arc<Cluster>, asked: Asked) {
    let cluster = Arc::clone(cluster);
    decision::answer("replace", asked, move |asked| {
        if !cluster.leads() {
            return Err(NotLeading.into());
        }
        replace(&cluster, asked.from, &asked.request)
    });
}

fn replace(cluster: &Cluster, old: NodeId, request: &[u8]) -> anyhow::Result<Bytes> {
    let Request { address, http, feature_level } =
        serde_json::from_slice(request).context("use the same version on all nodes")?;
    cluster.check_level_of(feature_level)?;
    // Held meanwhile: one that asks again while it is answered gets the same number.
    let mut given = cluster.letting_in.lock().unwrap_or_else(PoisonError::into_inner);
    let node = join::agree(cluster, &mut given, &Asker::Again(old), address, http)?;
    tracing::warn!("node {old} has lost what it held, and comes back as node {node}");
    let nodes = cluster.book().places();
    Ok(serde_json::to_vec(&Replacement { node: node.0, nodes })?.into())
}

/// A node asks that the number which it had before be removed. Done at the leader; asked again until it is.
pub(super) fn retire_asked(cluster: &Arc<Cluster>, asked: Asked) {
    let number = asked.request.first_chunk().map(|bytes| NodeId(u64::from_le_bytes(*bytes)));
    let from = asked.from;
    if let (Some(old), Some(inbox), true) = (number, cluster.inbox(), cluster.leads())
        && old != from
        // One that still speaks is somebody.
        && cluster.status().is_some_and(|status| !status.peers.iter().any(|peer| peer.node == old && peer.is_there))
    {
        inbox.change_members_then(Change::Remove(old), move |removed| match removed {
            Ok(()) => tracing::info!("node {old} is removed: node {from} is in its place"),
            // It asks again.
            Err(error) => tracing::debug!("node {old} is not removed yet: {error}"),
        });
    }
    asked.reply.send(Bytes::from_static(&[0]));
}

/// Has the numbers removed that this node had before. Called once in a while.
pub(super) async fn retire(cluster: &Cluster) {
    let members = cluster.standing().borrow().members.clone();
    // Before it is a member itself, it knows nothing of the others.
    if !members.contains(cluster.id) {
        return;
    }
    let Some(old) = cluster.instead_of(&members) else { return };
    if cluster.leads() {
        if let Some(inbox) = cluster.inbox() {
            // Tried again.
            _ = inbox.change_members(Change::Remove(old));
        }
        return;
    }
    let mut question = BytesMut::new();
    question.put_u8(RETIRE);
    question.put_u64_le(old.0);
    _ = timeout(ANSWER_MAX, cluster.ask_leader(question.freeze())).await;
}

impl Cluster {
    /// A body cannot be read here: another node shall lead, which has it, if the others can go on without this one.
    pub(crate) fn cannot_read(self: &Arc<Self>, what: &str) {
        let status = self.status();
        if status.is_some_and(|status| can_spare(&status, self.id)) {
            self.is_damaged(what.to_owned());
        }
    }

    /// What this node holds cannot be trusted: it gives it up for the leader's state. From any thread.
    pub(super) fn is_damaged(self: &Arc<Self>, why: String) {
        {
            let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
            if damage.is_some() {
                return;
            }
            *damage = Some(why);
        }
        let cluster = Arc::clone(self);
        decision::spawn("damage", move || {
            cluster.step_down();
            cluster.start_again();
        });
    }

    /// Why it is to be repaired, after all its threads have ended.
    pub(crate) fn damage(&self) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_a_disk_that_fails() {
        let damaged = LogError::Damaged { file: "votes".into(), offset: 0, what: "it is gone".into() };
        assert!(is_damage(&anyhow::Error::new(damaged.clone())));
        assert!(is_damage(&anyhow::Error::new(Fatal::Log(damaged.clone())).context("the server stopped")));
        assert!(is_damage(&anyhow::Error::new(StartError::AllDamaged(vec!["a".into()]))));
        assert!(is_damage(&anyhow::Error::new(StartError::Log(damaged))));
        let failing = LogError::Io { doing: "reading".into(), source: Arc::new(std::io::Error::other("no")) };
        assert!(!is_damage(&anyhow::Error::new(failing.clone())));
        assert!(!is_damage(&anyhow::Error::new(Fatal::Log(failing))));
        // What a newer version wrote is sound, and must not be put aside by an older one.
        let (index, level) = (evenkeel_types::LogIndex(7), FEATURE_LEVEL + 1);
        let too_new = StartError::TooNew { index, level, known: FEATURE_LEVEL };
        assert!(!is_damage(&anyhow::Error::new(too_new)));
        let too_new = evenkeel_machine::ApplyError::TooNew { index, level, known: FEATURE_LEVEL };
        assert!(!is_damage(&anyhow::Error::new(Fatal::Apply(too_new))));
        assert!(!is_damage(&anyhow::anyhow!("the port is in use")));
    }
}
