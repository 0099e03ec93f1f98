//! Tokens that a client is given to hand back: where a list goes on, and which move task is meant.
//!
//! They say what they mean and are sealed, so that nothing is remembered for them and nobody makes his own:
//!
//! ```text
//! kind u8 | what it says ... | tag 16 bytes      in URL-safe base64
//! ```
//!
//! The tag is SipHash-2-4-128 over kind, account, the scope (the prefix or the queue that was asked about) with its length, and
//! what it says. So a token is good for the very same question only.

use crate::ids::Ids;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evenkeel_types::AccountId;
use subtle::ConstantTimeEq;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The last queue of a page of queues; the scope is the prefix.
    Queues = 2,
    /// The last queue of a page of sources; the scope is their dead-letter queue.
    Sources = 3,
    /// A move task's number and source.
    Move = 4,
}

/// A token with what it says, in bytes: a number and a queue's name.
const TOKEN_BYTES_MAX: usize = 128;
const TAG_BYTES: usize = 16;

/// What a token is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) account: AccountId,
    pub(crate) name: &'a str,
}

impl Scope<'_> {
    /// A token that says this.
    pub(crate) fn seal(&self, ids: &Ids, says: &[u8]) -> String {
        let mut bytes = vec![self.purpose as u8];
        bytes.extend_from_slice(says);
        bytes.extend_from_slice(&self.tag(ids, says));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says; `None` if we never gave it out for this.
    pub(crate) fn open(&self, ids: &Ids, token: &str) -> Option<Vec<u8>> {
        if token.len() > TOKEN_BYTES_MAX * 2 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (says, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        let fits = *kind == self.purpose as u8 && bool::from(self.tag(ids, says).ct_eq(tag));
        fits.then(|| says.to_vec())
    }

    fn tag(&self, ids: &Ids, says: &[u8]) -> [u8; TAG_BYTES] {
        let length = u64::try_from(self.name.len()).unwrap_or(u64::MAX);
        let head = [&[self.purpose as u8][..], &self.account.number().to_be_bytes(), &length.to_be_bytes()].concat();
        ids.mac_of(&[&head, self.name.as_bytes(), says])
    }
}

/// The handle of a move task. It names its source, since nothing else comes with it.
pub(crate) fn move_handle(ids: &Ids, account: AccountId, source: &str, number: u64) -> String {
    let says = [&number.to_be_bytes()[..], source.as_bytes()].concat();
    Scope { purpose: Purpose::Move, account, name: "" }.seal(ids, &says)
}

/// Number and source of the move task of a handle.
pub(crate) fn move_of(ids: &Ids, account: AccountId, handle: &str) -> Option<(u64, String)> {
    let says = Scope { purpose: Purpose::Move, account, name: "" }.open(ids, handle)?;
    let (number, source) = says.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), String::from_utf8(source.to_vec()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: AccountId = AccountId::from_number(12).unwrap();

    #[test]
    fn a_token_is_good_for_its_own_question_only() {
        let ids = Ids::new(&[7; 32]);
        let scope = Scope { purpose: Purpose::Queues, account: ME, name: "jobs-" };
        let token = scope.seal(&ids, b"jobs-10");
        assert_eq!(scope.open(&ids, &token), Some(b"jobs-10".to_vec()));
        for other in [
            Scope { purpose: Purpose::Sources, ..scope },
            Scope { account: AccountId::default(), ..scope },
            Scope { name: "jobs", ..scope },
        ] {
            assert_eq!(other.open(&ids, &token), None, "{other:?}");
        }
        assert_eq!(scope.open(&Ids::new(&[8; 32]), &token), None);
        for wrong in ["", "x", "AAAA", &token[1..], &token.repeat(20)] {
            assert_eq!(scope.open(&ids, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_handle_of_a_move_says_which() {
        let ids = Ids::new(&[7; 32]);
        let handle = move_handle(&ids, ME, &"q".repeat(80), u64::MAX);
        assert_eq!(move_of(&ids, ME, &handle), Some((u64::MAX, "q".repeat(80))));
        assert_eq!(move_of(&ids, AccountId::default(), &handle), None);
    }
}
