//! How a node's log is set up, and what its opener is told.

use crate::{
    members::{Members, NodeId},
    shared::Offer,
};
use evenkeel_log_local::{LogId, OpenReport};
use evenkeel_types::LogIndex;

/// How a node's log is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The log's own random name, the same on all nodes.
    pub log: LogId,
    /// This node's number.
    pub node: NodeId,
    /// Whether the node is new here.
    pub start: Start,
    /// The usual length of a segment. Takes effect for new ones.
    pub segment_bytes: u64,
    /// How much is written at once at most, unless a single entry is larger.
    pub group_bytes_max: u64,
    /// A snapshot whose state the caller holds durably, and has as its state: what [`crate::RaftLog::wanted_snapshot`] told of it. If the log was not told to
    /// go on after it before a crash, it does so now. Give it as long as that state is the one that is started from.
    pub restored: Option<Offer>,
    /// The last entry that followers must not be told, but as part of a state: after [`Start::Alone`] the last that there was, since a new node
    /// would take the members of before for its own. Give it at each start.
    pub withheld: LogIndex,
    /// Decides when this node campaigns, together with its number.
    pub seed: u64,
}

/// Whether a node is new here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was here before. If its vote file is gone, it does not start: it could vote twice in one term.
    Again,
    /// It was here before, and from now on it is the only member, whatever it knew: a majority is lost for good. All that its log holds counts as
    /// committed, and what only the lost ones had is lost. Those must never speak with this one again.
    Alone,
    /// It never was here. These were the members before the first entry: all nodes of a cluster are told the same. A folder that a single
    /// node's log left becomes the first node of a cluster, alone.
    New(Members),
}

impl Options {
    /// The usual set-up.
    #[must_use]
    pub fn new(log: LogId, node: NodeId, start: Start) -> Self {
        let usual = evenkeel_log_local::Options::new(log);
        let (segment_bytes, group_bytes_max) = (usual.segment_bytes, usual.group_bytes_max);
        Self { log, node, start, segment_bytes, group_bytes_max, restored: None, withheld: LogIndex::ZERO, seed: 0 }
    }

    pub(crate) fn of_segments(&self) -> evenkeel_log_local::Options {
        evenkeel_log_local::Options {
            segment_bytes: self.segment_bytes,
            group_bytes_max: self.group_bytes_max,
            ..evenkeel_log_local::Options::new(self.log)
        }
    }
}

/// What was found when a node's log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// In its segments.
    pub segments: OpenReport,
    /// How far all is known to be committed.
    pub committed: LogIndex,
    /// The highest term that it heard of.
    pub term: u64,
    /// Who the members are, as far as this node knows.
    pub members: Members,
    /// The vote file was made.
    pub is_new: bool,
    /// A snapshot that an earlier life had begun to install was finished.
    pub finished_snapshot: bool,
}
