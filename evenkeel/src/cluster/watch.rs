//! Looks how the log stands, tells the rest of the node, and gives learners a vote once they have caught up.

use super::{
    given::Strangers,
    node::{Cluster, Standing},
    tokens,
};
use evenkeel_log_raft::{Change, Status};
use std::{
    io,
    sync::{Arc, TryLockError},
    time::{Duration, Instant},
};

/// Between two looks: what a request may wait longer than needed after a change of leader. A look costs some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How far behind a learner may be that is given a vote, in entries.
pub(super) const NEARLY: u64 = 16;

/// Starts the thread. It ends with the log.
pub(super) fn start(cluster: Arc<Cluster>) -> io::Result<()> {
    std::thread::Builder::new().name("cluster".into()).spawn(move || {
        let (mut places, mut strangers) = (None, Strangers::default());
        while let Some(status) = cluster.look() {
            look(&cluster, &status);
            let_in(&cluster, &status, &mut strangers);
            cluster.offer(&status);
            cluster.fetch_wanted();
            let now = cluster.book().places();
            if places.as_ref() != Some(&now) {
                spread(&cluster, &now);
                places = Some(now);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    })?;
    Ok(())
}

fn look(cluster: &Cluster, status: &Status) {
    cluster.knows_committed(status.committed);
    let (leader, leads) = (status.leader, status.owns.is_some());
    let standing = Standing { leader, leads, members: status.members.clone() };
    let before = cluster.standing().borrow().clone();
    if cluster.stands(standing) {
        match leader {
            _ if leads && !before.leads => tracing::info!("this node leads, term {}", status.term),
            Some(leader) if before.leader != Some(leader) && leader != status.node => {
                tracing::info!("node {leader} leads, term {}", status.term);
            }
            None if before.leader.is_some() => tracing::warn!("no node leads, term {}", status.term),
            _ => {}
        }
        if before.members != status.members {
            cluster.book().retain(|node| cluster.may_be_member(node));
            connect(cluster);
        }
    }
    if leads {
        promote(cluster, status);
    }
}

/// Gives a vote to a learner that has caught up. One at a time; what is refused is tried again.
fn promote(cluster: &Cluster, status: &Status) {
    let caught_up = |peer: &&evenkeel_log_raft::Peer| {
        status.members.learners.contains(&peer.node)
            && peer.is_there
            && !peer.needs_snapshot
            && peer.matched.0 > 0
            && peer.matched.0 + NEARLY >= status.last.0
    };
    if let (Some(peer), Some(inbox)) = (status.peers.iter().find(caught_up), cluster.inbox())
        && inbox.change_members(Change::Promote(peer.node)).is_ok()
    {
        tracing::info!("node {} has caught up and gets a vote", peer.node);
    }
}

/// Looks after those that were let in: one that has come needs its token no more, and one that never comes is removed.
fn let_in(cluster: &Cluster, status: &Status, strangers: &mut Strangers) {
    // Looked at again, if somebody is just being let in.
    let mut given = match cluster.letting_in.try_lock() {
        Ok(given) => given,
        Err(TryLockError::Poisoned(given)) => given.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    let (Some(line), Some(inbox)) = (cluster.line.get(), cluster.inbox()) else { return };
    for token in given.arrived(status) {
        tokens::is_done_with(line, &token);
    }
    let left_over = strangers.left_over(status, &cluster.book(), Instant::now());
    if let Some(node) = left_over {
        // Under the lock: nobody is given that number meanwhile.
        given.forget(node);
        if inbox.change_members(Change::Remove(node)).is_ok() {
            tracing::warn!("node {node} was let in and never came; it is removed");
        }
    }
}

/// Where nodes are has changed: tells all, connects, and writes it down.
fn spread(cluster: &Cluster, places: &[super::book::Place]) {
    if let (Some(peers), Ok(note)) = (cluster.peers(), serde_json::to_vec(places)) {
        peers.say(note.into());
    }
    connect(cluster);
    if let Err(error) = cluster.keep() {
        tracing::error!("{error:#}; where the nodes are is known until the next start only");
    }
}

fn connect(cluster: &Cluster) {
    // A member that this node cannot know yet may lead.
    let addresses = cluster.book().addresses(|node| cluster.may_be_member(node));
    if let Some(peers) = cluster.peers() {
        peers.are_at(&addresses);
    }
}
