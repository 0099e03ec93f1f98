//! Replicas compare what they hold: once in a while the leader asks each for its marks, and a difference is an alarm.
//!
//! One that is wrong while a majority agrees is told so by the leader, and gives up what it holds for the leader's state ([`super::repair`]). If the leader
//! itself is wrong, it hands over to one of the majority, which then tells it. Where no majority says who is right, people must.
//!
//! | question | bytes | answer |
//! |---|---|---|
//! | [`super::house::MARKS`] | none | marks: index and digest, 8 bytes each |
//! | [`super::house::HALTED`] | none | none, or the entry before which the node has halted, 8 bytes, and why |
//! | [`super::house::WRONG`] | index, and the digest that a majority has there | one byte |

use super::{
    house::{HALTED, MARKS, WRONG},
    level::Raising,
    node::{Cluster, can_spare},
    repair,
    verdict::{Judged, Verdict, judge},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use evenkeel_engine::Mark;
use evenkeel_log_raft::{NodeId, Status};
use evenkeel_peers::Asked;
use evenkeel_types::LogIndex;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// From one comparison to the next.
const EVERY: Duration = Duration::from_secs(1);
/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Marks that are read from one answer.
const MARKS_MAX: usize = 4_096;

/// What is read of why a node has halted, in bytes.
const WHY_MAX: usize = 4_096;

/// What the last comparisons found.
#[derive(Debug, Default)]
pub(super) struct Comparisons(Mutex<Found>);

/// As [`Comparisons`], at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// By node, while this node leads.
    pub(crate) judged: BTreeMap<NodeId, Judged>,
    /// Which others have halted, while this node leads.
    pub(crate) halted: BTreeMap<NodeId, HaltedAt>,
    /// Comparisons in which nodes differed, since the start.
    pub(crate) differences: u64,
}

/// Before which entry a node has halted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HaltedAt {
    pub(crate) entry: LogIndex,
    pub(crate) why: String,
}

impl Comparisons {
    pub(super) fn found(&self) -> Found {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in what was found, and says what is new about it.
    fn take(&self, judged: BTreeMap<NodeId, Judged>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.differences += u64::from(judged.values().any(|judged| judged.verdict != Verdict::Same));
        for (node, now) in &judged {
            let before = found.judged.get(node).map_or(Verdict::Same, |before| before.verdict);
            let Judged { at, verdict, digest } = *now;
            match verdict {
                _ if verdict == before => {}
                Verdict::Wrong => tracing::error!(
                    "ALARM: node {node} holds another state than a majority at entry {at}: its digest is {digest:016x}"
                ),
                Verdict::Unclear => tracing::error!(
                    "ALARM: node {node} holds another state than others at entry {at}, and no majority says who is right: its digest is {digest:016x}; \
                     docs/operations.md says what to do"
                ),
                Verdict::Right => tracing::info!("node {node} holds what a majority holds at entry {at}"),
                Verdict::Same => tracing::info!("node {node} holds what the others hold again, at entry {at}"),
            }
        }
        found.judged = judged;
    }

    /// Takes in which others have halted, and says what is new about it.
    fn take_halted(&self, halted: BTreeMap<NodeId, HaltedAt>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, HaltedAt { entry, why }) in &halted {
            if found.halted.get(node).is_none_or(|before| before.entry != *entry) {
                tracing::error!("ALARM: node {node} has halted before entry {entry}: {why}");
            }
        }
        found.halted = halted;
    }

    fn leads_no_more(&self) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.judged.clear();
        found.halted.clear();
    }
}

/// Compares until the log ends. On a thread of its own.
pub(super) fn start(cluster: Arc<Cluster>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("compare".into()).spawn(move || {
        runtime.block_on(async {
            let mut raising = Raising::default();
            while let Some(status) = cluster.look() {
                if status.owns.is_some() {
                    compare(&cluster, &status).await;
                    raising.look(&cluster, &status).await;
                } else {
                    cluster.comparisons.leads_no_more();
                }
                repair::retire(&cluster).await;
                sleep(EVERY).await;
            }
        });
    })?;
    Ok(())
}

async fn compare(cluster: &Cluster, status: &Status) {
    let Some(peers) = cluster.peers() else { return };
    let (mut told, mut halted) = (BTreeMap::from([(cluster.id, cluster.marks())]), BTreeMap::new());
    for peer in status.peers.iter().filter(|peer| peer.is_there) {
        let answered = timeout(ANSWER_MAX, peers.ask(peer.node, Bytes::from_static(&[MARKS]))).await;
        if let Ok(Ok(answered)) = answered {
            told.insert(peer.node, decode(answered.answer));
        }
        let answered = timeout(ANSWER_MAX, peers.ask(peer.node, Bytes::from_static(&[HALTED]))).await;
        if let Ok(Ok(answered)) = answered
            && let Some(at) = decode_halted(answered.answer)
        {
            halted.insert(peer.node, at);
        }
    }
    cluster.comparisons.take_halted(halted);
    if let Some(halt) = cluster.halt() {
        let got_past = |(_, marks): &(&NodeId, &Vec<Mark>)| marks.last().is_some_and(|mark| mark.index >= halt.entry);
        let votes = |(node, _): &(&NodeId, &Vec<Mark>)| status.members.voters.contains(node);
        if let (Some((&other, _)), Some(inbox)) = (told.iter().filter(votes).find(got_past), cluster.inbox()) {
            tracing::error!("node {other} could apply entry {}, so this one must not lead: handing over", halt.entry);
            // Tried again with the next comparison.
            _ = inbox.hand_over(other);
            return;
        }
    }
    let judged = judge(&told, &status.members.voters);
    cluster.comparisons.take(judged.clone());
    let with = |wanted| move |(_, judged): &(&NodeId, &Judged)| judged.verdict == wanted;
    if judged.get(&cluster.id).is_some_and(|judged| judged.verdict == Verdict::Wrong) {
        if let (Some((&right, _)), Some(inbox)) = (judged.iter().find(with(Verdict::Right)), cluster.inbox()) {
            tracing::error!("this node's state is wrong, so it must not lead: handing over to node {right}");
            // Tried again with the next comparison.
            _ = inbox.hand_over(right);
        }
        return;
    }
    let to_repair = judged.iter().filter(with(Verdict::Wrong)).filter(|(node, _)| can_spare(status, **node));
    for (&node, at_fault) in to_repair {
        let right = judged.values().find(|judged| judged.verdict == Verdict::Right && judged.at == at_fault.at);
        if let Some(right) = right {
            let mut question = BytesMut::new();
            question.put_u8(WRONG);
            put(&mut question, Mark { index: right.at, digest: right.digest });
            // If it does not hear it, it will be compared again.
            _ = timeout(ANSWER_MAX, peers.ask(node, question.freeze())).await;
        }
    }
}

