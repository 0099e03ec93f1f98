//! Whether a call is let in: by the rights of its access key, and by the policy of the queue that it is about.
//!
//! 1. A key's rights bound what it does; no policy gives it more.
//! 2. Within the queue's account all else is let in that the policy does not deny.
//! 3. A key of another account is let in to what the policy allows; what is the owner's alone no policy can allow. Whether there is a
//!    queue is not told to those who are not let in.
//! 4. The root key is always let in to what takes a policy back, whosever the queue is: nobody can lock everybody out.
//!
//! Amazon SQS Developer Guide, "Using custom policies with the Amazon SQS Access Policy Language"; IAM User Guide, "Policy
//! evaluation logic".

use crate::{actions::Call, arn, caller::Caller, error::SqsError, queue_url::Queue, text::echo};
use evenkeel_access::Signer;
use evenkeel_policy::{Verdict, is_owners, without_batch};
use std::borrow::Cow;

/// What takes a policy back, and shows what it was.
const RESCUES: [&str; 3] = ["GetQueueAttributes", "SetQueueAttributes", "RemovePermission"];

impl Caller<'_> {
    /// Whether the key is for that action at all; for which queues is asked when the queue is known.
    pub(crate) fn may_do(&self, action: &str) -> Result<(), SqsError> {
        if self.rights.is_all() || self.rights.allow_action(&format!("sqs:{action}")) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to perform sqs:{action}: the access key is not for it.",
            self.sender_id, self.account
        )))
    }

    /// Whether the key is for a queue of that name.
    pub(crate) fn may_use(&self, name: &str) -> Result<(), SqsError> {
        if self.rights.allow_queue(name) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to use the queue {name}: the access key is not for it.",
            self.sender_id, self.account
        )))
    }

    /// Whether the key is for all queues whose names begin so.
    pub(crate) fn may_list(&self, prefix: &str) -> Result<(), SqsError> {
        if self.rights.allow_queue(prefix) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to list these queues: the access key is for some queues only, so give a \
             QueueNamePrefix that is within what it is for.",
            self.sender_id, self.account
        )))
    }

    /// The name by which policies call whoever signed.
    fn arn(&self) -> String {
        let Self { account, sender_id, .. } = self;
        if self.is_root {
            format!("arn:aws:iam::{account}:root")
        } else {
            format!("arn:aws:iam::{account}:user/{sender_id}")
        }
    }
}

impl<'a> Call<'a> {
    /// The queue that `QueueUrl` names, if the caller may do this with it.
    pub(crate) fn queue<'q>(&self, url: Option<&'q str>) -> Result<Queue<'q>, SqsError> {
        let queue = Queue::of_url(url, self.caller.account)?;
        self.check(queue, || url.unwrap_or_default().to_owned())?;
        Ok(queue)
    }

    /// Whether the caller may do this with a queue of its own account.
    pub(crate) fn may_use(&self, name: &str) -> Result<(), SqsError> {
        let queue = Queue { account: self.caller.account, name };
        self.check(queue, || arn::of(&self.door.region, queue.account, name))
    }

    /// Whether the caller may do this with a queue, which it called so.
    pub(crate) fn check(&self, queue: Queue<'_>, called: impl Fn() -> String) -> Result<(), SqsError> {
        self.check_as(self.action.name(), queue, called)
    }

    /// Whether the caller may do something else with a queue, which this call does on the way.
    pub(crate) fn check_as(&self, action: &str, queue: Queue<'_>, called: impl Fn() -> String) -> Result<(), SqsError> {
        let caller = self.caller;
        caller.may_use(queue.name)?;
        let signer = Signer {
            account: caller.account,
            user: (!caller.is_root).then_some(caller.sender_id),
            source_ip: self.head.peer,
            is_secure: self.head.tls,
            now: self.head.now,
        };
        let verdict = self.door.policies.verdict(&signer, format_args!("sqs:{action}"), queue.key());
        let is_owner = queue.account == caller.account;
        if caller.is_root && RESCUES.contains(&action) {
            return Ok(());
        }
        // To others the reason would tell that there is a queue.
        if verdict == Verdict::Denied && is_owner {
            return Err(SqsError::AccessDenied(format!(
                "User: {} is not authorized to perform: sqs:{} on resource: {} with an explicit deny in a resource-based policy",
                caller.arn(),
                without_batch(action),
                arn::of(&self.door.region, queue.account, queue.name),
            )));
        }
        if verdict.lets_in(is_owner) && (is_owner || !is_owners(action)) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!("Access to the resource {} is denied.", echo(&called()))))
    }

    /// The sender as receivers see it. Another account's key might have the name of one of the queue's own account.
    pub(crate) fn sender(&self, queue: Queue<'_>) -> Cow<'a, str> {
        let Caller { account, sender_id, .. } = *self.caller;
        if account == queue.account { sender_id.into() } else { format!("{account}:{sender_id}").into() }
    }
}
