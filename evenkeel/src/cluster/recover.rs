//! A majority is lost for good: a node that is left becomes the only one of a new cluster, on its stopped folder.
//!
//! It gets an authority of its own, so that a node of the old cluster that comes back after all is a stranger to it: else two clusters could speak
//! as one. Its new authority is written before the vote file: cut off between the two, it elects nobody and hears nobody, and recovery is said again.

use super::{
    book::Place,
    folder::{FILE, Membership, is_member},
    init::lock,
};
use crate::identity;
use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_disk::{Disk, RealDisk};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{NodeId, Opened, Options, RaftLog, Start};
use evenkeel_peers::{Authority, ClusterId};
use evenkeel_types::LogIndex;
use std::path::{Path, PathBuf};

/// A stopped node's folder, held.
pub(crate) struct Left {
    folder: PathBuf,
    membership: Membership,
    log: LogId,
    applied: LogIndex,
    /// What its log holds.
    pub(crate) opened: Opened,
    _lock: <RealDisk as Disk>::Lock,
}

impl Left {
    /// Looks at a folder that no server holds, as a start would: an interrupted write at the log's end is cut off.
    ///
    /// # Errors
    /// It is no node's, in use, or damaged.
    pub(crate) fn look(folder: &Path) -> anyhow::Result<Self> {
        let disk = RealDisk;
        if !is_member(folder) {
            bail!("{} belongs to no cluster ({FILE} is not in it): a single node needs no recovery", folder.display());
        }
        let lock = lock(&disk, folder)?;
        super::settle(folder)?;
        let (membership, log) = (Membership::read(folder)?, identity::load(&disk, folder)?);
        if !membership.has_started {
            bail!("this node has never begun, and holds nothing");
        }
        let found = evenkeel_engine::find(disk, folder)?;
        if found.snapshot.is_some() {
            bail!(
                "a state of the old leader was just put in its place; start the node once, stop it, and say this again"
            );
        }
        let applied = found.start.machine.applied();
        drop(found);
        let mut left =
            Self { folder: folder.to_owned(), membership, log, applied, opened: Opened::default(), _lock: lock };
        left.opened = left.open(Start::Again)?;
        Ok(left)
    }

    fn open(&self, start: Start) -> anyhow::Result<Opened> {
        let options = Options::new(self.log, self.node(), start);
        let (_, _, _, opened) = RaftLog::open(RealDisk, &self.folder.join("log"), &options, self.applied)
            .context("opening this node's log")?;
        Ok(opened)
    }

    /// Its number.
    pub(crate) fn node(&self) -> NodeId {
        NodeId(self.membership.node)
    }

    /// Makes it the only node of a new cluster.
    ///
    /// # Errors
    /// The disk's. Say it again then.
    pub(crate) fn be_alone(mut self) -> anyhow::Result<()> {
        let authority = Authority::new(ClusterId(self.log.0))?;
        let node = self.membership.node;
        let is_own = |place: &Place| place.node == node;
        self.membership.authority = STANDARD.encode(authority.certificate());
        self.membership.authority_key = STANDARD.encode(authority.key());
        self.membership.nodes.retain(is_own);
        self.membership.instead_of.clear();
        self.membership.withheld = self.opened.segments.last.0;
        self.membership.write(&self.folder)?;
        self.open(Start::Alone)?;
        Ok(())
    }
}
