//! Message ids and receipt handles: derived from where a job lies and how it is leased, never stored.
//!
//! A message id is one AES-128 block, encrypted, so that ids do not show how many messages other accounts send, and we
//! can turn one back:
//!
//! ```text
//! index u64 | offset u32 | slot u32      big-endian; log entry and offset of the body, slot of the job
//! ```
//!
//! A receipt handle is 37 bytes in URL-safe base64 (50 characters, no padding):
//!
//! ```text
//! version u8 = 1 | queue u32 | its generation u32 | job u32 | its generation u32 | token u32 | tag 16 bytes   big-endian
//! ```
//!
//! Queue and job are slots, each with its generation. The tag is SipHash-2-4-128 over the 21 bytes before it, the account's number (u64) and the queue's name. So a handle
//! is good for the queue whose URL it is presented with and no other, and that costs no look-up. Both keys are derived from
//! the last 16 bytes of the log's secret; the first 16 key the machine's hash tables.

use crate::{caller::Caller, hex, queue_url::Queue};
use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evenkeel_engine::JobPlace;
use evenkeel_machine::command::{CallKey, Held};
use evenkeel_types::{BodyRef, JobId, LeaseToken, LogIndex, QueueId};
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;
use subtle::ConstantTimeEq;
use xxhash_rust::xxh3::xxh3_128;

/// The first byte of a handle.
const HANDLE_VERSION: u8 = 1;
const FIELDS_BYTES: usize = 21;
const TAG_BYTES: usize = 16;
const HANDLE_BYTES: usize = FIELDS_BYTES + TAG_BYTES;
const HANDLE_CHARS: usize = (HANDLE_BYTES * 4).div_ceil(3);

/// Makes and reads ids, under the keys of one log.
pub struct Ids {
    block: Aes128,
    mac: SipHasher24,
    calls: SipHasher24,
}

