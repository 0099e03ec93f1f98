//! Who may look at a queue, for those that show queues and jobs without being SQS: the live page, `peek`, `tail`.
//!
//! They are held to what holds for the SQS door: the rights of the access key, and what the queue's policy denies. They show a key the queues
//! of its own account only, whatever a policy allows to others; the root key sees all accounts where it is asked for.

use crate::{Known, Policies, Signer};
use evenkeel_machine::command::QueueKey;
use evenkeel_policy::Verdict;
use evenkeel_types::WallTime;
use std::net::IpAddr;

/// Who looks, from where, and when.
#[derive(Clone, Copy, Debug)]
pub struct Looker<'a> {
    /// With which key.
    pub known: &'a Known,
    /// From which address.
    pub source_ip: IpAddr,
    /// What the calendar says.
    pub now: WallTime,
}

impl Policies {
    /// Whether somebody may do that, such as `sqs:ReceiveMessage`, with a queue. The root key may always look at what a queue is like, so
    /// that nobody can hide one from it.
    #[must_use]
    pub fn may_look(&self, looker: &Looker<'_>, action: &str, queue: QueueKey<'_>) -> bool {
        let Looker { known, source_ip, now } = looker;
        if known.is_root && action == "sqs:GetQueueAttributes" {
            return true;
        }
        let is_its = known.is_root || known.account == queue.account;
        if !is_its || !known.rights.allow_action(action) || !known.rights.allow_queue(queue.name) {
            return false;
        }
        let signer = Signer {
            account: known.account,
            user: (!known.is_root).then_some(&*known.name),
            source_ip: Some(*source_ip),
            is_secure: false,
            now: *now,
        };
        self.verdict(&signer, action, queue) != Verdict::Denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Directory, Secret, Vault};
    use evenkeel_machine::{account::Key, queue::Papers};
    use evenkeel_types::AccountId;

    const LOOK: &str = "sqs:GetQueueAttributes";
    const READ: &str = "sqs:ReceiveMessage";

    /// A directory with the key `K` of `worker`, for the queues whose names begin with `mail`.
    fn directory() -> Directory {
        let directory = Directory::new(Vault::new(&[1; 32]), AccountId::default(), "root", "root secret");
        let mut key = Key::default();
        (key.id, key.name) = ("K".into(), "worker".into());
        key.sealed = directory.vault().seal("K", &Secret::new(b"s".to_vec())).unwrap().into();
        key.rights.queues = ["mail".into()].into();
        directory.set(0, Some(&key));
        directory
    }

    #[test]
    fn rights_accounts_and_denials_hold_for_who_looks() {
        let (directory, policies) = (directory(), Policies::new("Policy"));
        let own = |name| QueueKey { account: AccountId::default(), name };
        let other = QueueKey { account: AccountId::from_number(7).unwrap(), name: "mails" };
        let may = |id: &str, action: &str, queue| {
            let looker = Looker {
                known: &directory.get(id).unwrap(),
                source_ip: IpAddr::from([127, 0, 0, 1]),
                now: WallTime(0),
            };
            policies.may_look(&looker, action, queue)
        };
        assert!(may("K", LOOK, own("mails")) && may("K", READ, own("mails")));
        assert!(!may("K", LOOK, own("work")) && !may("K", LOOK, other));
        assert!(may("root", READ, own("work")) && may("root", READ, other));
        let deny = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"sqs:*"}}"#;
        let papers = Papers { notes: [("Policy".into(), deny.into())].into(), ..Papers::default() };
        policies.set(0, Some((own("mails"), &papers)));
        assert!(!may("K", LOOK, own("mails")) && !may("K", READ, own("mails")) && may("K", READ, own("mailbox")));
        assert!(may("root", LOOK, own("mails")) && !may("root", READ, own("mails")));
    }
}
