//! What a data folder keeps of the cluster that it belongs to: one file, for the server alone, replaced as a whole.

use super::book::Place;
use crate::private_file;
use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_peers::{Authority, ClusterId};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::Path};

pub(crate) const FILE: &str = "cluster.json";

/// The file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    /// This node's number.
    pub(crate) node: u64,
    /// Whether the log was ever opened for the cluster: from then on a log without its votes is refused.
    pub(crate) has_started: bool,
    /// Where it listens for other nodes.
    pub(crate) listen: SocketAddr,
    /// Where others find it.
    pub(crate) address: String,
    /// The authority's certificate, base64 of DER.
    pub(crate) authority: String,
    /// Its key, base64 of PKCS #8.
    pub(crate) authority_key: String,
    /// Where the nodes were when they were last heard of.
    pub(crate) nodes: Vec<Place>,
    /// Numbers that this node had before it lost what it held, until they are no members any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) instead_of: Vec<u64>,
    /// The last entry of a cluster whose majority was lost: new nodes must not have the log up to there, with that cluster's members in it. 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) withheld: u64,
    /// A state of the leader that has come as a whole, until the log goes on behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) incoming: Option<Incoming>,
}

/// What the leader offered: the entry that its state is of, and who the members were then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Incoming {
    pub(crate) from: u64,
    pub(crate) at: u64,
    pub(crate) epoch: u64,
    pub(crate) voters: Vec<u64>,
    pub(crate) learners: Vec<u64>,
    pub(crate) voters_before: Vec<u64>,
    pub(crate) learners_next: Vec<u64>,
    pub(crate) leaves_by_itself: bool,
}

impl Membership {
    /// The authority that it holds.
    pub(crate) fn authority(&self, cluster: ClusterId) -> anyhow::Result<Authority> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| anyhow::anyhow!("{FILE} is damaged; restore it"));
        let (certificate, key) = (decode(&self.authority)?, decode(&self.authority_key)?);
        Ok(Authority::of(cluster, certificate, key)?)
    }

    /// Reads it.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = private_file::read(folder, FILE)?.with_context(|| format!("{} is missing", path.display()))?;
        // The words of the parser could quote the key.
        serde_json::from_str(&text).map_err(|_| anyhow::anyhow!("{} is damaged; restore it", path.display()))
    }

    /// Writes it, in the place of what was there.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        private_file::write(folder, FILE, &serde_json::to_vec_pretty(self)?)
    }
}

fn is_zero(index: &u64) -> bool {
    *index == 0
}

/// Whether the folder belongs to a cluster.
pub(crate) fn is_member(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(ClusterId([3; 16])).unwrap();
        let membership = Membership {
            node: 7,
            has_started: false,
            listen: ([127, 0, 0, 1], 9326).into(),
            address: "a:1".into(),
            authority: STANDARD.encode(authority.certificate()),
            authority_key: STANDARD.encode(authority.key()),
            instead_of: vec![3],
            withheld: 0,
            incoming: None,
            nodes: vec![Place { node: 7, address: "a:1".into(), http: "a:2".into(), stamp: 1 }],
        };
        assert!(!is_member(folder.path()));
        membership.write(folder.path()).unwrap();
        assert!(is_member(folder.path()));
        let read = Membership::read(folder.path()).unwrap();
        assert_eq!((read.node, &read.nodes), (7, &membership.nodes));
        assert_eq!(read.authority(ClusterId([3; 16])).unwrap().fingerprint(), authority.fingerprint());
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        assert!(Membership::read(folder.path()).err().unwrap().to_string().contains("is missing"));
    }
}