impl Ids {
    /// The ids of a log, by the secret that it began with.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let [_, master] = halves(secret);
        let master = Aes128::new(&master.into());
        // Distinct blocks under the master key give independent keys.
        let derive = |label: u8| {
            let mut key = [label; 16].into();
            master.encrypt_block(&mut key);
            <[u8; 16]>::from(key)
        };
        Self {
            block: Aes128::new(&derive(1).into()),
            mac: SipHasher24::new_with_key(&derive(2)),
            calls: SipHasher24::new_with_key(&derive(3)),
        }
    }

    /// What the repetitions of a call have in common and nothing else has: who calls, which action with the very same request, and
    /// the caller's own number for it. A client that uses one number for different requests harms nobody.
    pub(crate) fn call_key(&self, caller: &Caller<'_>, action: &str, invocation: &str, request: &[u8]) -> CallKey {
        let mut hasher = self.calls;
        hasher.write_u64(caller.account.number());
        for part in [caller.sender_id, action, invocation] {
            hasher.write_u64(part.len() as u64);
            hasher.write(part.as_bytes());
        }
        // Ten times as fast as SipHash; who makes two of his own requests collide has only himself to blame.
        hasher.write_u128(xxh3_128(request));
        let hash = hasher.finish128();
        CallKey([hash.h1, hash.h2])
    }

    /// The id of a job, the same at its sending and each of its receives: 36 characters, shaped like a UUID.
    pub(crate) fn message_id(&self, job: JobId, body: BodyRef) -> [u8; 36] {
        let number = u128::from(body.index.0) << 64 | u128::from(body.offset) << 32 | u128::from(job.slot);
        let mut block = number.to_be_bytes().into();
        self.block.encrypt_block(&mut block);
        let mut text = [b'-'; 36];
        let digits = <[u8; 16]>::from(block);
        let groups = [0..8, 9..13, 14..18, 19..23, 24..36];
        let places = groups.into_iter().flatten();
        for (place, digit) in places.zip(hex::encode(&digits)) {
            if let Some(to) = text.get_mut(place) {
                *to = digit;
            }
        }
        text
    }

    /// What a message id stands for, if it is shaped like one. One of another log gives a place that never was.
    #[must_use]
    pub fn message_place(&self, id: &str) -> Option<JobPlace> {
        let dashes = [8, 13, 18, 23];
        if id.len() != 36 || !dashes.iter().all(|&at| id.as_bytes().get(at) == Some(&b'-')) {
            return None;
        }
        let digits = id.bytes().enumerate().filter(|(at, _)| !dashes.contains(at));
        let number = digits
            .map(|(_, digit)| hex::value(digit))
            .try_fold(0u128, |number, digit| digit.map(|digit| number << 4 | u128::from(digit)))?;
        let mut block = number.to_be_bytes().into();
        self.block.decrypt_block(&mut block);
        let [index, rest] = halves(&<[u8; 16]>::from(block));
        let [offset, slot] = halves::<8, 4>(&rest);
        Some(JobPlace {
            index: LogIndex(u64::from_be_bytes(index)),
            offset: u32::from_be_bytes(offset),
            slot: u32::from_be_bytes(slot),
        })
    }

    /// The number that orders the messages of a FIFO queue's group: 20 digits, of the log entry and the place in it.
    pub(crate) fn sequence_number(body: BodyRef) -> String {
        // An entry has less than 2^24 bytes, and a log will not reach 2^40 entries.
        format!("{:020}", body.index.0 << 24 | u64::from(body.offset))
    }

    /// The handle of a lease.
    pub(crate) fn handle(&self, named: &Queue<'_>, queue: QueueId, held: Held) -> [u8; HANDLE_CHARS] {
        let mut bytes = [0; HANDLE_BYTES];
        let fields = [queue.slot, queue.generation, held.job.slot, held.job.generation, held.token.0];
        let (head, tag) = bytes.split_at_mut(FIELDS_BYTES);
        if let Some((version, rest)) = head.split_first_mut() {
            *version = HANDLE_VERSION;
            rest.chunks_exact_mut(4).zip(fields).for_each(|(to, field)| to.copy_from_slice(&field.to_be_bytes()));
        }
        tag.copy_from_slice(&self.tag(head, named));
        let mut text = [0; HANDLE_CHARS];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).expect("50 characters hold 37 bytes");
        text
    }

    /// The lease that a handle of this queue stands for; `None` if we never gave it out for this queue.
    pub(crate) fn held(&self, named: &Queue<'_>, handle: &str) -> Option<(QueueId, Held)> {
        let mut bytes = [0; HANDLE_BYTES];
        if handle.len() != HANDLE_CHARS || URL_SAFE_NO_PAD.decode_slice(handle, &mut bytes) != Ok(HANDLE_BYTES) {
            return None;
        }
        let (head, tag) = bytes.split_at(FIELDS_BYTES);
        let (version, rest) = head.split_first()?;
        if *version != HANDLE_VERSION || !bool::from(self.tag(head, named).ct_eq(tag)) {
            return None;
        }
        let mut fields = rest.chunks_exact(4).filter_map(|field| field.try_into().ok().map(u32::from_be_bytes));
        let queue = QueueId { slot: fields.next()?, generation: fields.next()? };
        let job = JobId { slot: fields.next()?, generation: fields.next()? };
        Some((queue, Held { job, token: LeaseToken(fields.next()?) }))
    }

    fn tag(&self, head: &[u8], named: &Queue<'_>) -> [u8; TAG_BYTES] {
        self.mac_of(&[head, &named.account.number().to_be_bytes(), named.name.as_bytes()])
    }

    /// A tag over these bytes, one behind the other.
    pub(crate) fn mac_of(&self, parts: &[&[u8]]) -> [u8; TAG_BYTES] {
        let mut mac = self.mac;
        parts.iter().for_each(|part| mac.write(part));
        mac.finish128().as_bytes()
    }
}

