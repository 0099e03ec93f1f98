//! Bytes to commands. The bytes may come from a damaged file or a fuzzer: nothing here panics.

use super::{
    Begin, Body, CallKey, Command, DedupId, GroupSettings, Held, NewJob, NewKey, PapersEdit, QueueEdit, QueueKey,
    QueueSettings, Repeatable,
    edit::{get_keys, get_note, get_tags, note_name},
    encode::kind,
};
use crate::{
    account::checkpoint::{sealed, texts},
    codec::{DecodeError, Plain, Reader},
    limits,
};
use evenkeel_types::{AccountId, JobId, LeaseToken, LogIndex, Micros, QueueId, WallTime};

/// The fewest bytes a new job, a held job and a changed lease can take.
const NEW_JOB_BYTES_MIN: usize = 22;
const HELD_BYTES: usize = 12;
const CHANGED_LEASE_BYTES: usize = 20;

impl<'a> Command<'a> {
    /// Reads one command.
    ///
    /// # Errors
    /// The bytes are no command of this version. The reader's place is then undefined.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let kind = u8::get(reader)?;
        Self::of_kind(kind, reader)
    }

    fn of_kind(kind: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = reader.malformed("a command's kind");
        Ok(match kind {
            kind::ONCE => {
                let call = CallKey::get(reader)?;
                let error = reader.malformed("a change that is made once");
                let inner = u8::get(reader)?;
                if !kind::is_change(inner) {
                    return Err(error);
                }
                Self::Once { call, change: Box::new(Self::of_kind(inner, reader)?) }
            }
            kind::BEGIN => {
                Self::Begin(Begin { feature_level: u32::get(reader)?, secret: reader.array("a secret of 32 bytes")? })
            }
            kind::RAISE_FEATURE_LEVEL => Self::RaiseFeatureLevel { level: u32::get(reader)? },
            kind::SKIP => Self::Skip { entry: LogIndex::get(reader)? },
            kind::CREATE_QUEUE => {
                let (queue, settings) = (queue_key(reader)?, QueueSettings::get(reader)?);
                Self::CreateQueue { queue, settings, papers: PapersEdit::get(reader)?, tags: get_tags(reader)? }
            }
            kind::CONFIGURE_QUEUE => Self::ConfigureQueue { queue: queue_key(reader)?, edit: QueueEdit::get(reader)? },
            kind::REPLACE_NOTE => {
                let (queue, note) = (queue_key(reader)?, note_name(reader)?);
                Self::ReplaceNote { queue, note, before: get_note(reader)?, after: get_note(reader)? }
            }
            kind::TAG_QUEUE => Self::TagQueue { queue: queue_key(reader)?, tags: get_tags(reader)? },
            kind::UNTAG_QUEUE => Self::UntagQueue { queue: queue_key(reader)?, keys: get_keys(reader)? },
            kind::START_MOVE => {
                let source = queue_key(reader)?;
                let destination = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
                let destination = (!destination.is_empty()).then_some(destination);
                Self::StartMove { source, destination, rate: Option::get(reader)? }
            }
            kind::CANCEL_MOVE => Self::CancelMove { source: queue_key(reader)?, number: u64::get(reader)? },
            kind::CONFIGURE_GROUP => Self::ConfigureGroup {
                queue: queue_key(reader)?,
                group: reader.text(limits::GROUP_NAME_BYTES_MAX, "a group's name")?,
                settings: GroupSettings::get(reader)?,
            },
            kind::PURGE_QUEUE => Self::PurgeQueue { queue: queue_key(reader)? },
            kind::DELETE_QUEUE => {
                let (queue, call) = (queue_key(reader)?, Option::<CallKey>::get(reader)?);
                Self::DeleteQueue { queue, call, keep_name: bool::get(reader)? }
            }
            kind::ENQUEUE => {
                let (queue, call) = (queue_key(reader)?, Option::<CallKey>::get(reader)?);
                Self::Enqueue { queue, jobs: several(reader, NEW_JOB_BYTES_MIN, new_job)?, call }
            }
            kind::RECEIVE => Self::Receive {
                queue: QueueId::get(reader)?,
                jobs_max: u8::get(reader)?,
                lease: Option::<Micros>::get(reader)?,
                again: Repeatable {
                    call: Option::<CallKey>::get(reader)?,
                    attempt: reader.text(limits::CLIENT_ID_BYTES_MAX, "an attempt's id")?,
                },
            },
            kind::ACK => Self::Ack { queue: QueueId::get(reader)?, jobs: several(reader, HELD_BYTES, held)? },
            kind::CHANGE_LEASE => Self::ChangeLease {
                queue: QueueId::get(reader)?,
                jobs: several(reader, CHANGED_LEASE_BYTES, |reader| Ok((held(reader)?, Micros::get(reader)?)))?,
            },
            kind::CREATE_KEY => Self::CreateKey(NewKey {
                id: key_id(reader)?,
                account: AccountId::get(reader)?,
                name: reader.text(limits::KEY_NAME_BYTES_MAX, "a key's name")?,
                description: reader.text(limits::KEY_DESCRIPTION_BYTES_MAX, "a key's description")?,
                actions: texts(reader)?,
                queues: texts(reader)?,
                sealed: sealed(reader)?,
                expires_at: Option::<WallTime>::get(reader)?,
            }),
            kind::ROTATE_KEY => {
                Self::RotateKey { id: key_id(reader)?, sealed: sealed(reader)?, grace: Micros::get(reader)? }
            }
            kind::REVOKE_KEY => Self::RevokeKey { id: key_id(reader)? },
            _ => return Err(unknown),
        })
    }
}

fn several<'a, T>(
    reader: &mut Reader<'a>,
    bytes_each: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let error = reader.malformed("at most ten jobs");
    let count = reader.count(bytes_each, "as many jobs as counted")?;
    if count > limits::JOBS_PER_COMMAND_MAX {
        return Err(error);
    }
    (0..count).map(|_| one(reader)).collect()
}

fn key_id<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    reader.text(limits::KEY_ID_BYTES_MAX, "an access key's id")
}

fn queue_key<'a>(reader: &mut Reader<'a>) -> Result<QueueKey<'a>, DecodeError> {
    Ok(QueueKey {
        account: AccountId::get(reader)?,
        name: reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?,
    })
}

fn new_job<'a>(reader: &mut Reader<'a>) -> Result<NewJob<'a>, DecodeError> {
    let group = reader.text(limits::GROUP_NAME_BYTES_MAX, "a group's name")?;
    let delay = Option::<Micros>::get(reader)?;
    let dedup = if bool::get(reader)? {
        let is_content = bool::get(reader)?;
        Some(DedupId { id: reader.text(limits::CLIENT_ID_BYTES_MAX, "a de-duplication id")?, is_content })
    } else {
        None
    };
    let counted_bytes = u32::get(reader)?;
    // Not compared here: the log's own checksum covers it. Who reads the body alone compares (`batch::open_body`).
    u64::get(reader)?;
    let bytes = reader.bytes("a body")?;
    let error = reader.malformed("a body within the first 4 GiB");
    let offset = u32::try_from(reader.position().saturating_sub(bytes.len())).map_err(|_| error)?;
    Ok(NewJob { group, delay, dedup, counted_bytes, body: Body { bytes, offset } })
}

fn held(reader: &mut Reader<'_>) -> Result<Held, DecodeError> {
    Ok(Held { job: JobId::get(reader)?, token: LeaseToken::get(reader)? })
}
