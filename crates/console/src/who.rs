//! Who looks, and what they may see.

use crate::{Console, Visit, session::Token};
use evenkeel_access::{Known, Looker, Policies};
use evenkeel_machine::command::QueueKey;
use evenkeel_types::{AccountId, WallTime};
use std::{net::IpAddr, sync::Arc};

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) known: Arc<Known>,
    /// What forms must carry; `None` where no key is asked for, and nobody can sign out.
    pub(crate) form_token: Option<Token>,
    /// There are nodes to be seen.
    pub(crate) sees_nodes: bool,
    policies: Arc<Policies>,
    peer: IpAddr,
    now: WallTime,
}

impl Who {
    pub(crate) fn new(console: &Console, visit: &Visit<'_>, known: Arc<Known>, form_token: Option<Token>) -> Self {
        let sees_nodes = known.is_root && console.has_nodes();
        Self {
            known,
            form_token,
            sees_nodes,
            policies: Arc::clone(&console.policies),
            peer: visit.peer,
            now: visit.now.wall,
        }
    }

    /// The account whose queues may be seen; `None` for all.
    pub(crate) fn account(&self) -> Option<AccountId> {
        (!self.known.is_root).then_some(self.known.account)
    }

    /// Whether it may look at queues at all.
    pub(crate) fn may_look(&self) -> bool {
        self.known.rights.allow_action("sqs:GetQueueAttributes")
    }

    /// Whether it may see that queue.
    pub(crate) fn may_see(&self, account: AccountId, queue: &str) -> bool {
        self.may("sqs:GetQueueAttributes", account, queue)
    }

    /// Whether it may read what is in the jobs of that queue.
    pub(crate) fn may_read(&self, account: AccountId, queue: &str) -> bool {
        self.may("sqs:ReceiveMessage", account, queue)
    }

    fn may(&self, action: &str, account: AccountId, name: &str) -> bool {
        let looker = Looker { known: &self.known, source_ip: self.peer, now: self.now };
        self.policies.may_look(&looker, action, QueueKey { account, name })
    }
}
