//! A follower's side of a snapshot: fetched from the leader while this node goes on, and installed between two lives of its engine.
//!
//! 1. What came is in the data folder and is gone on with, also after a restart, as long as the leader offers the same.
//! 2. When all is here, that is written down ([`Incoming`]), and the node starts again by itself: the engine ends, the state is put in the
//!    place of what was there ([`Cluster::install`]), and the log is opened to go on behind it ([`Cluster::installed`]).
//! 3. A crash at any moment leaves the old state or the new one; the next start goes on.

use super::{
    folder::{Incoming, Membership},
    node::Cluster,
    offer::question,
};
use anyhow::Context;
use bytes::Bytes;
use evenkeel_disk::RealDisk;
use evenkeel_log_raft::{Members, NodeId, Offer};
use evenkeel_snapshot::{Installed, Manifest, Position, ReceiveError, Receiver};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    path::Path,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

/// The most that is fetched in a second, in bytes: so that the leader serves others meanwhile.
const PACE_BYTES: u64 = 64 * 1024 * 1024;
/// How long the leader may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// After a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Cluster {
    /// Fetches what the leader offers, if this node needs it and does not do so already.
    pub(super) fn fetch_wanted(self: &Arc<Self>) {
        let Some(offer) = self.inbox().and_then(evenkeel_log_raft::Inbox::wanted_snapshot) else { return };
        if self.is_fetching.swap(true, Ordering::SeqCst) {
            return;
        }
        let cluster = Arc::clone(self);
        let fetch = move || match cluster.fetch(&offer) {
            // From now on it only waits for its end.
            Ok(true) => cluster.start_again(),
            Ok(false) => cluster.is_fetching.store(false, Ordering::SeqCst),
            Err(error) => {
                tracing::warn!("the leader's state does not come: {error:#}; trying again");
                std::thread::sleep(AGAIN_AFTER);
                cluster.is_fetching.store(false, Ordering::SeqCst);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("fetch".into()).spawn(fetch) {
            tracing::error!("the leader's state cannot be fetched: {error}");
            self.is_fetching.store(false, Ordering::SeqCst);
        }
    }

    /// `false` if the leader has it no more.
    fn fetch(&self, offer: &Offer) -> anyhow::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ask = |position: Option<Position>| -> anyhow::Result<Bytes> {
            let peers = self.peers().context("the node is starting")?;
            let asked = peers.ask(offer.from, question(offer.at, offer.epoch, position));
            let answered = runtime.block_on(async { tokio::time::timeout(ANSWER_MAX, asked).await });
            Ok(answered.context("no answer in time")??.answer)
        };
        let manifest = ask(None)?;
        if manifest.is_empty() {
            return Ok(false);
        }
        let manifest = Manifest::decode(&manifest)?;
        let mut receiver = Receiver::open(RealDisk, &self.folder, &manifest, &evenkeel_snapshot::Options::default())?;
        let (began, mut bytes) = (Instant::now(), 0);
        tracing::info!(
            "fetching the state at entry {} from node {}, {} bytes and more",
            offer.at,
            offer.from,
            manifest.bytes()
        );
        while receiver.have() != manifest.end() {
            let chunk = ask(Some(receiver.have()))?;
            if chunk.is_empty() {
                return Ok(false);
            }
            receiver.write(&chunk)?;
            bytes += chunk.len() as u64;
            let due = Duration::from_micros(bytes.saturating_mul(1_000_000) / PACE_BYTES);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        self.comes(Some(Incoming::of(offer)))?;
        *self.received.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
        tracing::info!("the state has come, {bytes} bytes in {:?}; starting again from it", began.elapsed());
        Ok(true)
    }

    /// After all threads have ended: puts the state that came in the place of what is in the folder. `true` if there is one, to be started from.
    pub(crate) fn install(&self) -> anyhow::Result<bool> {
        let Some(mut receiver) = self.received.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(false);
        };
        self.offers_nothing();
        match receiver.finish() {
            Ok(Installed { index, .. }) => tracing::info!("the state at entry {index} is in its place"),
            Err(error @ ReceiveError::NotNewer { .. }) => {
                tracing::info!("{error}");
                drop(receiver);
                Receiver::discard(RealDisk, &self.folder)?;
            }
            Err(error) => return Err(error).context("installing the leader's state"),
        }
        Ok(true)
    }

    /// The log goes on behind the state that came: the folder is like any other from now on.
    pub(crate) fn installed(&self) -> anyhow::Result<()> {
        evenkeel_snapshot::log_was_reset(&RealDisk, &self.folder)?;
        self.comes(None)
    }
}

impl Incoming {
    fn of(offer: &Offer) -> Self {
        let numbers = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
        let Members { voters, learners, voters_before, learners_next, leaves_by_itself } = &offer.members;
        Self {
            from: offer.from.0,
            at: offer.at.0,
            epoch: offer.epoch.0,
            voters: numbers(voters),
            learners: numbers(learners),
            voters_before: numbers(voters_before),
            learners_next: numbers(learners_next),
            leaves_by_itself: *leaves_by_itself,
        }
    }

    /// What the leader offered.
    pub(super) fn offer(&self) -> Offer {
        let nodes = |numbers: &[u64]| numbers.iter().copied().map(NodeId).collect();
        let members = Members {
            voters: nodes(&self.voters),
            learners: nodes(&self.learners),
            voters_before: nodes(&self.voters_before),
            learners_next: nodes(&self.learners_next),
            leaves_by_itself: self.leaves_by_itself,
        };
        Offer { from: NodeId(self.from), at: LogIndex(self.at), epoch: Epoch(self.epoch), members }
    }
}

/// Finishes what an earlier life of this folder had begun, before anything in it is opened.
pub(crate) fn settle(folder: &Path) -> anyhow::Result<()> {
    let mut membership = Membership::read(folder)?;
    if membership.incoming.is_none() || evenkeel_snapshot::settle(&RealDisk, folder)?.is_some() {
        return Ok(());
    }
    // It ended before the state was in its place, or after its log was opened. What came is gone on with.
    membership.incoming = None;
    membership.write(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_is_written_down_as_it_was() {
        let offer = Offer {
            from: NodeId(3),
            at: LogIndex(70),
            epoch: Epoch(6),
            members: Members {
                voters: vec![NodeId(1), NodeId(3)],
                learners: vec![NodeId(60)],
                voters_before: vec![NodeId(2)],
                learners_next: vec![NodeId(4)],
                leaves_by_itself: true,
            },
        };
        let text = serde_json::to_string(&Incoming::of(&offer)).unwrap();
        assert_eq!(serde_json::from_str::<Incoming>(&text).unwrap().offer(), offer);
    }
}
