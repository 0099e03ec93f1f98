//! How the nodes stand, for those who look: the live page, and `evenkeel cluster status`.

use super::{node::Cluster, verdict::Verdict};
use evenkeel_console::{Compared, HaltedBefore, Node, Nodes, Role};
use evenkeel_log_raft::Status;

impl Cluster {
    /// As this node knows it; `None` while it starts or stops.
    pub(crate) fn nodes(&self) -> Option<Nodes> {
        self.status().map(|status| self.nodes_of(&status))
    }

    pub(super) fn nodes_of(&self, status: &Status) -> Nodes {
        let members = &status.members;
        let mut ids: Vec<_> = members.voters.iter().chain(&members.learners).chain(&members.voters_before).collect();
        ids.sort_unstable();
        ids.dedup();
        let (book, compared) = (self.book(), self.compared());
        let node = |&id| {
            let (place, peer) = (book.get(id), status.peers.iter().find(|peer| peer.node == id));
            let role = match () {
                () if status.leader == Some(id) => Role::Leader,
                () if members.voters.contains(&id) => Role::Voter,
                () => Role::Learner,
            };
            // Of the others only the leader knows how they are.
            let is_this = id == status.node;
            let halted = if is_this {
                self.halt().map(|halt| HaltedBefore { entry: halt.entry.0, why: halt.why })
            } else {
                compared.halted.get(&id).map(|at| HaltedBefore { entry: at.entry.0, why: at.why.clone() })
            };
            Node {
                number: id.0,
                role,
                is_there: if is_this { Some(true) } else { peer.map(|peer| peer.is_there) },
                last: if is_this { Some(status.last.0) } else { peer.map(|peer| peer.matched.0) },
                halted,
                needs_state: peer.map(|peer| peer.needs_snapshot),
                compared: compared.judged.get(&id).map(|judged| Compared {
                    word: judged.verdict.word(),
                    is_bad: matches!(judged.verdict, Verdict::Wrong | Verdict::Unclear),
                    at: judged.at.0,
                    digest: judged.digest,
                }),
                http: place.map(|place| place.http.clone()),
                peers: place.map(|place| place.address.clone()),
            }
        };
        Nodes {
            told_by: status.node.0,
            leader: status.leader.map(|leader| leader.0),
            term: status.term,
            committed: status.committed.0,
            differences: compared.differences,
            nodes: ids.into_iter().map(node).collect(),
        }
    }
}