/// The leader asks for marks.
pub(super) fn asked(cluster: &Cluster, asked: Asked) {
    let mut answer = BytesMut::new();
    cluster.marks().into_iter().for_each(|mark| put(&mut answer, mark));
    asked.reply.send(answer.freeze());
}

/// The leader asks whether this node has halted.
pub(super) fn asked_halted(cluster: &Cluster, asked: Asked) {
    let halt = cluster.halt().map(|halt| HaltedAt { entry: halt.entry, why: halt.why });
    asked.reply.send(halt.as_ref().map(encode_halted).unwrap_or_default());
}

fn encode_halted(at: &HaltedAt) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u64_le(at.entry.0);
    bytes.extend_from_slice(at.why.as_bytes());
    bytes.freeze()
}

/// `None` if it has not, or does not know the question.
fn decode_halted(mut answer: Bytes) -> Option<HaltedAt> {
    let entry = LogIndex(answer.try_get_u64_le().ok()?);
    answer.truncate(WHY_MAX);
    Some(HaltedAt { entry, why: String::from_utf8_lossy(&answer).into_owned() })
}

/// The leader says that this node is wrong.
pub(super) fn told_wrong(cluster: &Arc<Cluster>, asked: Asked) {
    let right = decode(asked.request);
    if let Some(right) = right.first()
        && cluster.standing().borrow().leader == Some(asked.from)
        && let Some(own) = cluster.marks().into_iter().find(|own| own.index == right.index)
        && own.digest != right.digest
    {
        cluster.is_damaged(format!(
            "the state at entry {} has the digest {:016x} here, and {:016x} on a majority of the nodes",
            own.index, own.digest, right.digest
        ));
    }
    asked.reply.send(Bytes::from_static(&[0]));
}

fn put(bytes: &mut BytesMut, mark: Mark) {
    bytes.put_u64_le(mark.index.0);
    bytes.put_u64_le(mark.digest);
}

fn decode(mut bytes: Bytes) -> Vec<Mark> {
    let marks = std::iter::from_fn(|| {
        let (index, digest) = (bytes.try_get_u64_le().ok()?, bytes.try_get_u64_le().ok()?);
        Some(Mark { index: LogIndex(index), digest })
    });
    marks.take(MARKS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict) -> BTreeMap<NodeId, Judged> {
        BTreeMap::from([(NodeId(2), Judged { at: LogIndex(64), verdict, digest: 1 })])
    }

    #[test]
    fn marks_come_out_as_they_went_in() {
        let marks = [Mark { index: LogIndex(64), digest: u64::MAX }, Mark { index: LogIndex(70), digest: 3 }];
        let mut bytes = BytesMut::new();
        marks.into_iter().for_each(|mark| put(&mut bytes, mark));
        assert_eq!(decode(bytes.clone().freeze()), marks);
        assert_eq!(decode(bytes.freeze().slice(..31)), marks[..1]);
        assert_eq!(decode(vec![7; 16 * 5_000].into()).len(), MARKS_MAX);
    }

    #[test]
    fn where_a_node_has_halted_comes_out_as_it_went_in() {
        let at = HaltedAt { entry: LogIndex(7), why: "no such command".into() };
        assert_eq!(decode_halted(encode_halted(&at)), Some(at));
        assert_eq!(decode_halted(Bytes::new()), None);
        let long = HaltedAt { entry: LogIndex(7), why: "y".repeat(WHY_MAX + 1) };
        assert_eq!(decode_halted(encode_halted(&long)).unwrap().why.len(), WHY_MAX);
    }

    #[test]
    fn differences_are_counted_and_the_last_word_counts() {
        let comparisons = Comparisons::default();
        comparisons.take(judged(Verdict::Same));
        assert_eq!(comparisons.found().differences, 0);
        comparisons.take(judged(Verdict::Wrong));
        comparisons.take(judged(Verdict::Wrong));
        assert_eq!(comparisons.found().differences, 2);
        comparisons.take(judged(Verdict::Same));
        let found = comparisons.found();
        assert_eq!((found.differences, found.judged), (2, judged(Verdict::Same)));
        comparisons.leads_no_more();
        assert!(comparisons.found().judged.is_empty());
    }
}
