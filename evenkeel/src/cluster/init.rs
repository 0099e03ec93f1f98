//! Makes a data folder the first node of a cluster. What is in it stays as it is.

use super::{
    book::Place,
    folder::{FILE, Membership, is_member},
};
use crate::{holder, identity};
use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_disk::{Disk, RealDisk};
use evenkeel_peers::{Authority, ClusterId};
use std::{net::SocketAddr, path::Path};

/// The number of a cluster's first node.
pub(crate) const FIRST: u64 = 1;

/// Does it, on a folder that no server holds.
pub(crate) fn init(folder: &Path, listen: SocketAddr, address: Option<String>) -> anyhow::Result<()> {
    let disk = RealDisk;
    disk.create_dir_all(folder).with_context(|| format!("making the data folder {}", folder.display()))?;
    let _lock = lock(&disk, folder)?;
    if is_member(folder) {
        bail!("{} belongs to a cluster already ({FILE} is in it); `evenkeel serve` starts it", folder.display());
    }
    let log = identity::load(&disk, folder)?;
    let authority = Authority::new(ClusterId(log.0))?;
    let address = reachable(listen, address)?;
    Membership {
        node: FIRST,
        has_started: false,
        listen,
        nodes: vec![Place { node: FIRST, address: address.clone(), http: String::new(), stamp: 0 }],
        address,
        authority: STANDARD.encode(authority.certificate()),
        authority_key: STANDARD.encode(authority.key()),
        instead_of: Vec::new(),
        withheld: 0,
        incoming: None,
    }
    .write(folder)
}

/// Holds a folder that no server holds.
pub(super) fn lock(disk: &RealDisk, folder: &Path) -> anyhow::Result<<RealDisk as Disk>::Lock> {
    let lock = folder.join("lock");
    disk.lock(&lock).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => anyhow::anyhow!(
            "a server holds the data folder {}{}; stop it, and start it again afterwards",
            folder.display(),
            holder::of_lock(&lock).map_or_else(String::new, |holder| format!(": {holder}"))
        ),
        _ => anyhow::Error::new(error).context(format!("locking the data folder {}", folder.display())),
    })
}

/// Where other nodes find one that listens there.
pub(super) fn reachable(listen: SocketAddr, address: Option<String>) -> anyhow::Result<String> {
    match address {
        Some(address) => Ok(address),
        None if listen.ip().is_unspecified() => {
            bail!(
                "--cluster-listen {listen} names no address that other nodes could dial; say which with --cluster-address"
            )
        }
        None => Ok(listen.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_the_first_node_once() {
        let folder = tempfile::tempdir().unwrap();
        let listen = ([127, 0, 0, 1], 0).into();
        init(folder.path(), listen, None).unwrap();
        let membership = Membership::read(folder.path()).unwrap();
        assert_eq!((membership.node, membership.address.as_str()), (1, "127.0.0.1:0"));
        let error = init(folder.path(), listen, None).unwrap_err().to_string();
        assert!(error.contains("`evenkeel serve` starts it"), "{error}");
    }

    #[test]
    fn an_address_that_nobody_can_dial_is_refused() {
        let all = ([0, 0, 0, 0], 9326).into();
        assert!(reachable(all, None).unwrap_err().to_string().contains("--cluster-address"));
        assert_eq!(reachable(all, Some("a.example:9326".into())).unwrap(), "a.example:9326");
    }
}
