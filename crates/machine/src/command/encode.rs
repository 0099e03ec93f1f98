//! Commands to bytes.

use super::{
    CallKey, Command, Held, QueueKey,
    edit::{put_note, put_tags, put_texts},
};
use crate::{
    account,
    codec::{DecodeError, Plain, Reader, put_bytes},
};
use xxhash_rust::xxh3::xxh3_64;

/// Of the number of a call, encoded.
const CALL_KEY_BYTES: usize = 16;

/// The first byte of each command. A number once given keeps its meaning for ever.
pub(super) mod kind {
    pub(in crate::command) const BEGIN: u8 = 1;
    pub(in crate::command) const RAISE_FEATURE_LEVEL: u8 = 2;
    pub(in crate::command) const ONCE: u8 = 3;
    pub(in crate::command) const SKIP: u8 = 4;
    pub(in crate::command) const CREATE_QUEUE: u8 = 16;
    pub(in crate::command) const CONFIGURE_QUEUE: u8 = 17;
    pub(in crate::command) const CONFIGURE_GROUP: u8 = 18;
    pub(in crate::command) const PURGE_QUEUE: u8 = 19;
    pub(in crate::command) const DELETE_QUEUE: u8 = 20;
    pub(in crate::command) const TAG_QUEUE: u8 = 21;
    pub(in crate::command) const UNTAG_QUEUE: u8 = 22;
    pub(in crate::command) const START_MOVE: u8 = 23;
    pub(in crate::command) const CANCEL_MOVE: u8 = 24;
    pub(in crate::command) const REPLACE_NOTE: u8 = 25;
    pub(in crate::command) const ENQUEUE: u8 = 32;
    pub(in crate::command) const RECEIVE: u8 = 33;
    pub(in crate::command) const ACK: u8 = 34;
    pub(in crate::command) const CHANGE_LEASE: u8 = 35;
    pub(in crate::command) const CREATE_KEY: u8 = 48;
    pub(in crate::command) const ROTATE_KEY: u8 = 49;
    pub(in crate::command) const REVOKE_KEY: u8 = 50;

    /// Whether a command of that kind may be made once by a call. None holds another, so that none is deep.
    pub(in crate::command) fn is_change(kind: u8) -> bool {
        matches!(
            kind,
            CREATE_QUEUE
                | CONFIGURE_QUEUE
                | CONFIGURE_GROUP
                | PURGE_QUEUE
                | TAG_QUEUE
                | UNTAG_QUEUE
                | START_MOVE
                | CANCEL_MOVE
                | REPLACE_NOTE
        )
    }
}

/// The change within an encoded [`Command::Once`]; any other command as it is.
#[must_use]
pub fn without_once(command: &[u8]) -> &[u8] {
    match command.split_first() {
        Some((&kind::ONCE, rest)) => rest.get(CALL_KEY_BYTES..).unwrap_or_default(),
        _ => command,
    }
}

