//! Who looks, and what they may see.

use crate::session::Token;
use evenkeel_access::Known;
use evenkeel_types::AccountId;
use std::sync::Arc;

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) known: Arc<Known>,
    /// What forms must carry; `None` where no key is asked for, and nobody can sign out.
    pub(crate) form_token: Option<Token>,
}

impl Who {
    /// Where no key is asked for.
    pub(crate) fn anybody(root: &Arc<Known>) -> Self {
        Self { known: Arc::clone(root), form_token: None }
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
        self.may_look() && self.account().is_none_or(|own| own == account) && self.known.rights.allow_queue(queue)
    }

    /// Whether it may read what is in the jobs that it may see.
    pub(crate) fn may_read(&self) -> bool {
        self.known.rights.allow_action("sqs:ReceiveMessage")
    }
}
