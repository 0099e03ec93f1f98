//! How the nodes of a cluster stand, as the node knows that is asked: of others only the one that leads knows much.

use crate::cluster::{Cluster, Verdict};
use evenkeel_metrics::{Kind, Text};

/// Writes it.
pub(super) fn write(cluster: &Cluster, text: &mut Text) {
    let Some(status) = cluster.status() else { return };
    let found = cluster.compared();
    let mut gauge = |name, help: &str, value: u64| text.single(name, Kind::Gauge, help, value);
    gauge("evenkeel_cluster_node", "This node's number.", status.node.0);
    gauge("evenkeel_cluster_leads", "Whether this node leads: 1 or 0.", u64::from(status.owns.is_some()));
    gauge("evenkeel_cluster_has_leader", "Whether a leader is known: 1 or 0.", u64::from(status.leader.is_some()));
    gauge("evenkeel_cluster_term", "The term of the consensus.", status.term);
    gauge("evenkeel_cluster_voters", "Nodes with a vote.", status.members.voters.len() as u64);
    gauge("evenkeel_cluster_committed_index", "The last entry that a majority has.", status.committed.0);
    let help = "Comparisons in which replicas held something else, since this node started.";
    text.single("evenkeel_cluster_differences_total", Kind::Counter, help, found.differences);
    if status.owns.is_none() {
        return;
    }
    let names = || status.peers.iter().map(|peer| (peer.node.0.to_string(), peer));
    text.family("evenkeel_cluster_reachable", Kind::Gauge, "Whether the leader hears that node: 1 or 0.");
    names().for_each(|(node, peer)| text.sample(&[("node", &node)], u8::from(peer.is_there)));
    let help = "The entry before which that node has halted; 0 if it has not.";
    text.family("evenkeel_cluster_halted_entry", Kind::Gauge, help);
    let halted = |node| found.halted.get(&node).map_or(0, |halt| halt.entry.0);
    status.peers.iter().for_each(|peer| text.sample(&[("node", &peer.node.0.to_string())], halted(peer.node)));
    text.family("evenkeel_cluster_behind_entries", Kind::Gauge, "Entries of the leader that a node does not have yet.");
    let behind = |matched: u64| status.last.0.saturating_sub(matched);
    names().for_each(|(node, peer)| text.sample(&[("node", &node)], behind(peer.matched.0)));
    let help = "Whether that node holds something else than others, at the last entry that was compared: 1 or 0.";
    text.family("evenkeel_cluster_replica_differs", Kind::Gauge, help);
    for (node, judged) in &found.judged {
        let differs = matches!(judged.verdict, Verdict::Wrong | Verdict::Unclear);
        text.sample(&[("node", &node.0.to_string())], u8::from(differs));
    }
}
