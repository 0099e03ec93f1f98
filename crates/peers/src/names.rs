//! What certificates call a cluster and its nodes. Names below `.invalid` (RFC 6761, section 6.4) can be nobody's in the domain name system.

use evenkeel_log_raft::NodeId;
use std::fmt;

/// What every node's certificate also has, for who does not know yet which node it speaks to.
pub(crate) const ANY_NODE: &str = "node.evenkeel.invalid";

/// A cluster's random name: that of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterId(pub [u8; 16]);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl ClusterId {
    /// What the certificate of that node is for.
    pub(crate) fn name_of(self, node: NodeId) -> String {
        format!("n{node}.{self}.evenkeel.invalid")
    }

    /// The node that a certificate's name is for, if it is one of this cluster.
    pub(crate) fn node_of(self, name: &str) -> Option<NodeId> {
        let number = name.strip_prefix('n')?.strip_suffix(&format!(".{self}.evenkeel.invalid"))?;
        number.parse().ok().map(NodeId).filter(|node| self.name_of(*node) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_node_of_one_cluster() {
        let cluster = ClusterId([7; 16]);
        let name = cluster.name_of(NodeId(12));
        assert_eq!(cluster.node_of(&name), Some(NodeId(12)));
        assert_eq!(ClusterId([8; 16]).node_of(&name), None);
        for other in [ANY_NODE, "", "n", &name.replace("n12", "n012"), &name.replace("n12", "n+12"), &name[1..]] {
            assert_eq!(cluster.node_of(other), None, "{other}");
        }
    }
}
