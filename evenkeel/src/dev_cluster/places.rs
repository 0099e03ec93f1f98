//! Where the nodes are: chosen once, and kept with the data, since a cluster finds its nodes where they were.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
};

/// The file, in the folder of all three.
const FILE: &str = "ports.json";
const NODES: usize = 3;
/// Where the first takes requests if nobody says, as a single server does. The others take the next ports.
const PORT: u16 = 9_324;
/// From the port for requests to the one for other nodes.
const PEERS_ABOVE: u16 = 10;

/// One node's two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) http: SocketAddr,
    pub(super) peers: SocketAddr,
}

/// Those of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    pub(super) nodes: Vec<Place>,
}

impl Places {
    /// Those that the folder has, or chosen now. `listen`: where the first is to take requests from now on; port 0 is any three that are free.
    ///
    /// # Errors
    /// The address is not this machine's alone; the folder is a single server's, or cannot be written.
    pub(super) fn find(folder: &Path, listen: Option<SocketAddr>) -> anyhow::Result<Self> {
        if let Some(listen) = listen.filter(|listen| !listen.ip().is_loopback()) {
            bail!(
                "--listen {listen}: no key is asked for, so it takes an address that only this machine reaches, such as 127.0.0.1:9324"
            );
        }
        if folder.join("lock").exists() {
            bail!("{} is the data folder of a single server; choose another with --data-dir", folder.display());
        }
        let path = folder.join(FILE);
        let known: Option<Self> = match fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let places = match (known, listen) {
            (Some(known), None) => known,
            (known, listen) => Self::chosen(listen.unwrap_or_else(|| ([127, 0, 0, 1], PORT).into()), known)?,
        };
        fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        fs::write(&path, serde_json::to_vec_pretty(&places)?).with_context(|| format!("writing {}", path.display()))?;
        Ok(places)
    }

    /// Where nodes listen for each other does not change once they have met there.
    fn chosen(first: SocketAddr, known: Option<Self>) -> anyhow::Result<Self> {
        let peers = known.map(|known| known.nodes.into_iter().map(|place| place.peers).collect::<Vec<_>>());
        let (http, peers) = if first.port() == 0 {
            let free = free(first, 2 * NODES)?;
            let (http, others) = free.split_at(NODES);
            (http.to_vec(), peers.unwrap_or_else(|| others.to_vec()))
        } else {
            let above = |above: u16| {
                let addresses = (0..).take(NODES).map(|at| {
                    let port = first.port().checked_add(above + at);
                    port.map(|port| SocketAddr::new(first.ip(), port))
                });
                let addresses: Option<Vec<_>> = addresses.collect();
                addresses.with_context(|| format!("--listen {first}: leave room for the ports after it"))
            };
            (above(0)?, peers.map_or_else(|| above(PEERS_ABOVE), Ok)?)
        };
        let nodes = http.into_iter().zip(peers).map(|(http, peers)| Place { http, peers }).collect();
        Ok(Self { nodes })
    }
}

/// So many addresses that are free at the moment, all different.
fn free(like: SocketAddr, count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let bind = || TcpListener::bind((like.ip(), 0)).context("looking for free ports");
    let held: Vec<TcpListener> = (0..count).map(|_| bind()).collect::<anyhow::Result<_>>()?;
    held.iter().map(|held| held.local_addr().context("looking for free ports")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(places: &Places) -> Vec<(u16, u16)> {
        places.nodes.iter().map(|place| (place.http.port(), place.peers.port())).collect()
    }

    #[test]
    fn places_are_chosen_once_and_requests_may_move() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cluster");
        let first = Places::find(&folder, None).unwrap();
        assert_eq!(ports(&first), [(9_324, 9_334), (9_325, 9_335), (9_326, 9_336)]);
        let moved = Places::find(&folder, Some(([127, 0, 0, 1], 7_000).into())).unwrap();
        assert_eq!(ports(&moved), [(7_000, 9_334), (7_001, 9_335), (7_002, 9_336)]);
        assert_eq!(Places::find(&folder, None).unwrap(), moved);
    }

    #[test]
    fn ports_that_the_system_chooses_are_kept_too() {
        let home = tempfile::tempdir().unwrap();
        let any = Places::find(home.path(), Some(([127, 0, 0, 1], 0).into())).unwrap();
        let mut all: Vec<u16> = ports(&any).into_iter().flat_map(|(one, other)| [one, other]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2 * NODES);
        assert_eq!(Places::find(home.path(), None).unwrap(), any);
    }

    #[test]
    fn what_would_let_strangers_in_or_mix_data_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let error = |listen| Places::find(home.path(), listen).unwrap_err().to_string();
        assert!(error(Some(([0, 0, 0, 0], 9_324).into())).contains("only this machine"));
        assert!(error(Some(([127, 0, 0, 1], 65_535).into())).contains("leave room"));
        fs::write(home.path().join("lock"), "").unwrap();
        assert!(error(None).contains("--data-dir"));
    }
}