impl Command<'_> {
    /// Appends the command's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Begin(begin) => {
                kind::BEGIN.put(out);
                begin.feature_level.put(out);
                out.extend_from_slice(&begin.secret);
            }
            Self::RaiseFeatureLevel { level } => {
                kind::RAISE_FEATURE_LEVEL.put(out);
                level.put(out);
            }
            Self::Skip { entry } => {
                kind::SKIP.put(out);
                entry.put(out);
            }
            Self::Once { call, change } => {
                kind::ONCE.put(out);
                call.put(out);
                change.encode(out);
            }
            Self::CreateQueue { queue, settings, papers, tags } => {
                kind::CREATE_QUEUE.put(out);
                put_queue(*queue, out);
                settings.put(out);
                papers.put(out);
                put_tags(tags, out);
            }
            Self::ConfigureQueue { queue, edit } => {
                kind::CONFIGURE_QUEUE.put(out);
                put_queue(*queue, out);
                edit.put(out);
            }
            Self::ReplaceNote { queue, note, before, after } => {
                kind::REPLACE_NOTE.put(out);
                put_queue(*queue, out);
                put_bytes(note.as_bytes(), out);
                put_note(*before, out);
                put_note(*after, out);
            }
            Self::TagQueue { queue, tags } => {
                kind::TAG_QUEUE.put(out);
                put_queue(*queue, out);
                put_tags(tags, out);
            }
            Self::UntagQueue { queue, keys } => {
                kind::UNTAG_QUEUE.put(out);
                put_queue(*queue, out);
                put_texts(keys.iter().copied(), keys.len(), out);
            }
            Self::StartMove { source, destination, rate } => {
                kind::START_MOVE.put(out);
                put_queue(*source, out);
                put_bytes(destination.unwrap_or_default().as_bytes(), out);
                rate.put(out);
            }
            Self::CancelMove { source, number } => {
                kind::CANCEL_MOVE.put(out);
                put_queue(*source, out);
                number.put(out);
            }
            Self::ConfigureGroup { queue, group, settings } => {
                kind::CONFIGURE_GROUP.put(out);
                put_queue(*queue, out);
                put_bytes(group.as_bytes(), out);
                settings.put(out);
            }
            Self::PurgeQueue { queue } => {
                kind::PURGE_QUEUE.put(out);
                put_queue(*queue, out);
            }
            Self::DeleteQueue { queue, call, keep_name } => {
                kind::DELETE_QUEUE.put(out);
                put_queue(*queue, out);
                call.put(out);
                keep_name.put(out);
            }
            Self::Enqueue { queue, jobs, call } => {
                let bodies_bytes: usize = jobs.iter().map(|job| job.body.bytes.len() + job.group.len() + 180).sum();
                out.reserve(bodies_bytes + queue.name.len() + 32);
                kind::ENQUEUE.put(out);
                put_queue(*queue, out);
                call.put(out);
                put_count(jobs.len(), out);
                for job in jobs {
                    put_bytes(job.group.as_bytes(), out);
                    job.delay.put(out);
                    job.dedup.is_some().put(out);
                    if let Some(dedup) = job.dedup {
                        dedup.is_content.put(out);
                        put_bytes(dedup.id.as_bytes(), out);
                    }
                    job.counted_bytes.put(out);
                    // The body's frame: whoever reads the body alone can check it alone.
                    xxh3_64(job.body.bytes).put(out);
                    put_bytes(job.body.bytes, out);
                }
            }
            Self::Receive { queue, jobs_max, lease, again } => {
                kind::RECEIVE.put(out);
                queue.put(out);
                jobs_max.put(out);
                lease.put(out);
                again.call.put(out);
                put_bytes(again.attempt.as_bytes(), out);
            }
            Self::Ack { queue, jobs } => {
                kind::ACK.put(out);
                queue.put(out);
                put_count(jobs.len(), out);
                for held in jobs {
                    put_held(*held, out);
                }
            }
            Self::ChangeLease { queue, jobs } => {
                kind::CHANGE_LEASE.put(out);
                queue.put(out);
                put_count(jobs.len(), out);
                for (held, lease) in jobs {
                    put_held(*held, out);
                    lease.put(out);
                }
            }
            Self::CreateKey(new) => {
                kind::CREATE_KEY.put(out);
                put_bytes(new.id.as_bytes(), out);
                new.account.put(out);
                put_bytes(new.name.as_bytes(), out);
                put_bytes(new.description.as_bytes(), out);
                account::checkpoint::put_texts(&new.actions, out);
                account::checkpoint::put_texts(&new.queues, out);
                put_bytes(new.sealed, out);
                new.expires_at.put(out);
            }
            Self::RotateKey { id, sealed, grace } => {
                kind::ROTATE_KEY.put(out);
                put_bytes(id.as_bytes(), out);
                put_bytes(sealed, out);
                grace.put(out);
            }
            Self::RevokeKey { id } => {
                kind::REVOKE_KEY.put(out);
                put_bytes(id.as_bytes(), out);
            }
        }
    }
}

impl Plain for CallKey {
    fn put(self, out: &mut Vec<u8>) {
        self.0.into_iter().for_each(|word| word.put(out));
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self([u64::get(reader)?, u64::get(reader)?]))
    }
}

fn put_queue(queue: QueueKey<'_>, out: &mut Vec<u8>) {
    queue.account.put(out);
    put_bytes(queue.name.as_bytes(), out);
}

fn put_held(held: Held, out: &mut Vec<u8>) {
    held.job.put(out);
    held.token.put(out);
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).expect("doors send at most ten jobs a command").put(out);
}
