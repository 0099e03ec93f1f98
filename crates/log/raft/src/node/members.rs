//! Changes of who keeps the log, and of who leads.

use super::Node;
use crate::{
    limits::MEMBERS_MAX,
    members::{Change, ChangeError, NodeId},
};
use evenkeel_disk::Disk;
use evenkeel_types::LogIndex;
use raft::StateRole;
use raft_proto::eraftpb::ConfChangeV2;

impl<D: Disk> Node<D> {
    /// Proposes a change of one member. It has taken effect when [`super::Status::members`] shows it.
    ///
    /// # Errors
    /// Nothing was begun; [`ChangeError`] says why.
    pub fn change_members(&mut self, change: Change) -> Result<(), ChangeError> {
        self.may_lead()?;
        if self.core.raft.has_pending_conf() || !self.core.store().members.voters_before.is_empty() {
            return Err(ChangeError::UnderWay);
        }
        let members = &self.core.store().members;
        match change {
            Change::AddLearner(node) if members.contains(node) => return Err(ChangeError::NoChange(node)),
            Change::AddLearner(_) if members.voters.len() + members.learners.len() >= MEMBERS_MAX => {
                return Err(ChangeError::TooMany);
            }
            Change::AddLearner(_) => {}
            Change::Promote(node) if members.voters.contains(&node) => return Err(ChangeError::NoChange(node)),
            Change::Promote(node) if !members.contains(node) => return Err(ChangeError::NotAMember(node)),
            Change::Promote(node) if !self.has_caught_up(node) => return Err(ChangeError::Behind(node)),
            Change::Promote(_) => {}
            Change::Remove(node) if !members.contains(node) => return Err(ChangeError::NotAMember(node)),
            Change::Remove(node) if node == self.id => return Err(ChangeError::Leads(node)),
            Change::Remove(node) if members.voters == [node] => return Err(ChangeError::LastVoter),
            Change::Remove(_) => {}
        }
        let proposed = self.core.propose_conf_change(Vec::new(), ConfChangeV2::from(change));
        self.work();
        // As much as may be without a majority's word is, or the leader is about to hand over.
        proposed.map_err(|_| ChangeError::UnderWay)
    }

    /// Begins to hand over to another: it is brought up to date, and then campaigns at once. Until it has won, proposals wait; if it has not within
    /// an election time, this node goes on.
    ///
    /// # Errors
    /// Nothing was begun; [`ChangeError`] says why.
    pub fn hand_over(&mut self, to: NodeId) -> Result<(), ChangeError> {
        self.may_lead()?;
        if to == self.id {
            return Err(ChangeError::NoChange(to));
        }
        if !self.core.store().members.voters.contains(&to) {
            return Err(ChangeError::NotAMember(to));
        }
        // What was proposed before still is this node's affair.
        self.work();
        self.core.transfer_leader(to.0);
        self.work();
        Ok(())
    }

    fn may_lead(&self) -> Result<(), ChangeError> {
        let leads = self.core.raft.state == StateRole::Leader && self.announced.is_some();
        if leads && self.resetting.is_none() && !self.stopped { Ok(()) } else { Err(ChangeError::NotLeading) }
    }

    /// Whether it has all that is committed, or nearly.
    fn has_caught_up(&self, node: NodeId) -> bool {
        let committed = LogIndex(self.core.raft.raft_log.committed);
        let matched = self.core.raft.prs().get(node.0).map_or(0, |progress| progress.matched);
        // What came while the question was under way does not count.
        matched + 64 >= committed.0 && matched > 0
    }
}