/// An array of even length as its two halves.
fn halves<const N: usize, const HALF: usize>(bytes: &[u8; N]) -> [[u8; HALF]; 2] {
    const { assert!(N == 2 * HALF) };
    let mut halves = [[0; HALF]; 2];
    halves.as_flattened_mut().copy_from_slice(bytes);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_types::AccountId;
    use proptest::prelude::*;

    fn ids() -> Ids {
        Ids::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()))
    }

    fn queue(name: &str) -> Queue<'_> {
        Queue { account: AccountId::default(), name }
    }

    /// Ids that clients hold must be read by later versions.
    #[test]
    fn the_bytes_of_ids_never_change() {
        let job = JobId { slot: 3, generation: 4 };
        let body = BodyRef { index: LogIndex(1), offset: 2, bytes: 99 };
        assert_eq!(std::str::from_utf8(&ids().message_id(job, body)), Ok("1743485a-86dc-c155-89d5-8cdadbbb490b"));
        let handle = ids().handle(&queue("q"), QueueId { slot: 7, generation: 6 }, Held { job, token: LeaseToken(5) });
        assert_eq!(std::str::from_utf8(&handle), Ok("AQAAAAcAAAAGAAAAAwAAAAQAAAAFt6Q7Y4Z6KXBKch6Nx1rtnw"));
    }

    #[test]
    fn only_the_last_half_of_the_secret_counts() {
        let mut other: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let id = |ids: &Ids| ids.message_id(JobId::default(), BodyRef::default());
        other[15] ^= 1;
        assert_eq!(id(&Ids::new(&other)), id(&ids()));
        other[31] ^= 1;
        assert_ne!(id(&Ids::new(&other)), id(&ids()));
    }

    #[test]
    fn a_handle_is_good_for_its_own_queue_only() {
        let held = Held { job: JobId { slot: 1, generation: 2 }, token: LeaseToken(3) };
        let handle = ids().handle(&queue("mine"), QueueId { slot: 1, generation: 0 }, held);
        let handle = std::str::from_utf8(&handle).unwrap();
        assert_eq!(ids().held(&queue("mine"), handle), Some((QueueId { slot: 1, generation: 0 }, held)));
        assert_eq!(ids().held(&queue("mine2"), handle), None);
        let other = Queue { account: AccountId::from_number(1).unwrap(), name: "mine" };
        assert_eq!(ids().held(&other, handle), None);
        assert_eq!(Ids::new(&[9; 32]).held(&queue("mine"), handle), None);
    }

    #[test]
    fn every_changed_character_spoils_a_handle() {
        let handle = ids().handle(
            &queue("q"),
            QueueId { slot: 1, generation: 0 },
            Held { job: JobId::default(), token: LeaseToken(1) },
        );
        for at in 0..handle.len() {
            let mut changed = handle;
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(ids().held(&queue("q"), std::str::from_utf8(&changed).unwrap()), None, "at {at}");
        }
    }

    proptest! {
        #[test]
        fn ids_come_back(index: u64, offset: u32, slot: u32) {
            let body = BodyRef { index: LogIndex(index), offset, bytes: 0 };
            let id = ids().message_id(JobId { slot, generation: 1 }, body);
            let place = ids().message_place(std::str::from_utf8(&id).unwrap());
            prop_assert_eq!(place, Some(JobPlace { index: LogIndex(index), offset, slot }));
        }

        #[test]
        fn handles_come_back(queue_slot: u32, queue_generation: u32, slot: u32, generation: u32, token: u32, name in "[a-z]{1,80}") {
            let held = Held { job: JobId { slot, generation }, token: LeaseToken(token) };
            let number = QueueId { slot: queue_slot, generation: queue_generation };
            let handle = ids().handle(&queue(&name), number, held);
            let read = ids().held(&queue(&name), std::str::from_utf8(&handle).unwrap());
            prop_assert_eq!(read, Some((number, held)));
        }

        #[test]
        fn no_text_is_a_handle_or_id_by_chance(text in "\\PC{0,60}|[A-Za-z0-9_-]{50}|[0-9a-f-]{36}") {
            prop_assert_eq!(ids().held(&queue("q"), &text), None);
            let _ = ids().message_place(&text);
        }
    }
}
