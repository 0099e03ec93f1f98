//! Whether replicas hold the same, judged by the marks that each left at the same entries.

use evenkeel_engine::Mark;
use evenkeel_log_raft::NodeId;
use evenkeel_types::LogIndex;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one node's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The last entry at which it was compared.
    pub(crate) at: LogIndex,
    pub(crate) verdict: Verdict,
    /// Its digest there.
    pub(crate) digest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All that could be compared hold what it holds.
    Same,
    /// A majority of the voters holds what it holds, and another node something else.
    Right,
    /// A majority of the voters holds something else.
    Wrong,
    /// They differ, and no majority says who is right.
    Unclear,
}

impl Verdict {
    /// In a word, for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Unclear => "differs",
        }
    }
}

/// Judges each node by the last entry at which it and another have marks.
pub(super) fn judge(told: &BTreeMap<NodeId, Vec<Mark>>, voters: &[NodeId]) -> BTreeMap<NodeId, Judged> {
    let mut by_index: BTreeMap<LogIndex, BTreeMap<NodeId, u64>> = BTreeMap::new();
    for (&node, marks) in told {
        for mark in marks {
            by_index.entry(mark.index).or_default().insert(node, mark.digest);
        }
    }
    let mut judged = BTreeMap::new();
    for (&at, digests) in by_index.iter().rev().filter(|(_, digests)| digests.len() > 1) {
        for (&node, &digest) in digests {
            judged.entry(node).or_insert_with(|| Judged { at, verdict: of(digest, digests, voters), digest });
        }
    }
    judged
}

fn of(digest: u64, digests: &BTreeMap<NodeId, u64>, voters: &[NodeId]) -> Verdict {
    let distinct: BTreeSet<u64> = digests.values().copied().collect();
    if distinct.len() == 1 {
        return Verdict::Same;
    }
    let votes = |wanted: u64| digests.iter().filter(|(node, had)| voters.contains(node) && **had == wanted).count();
    match distinct.into_iter().find(|&candidate| 2 * votes(candidate) > voters.len()) {
        Some(right) if right == digest => Verdict::Right,
        Some(_) => Verdict::Wrong,
        None => Verdict::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(of: &[(u64, u64)]) -> Vec<Mark> {
        of.iter().map(|&(index, digest)| Mark { index: LogIndex(index), digest }).collect()
    }

    fn verdicts(told: &[&[(u64, u64)]], voters: u64) -> Vec<Option<(u64, Verdict)>> {
        let told: BTreeMap<_, _> = (1..).map(NodeId).zip(told.iter().map(|of| marks(of))).collect();
        let voters: Vec<_> = (1..=voters).map(NodeId).collect();
        let judged = judge(&told, &voters);
        told.keys().map(|node| judged.get(node).map(|judged| (judged.at.0, judged.verdict))).collect()
    }

    #[test]
    fn those_that_hold_the_same_are_compared_as_far_as_both_are() {
        use Verdict::Same;
        let told: [&[_]; 3] = [&[(64, 1), (128, 2), (140, 3)], &[(64, 1), (128, 2)], &[(64, 1)]];
        assert_eq!(verdicts(&told, 3), [Some((128, Same)), Some((128, Same)), Some((64, Same))]);
        assert_eq!(verdicts(&[&[(64, 1)], &[(65, 2)], &[]], 3), [None; 3]);
    }

    #[test]
    fn a_majority_says_who_is_wrong() {
        use Verdict::{Right, Wrong};
        let told: [&[_]; 3] = [&[(64, 1)], &[(64, 9)], &[(64, 1)]];
        assert_eq!(verdicts(&told, 3), [Some((64, Right)), Some((64, Wrong)), Some((64, Right))]);
    }

    #[test]
    fn two_that_differ_do_not_know_which_of_them_is_wrong() {
        use Verdict::{Right, Unclear, Wrong};
        assert_eq!(verdicts(&[&[(64, 1)], &[(64, 2)]], 3), [Some((64, Unclear)); 2]);
        // A learner has no say.
        assert_eq!(verdicts(&[&[(64, 1)], &[(64, 2)], &[(64, 2)]], 2), [Some((64, Unclear)); 3]);
        let alone: [&[_]; 2] = [&[(64, 1)], &[(64, 2)]];
        assert_eq!(verdicts(&alone, 1), [Some((64, Right)), Some((64, Wrong))]);
    }

    #[test]
    fn one_that_holds_the_same_again_is_judged_by_that() {
        let told: [&[_]; 2] = [&[(64, 1), (128, 5)], &[(64, 2), (128, 5)]];
        assert_eq!(verdicts(&told, 2), [Some((128, Verdict::Same)); 2]);
    }
}
