//! The feature level: raised once every node of the cluster runs a version that knows the new one.
//!
//! The leader asks each member what it knows ([`super::house::LEVEL`]), learners too, about once a second for as long as the level in force is below what
//! the leader knows itself. Once all have answered, it proposes the highest that all know. Nothing can be lowered again: a node that comes back with an older
//! version says that it is too old, and stays out until it has the newer one.
//!
//! | question | bytes | answer |
//! |---|---|---|
//! | [`super::house::LEVEL`] | none | 4 bytes: the newest level that the node knows |

use super::{house::LEVEL, node::Cluster};
use anyhow::bail;
use bytes::Bytes;
use evenkeel_engine::{Proposal, Request};
use evenkeel_log_raft::{NodeId, Status};
use evenkeel_machine::{command::Command, limits::FEATURE_LEVEL};
use evenkeel_peers::Asked;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;

/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What was said of it last, so that nothing is said twice.
#[derive(Debug, Default)]
pub(super) struct Raising {
    said: String,
}

impl Raising {
    /// Raises the level if all know a higher one. Called once in a while, at the leader.
    pub(super) async fn look(&mut self, cluster: &Cluster, status: &Status) {
        let Some(present) = cluster.feature_level().filter(|present| *present < FEATURE_LEVEL) else { return };
        let Some(peers) = cluster.peers() else { return };
        let mut told = BTreeMap::from([(cluster.id, FEATURE_LEVEL)]);
        for peer in status.peers.iter().filter(|peer| peer.is_there) {
            let answered = timeout(ANSWER_MAX, peers.ask(peer.node, Bytes::from_static(&[LEVEL]))).await;
            let level = answered.ok().and_then(Result::ok).and_then(|answered| decode(&answered.answer));
            told.extend(level.map(|level| (peer.node, level)));
        }
        let level = status.members.level(|node| told.get(&node).copied());
        match (level.filter(|level| *level > present), cluster.line.get()) {
            (Some(level), Some(line)) => {
                self.say(format!("all nodes know feature level {level}: raising it from {present}"));
                // If it comes to nothing, it is proposed again.
                line.tell(Request::Propose(Proposal::new(&Command::RaiseFeatureLevel { level })));
            }
            _ => self.say(waiting(present, &told, status.peers.iter().map(|peer| peer.node))),
        }
    }

    fn say(&mut self, what: String) {
        if self.said != what {
            tracing::info!("{what}");
            self.said = what;
        }
    }
}

/// Whom a level waits for.
fn waiting(present: u32, told: &BTreeMap<NodeId, u32>, nodes: impl Iterator<Item = NodeId>) -> String {
    let waits_for = nodes.filter_map(|node| match told.get(&node) {
        Some(level) if *level > present => None,
        Some(level) => Some(format!("node {node} knows {level}")),
        None => Some(format!("node {node} has not said what it knows")),
    });
    format!("the feature level stays at {present}: {}", waits_for.collect::<Vec<_>>().join(", "))
}

/// The leader asks what this node knows.
pub(super) fn asked(asked: Asked) {
    asked.reply.send(Bytes::copy_from_slice(&FEATURE_LEVEL.to_le_bytes()));
}

/// A version that did not know the question answers with nothing.
fn decode(answer: &[u8]) -> Option<u32> {
    answer.try_into().ok().map(u32::from_le_bytes)
}

impl Cluster {
    /// Refuses a node whose version does not know the level in force: it could not follow the log.
    pub(super) fn check_level_of(&self, known: u32) -> anyhow::Result<()> {
        match self.feature_level() {
            Some(present) if known < present => {
                bail!(
                    "this cluster is at feature level {present}, and the node's version knows {known}: use the version of the others"
                )
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_whom_a_level_waits_for() {
        let told = BTreeMap::from([(NodeId(1), 2), (NodeId(2), 1)]);
        let said = waiting(1, &told, [NodeId(2), NodeId(3)].into_iter());
        assert_eq!(said, "the feature level stays at 1: node 2 knows 1, node 3 has not said what it knows");
    }

    #[test]
    fn only_four_bytes_are_an_answer() {
        assert_eq!(decode(&[2, 0, 0, 0]), Some(2));
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[2, 0, 0, 0, 0]), None);
    }
}
