//! What other nodes say to this one.

use super::{book::Place, compare, join, level, node::Cluster, offer, repair};
use evenkeel_log_raft::{Message, NodeId};
use evenkeel_peers::{Asked, House, Joining};
use std::sync::Arc;

/// What a question begins with.
pub(super) const REQUEST: u8 = 1;
pub(super) const JOIN: u8 = 2;
pub(super) const SNAPSHOT: u8 = 3;
pub(super) const MARKS: u8 = 4;
pub(super) const WRONG: u8 = 5;
pub(super) const REPLACE: u8 = 6;
pub(super) const RETIRE: u8 = 7;
pub(super) const HALTED: u8 = 8;
pub(super) const LEVEL: u8 = 9;

/// Takes what others say.
pub(super) struct Doorkeeper(pub(super) Arc<Cluster>);

impl House for Doorkeeper {
    fn admits(&self, node: NodeId) -> bool {
        // Of those that it cannot know yet, the certificate is all there is.
        self.0.may_be_member(node)
    }

    fn message(&self, message: Message) {
        if let Some(inbox) = self.0.inbox() {
            inbox.give(message);
        }
    }

    fn note(&self, _: NodeId, note: bytes::Bytes) {
        if let Ok(places) = serde_json::from_slice::<Vec<Place>>(&note) {
            // Of itself this node knows more, and one that has left is not to come back by hearsay.
            let news = places.into_iter().filter(|place| {
                let node = NodeId(place.node);
                node != self.0.id && self.0.may_be_member(node)
            });
            self.0.book().learn(news);
        }
    }

    fn ask(&self, mut asked: Asked) {
        if asked.request.is_empty() {
            return;
        }
        let kind = asked.request.split_to(1);
        match kind.first() {
            Some(&REQUEST) => self.0.hand_out(asked),
            Some(&SNAPSHOT) => offer::asked(&self.0, asked),
            Some(&JOIN) => join::passed_on(&self.0, asked),
            Some(&MARKS) => compare::asked(&self.0, asked),
            Some(&HALTED) => compare::asked_halted(&self.0, asked),
            Some(&WRONG) => compare::told_wrong(&self.0, asked),
            Some(&REPLACE) => repair::asked(&self.0, asked),
            Some(&RETIRE) => repair::retire_asked(&self.0, asked),
            Some(&LEVEL) => level::asked(asked),
            // Of a newer version. Its connection waits for nothing else.
            _ => asked.reply.send(bytes::Bytes::new()),
        }
    }

    fn join(&self, joining: Joining) {
        join::asked(&self.0, joining);
    }
}
