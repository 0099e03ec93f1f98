//! What a console that belongs to one node of a cluster is told of all of them.

/// The nodes, as one of them knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Which tells.
    pub told_by: u64,
    /// Which leads, if that is known.
    pub leader: Option<u64>,
    /// The term: how often there was an election, and more.
    pub term: u64,
    /// The last entry of the log that a majority has.
    pub committed: u64,
    /// How often replicas were found to differ since this one started.
    pub differences: u64,
    /// Each of them, by its number.
    pub nodes: Vec<Node>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub role: Role,
    /// Whether it is heard; `None` if that is not known, as of others by one that does not lead.
    pub is_there: Option<bool>,
    /// The last entry of the log that it has, if that is known.
    pub last: Option<u64>,
    /// Before which entry it has halted, if it has, as far as this one knows.
    pub halted: Option<HaltedBefore>,
    /// Whether it is too far behind for entries, and gets a whole state; `None` if that is not known.
    pub needs_state: Option<bool>,
    /// What its state was compared with that of others; `None` if it was not, or not as far as this one knows.
    pub compared: Option<Compared>,
    /// Where it takes requests.
    pub http: Option<String>,
    /// Where other nodes find it.
    pub peers: Option<String>,
}

/// What a comparison of replicas said of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// In a word.
    pub word: &'static str,
    /// It holds something else than a majority does, or nobody can say who is right.
    pub is_bad: bool,
    /// At which entry.
    pub at: u64,
    /// Its digest there.
    pub digest: u64,
}

/// An entry that a node cannot apply, so that it stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltedBefore {
    /// Which.
    pub entry: u64,
    /// Why not.
    pub why: String,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It leads.
    Leader,
    /// It has a vote.
    Voter,
    /// It has none yet.
    Learner,
}

impl Role {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Voter => "voter",
            Self::Learner => "learner",
        }
    }
}

impl Nodes {
    /// Those that should be there and are not.
    pub(crate) fn gone(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_there == Some(false)).count()
    }

    /// The first that has halted, and where.
    pub(crate) fn halted(&self) -> Option<(u64, &HaltedBefore)> {
        self.nodes.iter().find_map(|node| Some((node.number, node.halted.as_ref()?)))
    }

    /// Those that have a vote.
    pub(crate) fn voters(&self) -> usize {
        self.nodes.iter().filter(|node| node.role != Role::Learner).count()
    }
}
