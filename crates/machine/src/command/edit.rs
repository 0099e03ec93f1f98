//! A change of a queue: what is given, and nothing else, so that two who change different things at once both count.

use super::settings::{DedupScope, FairBy, QueueSettings, ThroughputLimit};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    limits,
};
use evenkeel_types::Micros;

/// What of a queue's settings and papers is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueEdit<'a> {
    /// See [`QueueSettings`], for this and the next ones.
    pub lease: Option<Micros>,
    /// How long a new job waits.
    pub delay: Option<Micros>,
    /// How long an empty receive waits.
    pub receive_wait: Option<Micros>,
    /// The largest body.
    pub body_bytes_max: Option<u32>,
    /// What turns are charged for.
    pub fair_by: Option<FairBy>,
    /// The weight of the lane of jobs without a group.
    pub default_weight: Option<u8>,
    /// Jobs in flight per group.
    pub group_in_flight_max: Option<u32>,
    /// Jobs in the queue.
    pub jobs_max: Option<u64>,
    /// Bytes of their bodies.
    pub bytes_max: Option<u64>,
    /// How long a job may stay.
    pub retention_secs: Option<u32>,
    /// Of a FIFO queue only, this and the next ones.
    pub dedup_by_content: Option<bool>,
    /// Within what ids are unique.
    pub dedup_scope: Option<DedupScope>,
    /// What is limited.
    pub throughput_limit: Option<ThroughputLimit>,
    /// The rest.
    pub papers: PapersEdit<'a>,
}

/// What is kept of a queue beside its settings, as it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PapersEdit<'a> {
    /// Where jobs go that were granted too often; an inner `None` ends it.
    pub redrive: Option<Option<Redrive<'a>>>,
    /// Which queues may send theirs here; an inner `None` is all.
    pub allow: Option<Option<Allow<'a>>>,
    /// Texts that are kept under names for the door: a new value, or `None` to remove it. At most [`limits::NOTES_MAX`].
    pub notes: Vec<(&'a str, Option<&'a str>)>,
}

/// A dead-letter queue, of the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redrive<'a> {
    /// Its name.
    pub target: &'a str,
    /// A job that was granted so often goes there instead of being granted once more: 1 to 1,000.
    pub grants_max: u16,
}

/// Which queues of the account may use a queue for their dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow<'a> {
    /// None.
    Nobody,
    /// These, at most [`limits::ALLOWED_SOURCES_MAX`].
    These(Vec<&'a str>),
}

impl From<QueueSettings> for QueueEdit<'_> {
    /// Gives all settings, and leaves the papers.
    fn from(settings: QueueSettings) -> Self {
        let QueueSettings {
            lease,
            delay,
            receive_wait,
            body_bytes_max,
            fair_by,
            default_weight,
            group_in_flight_max,
            jobs_max,
            bytes_max,
            retention_secs,
            fifo,
        } = settings;
        Self {
            lease: Some(lease),
            delay: Some(delay),
            receive_wait: Some(receive_wait),
            body_bytes_max: Some(body_bytes_max),
            fair_by: Some(fair_by),
            default_weight: Some(default_weight),
            group_in_flight_max: Some(group_in_flight_max),
            jobs_max: Some(jobs_max),
            bytes_max: Some(bytes_max),
            retention_secs: Some(retention_secs),
            dedup_by_content: fifo.map(|fifo| fifo.dedup_by_content),
            dedup_scope: fifo.map(|fifo| fifo.dedup_scope),
            throughput_limit: fifo.map(|fifo| fifo.throughput_limit),
            papers: PapersEdit::default(),
        }
    }
}

impl<'a> QueueEdit<'a> {
    /// The settings of a queue once this is done; `None` if it gives what only a FIFO queue has to one that is none.
    #[must_use]
    pub fn over(&self, present: QueueSettings) -> Option<QueueSettings> {
        let gives_fifo =
            self.dedup_by_content.is_some() || self.dedup_scope.is_some() || self.throughput_limit.is_some();
        let fifo = match present.fifo {
            None if gives_fifo => return None,
            None => None,
            Some(mut fifo) => {
                fifo.dedup_by_content = self.dedup_by_content.unwrap_or(fifo.dedup_by_content);
                fifo.dedup_scope = self.dedup_scope.unwrap_or(fifo.dedup_scope);
                fifo.throughput_limit = self.throughput_limit.unwrap_or(fifo.throughput_limit);
                Some(fifo)
            }
        };
        Some(QueueSettings {
            lease: self.lease.unwrap_or(present.lease),
            delay: self.delay.unwrap_or(present.delay),
            receive_wait: self.receive_wait.unwrap_or(present.receive_wait),
            body_bytes_max: self.body_bytes_max.unwrap_or(present.body_bytes_max),
            fair_by: self.fair_by.unwrap_or(present.fair_by),
            default_weight: self.default_weight.unwrap_or(present.default_weight),
            group_in_flight_max: self.group_in_flight_max.unwrap_or(present.group_in_flight_max),
            jobs_max: self.jobs_max.unwrap_or(present.jobs_max),
            bytes_max: self.bytes_max.unwrap_or(present.bytes_max),
            retention_secs: self.retention_secs.unwrap_or(present.retention_secs),
            fifo,
        })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.lease.put(out);
        self.delay.put(out);
        self.receive_wait.put(out);
        self.body_bytes_max.put(out);
        self.fair_by.put(out);
        self.default_weight.put(out);
        self.group_in_flight_max.put(out);
        self.jobs_max.put(out);
        self.bytes_max.put(out);
        self.retention_secs.put(out);
        self.dedup_by_content.put(out);
        self.dedup_scope.map(|scope| scope == DedupScope::Group).put(out);
        self.throughput_limit.map(|limit| limit == ThroughputLimit::PerGroup).put(out);
        self.papers.put(out);
    }

    pub(super) fn get(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            lease: Option::get(reader)?,
            delay: Option::get(reader)?,
            receive_wait: Option::get(reader)?,
            body_bytes_max: Option::get(reader)?,
            fair_by: Option::get(reader)?,
            default_weight: Option::get(reader)?,
            group_in_flight_max: Option::get(reader)?,
            jobs_max: Option::get(reader)?,
            bytes_max: Option::get(reader)?,
            retention_secs: Option::get(reader)?,
            dedup_by_content: Option::get(reader)?,
            dedup_scope: Option::<bool>::get(reader)?
                .map(|group| if group { DedupScope::Group } else { DedupScope::Queue }),
            throughput_limit: Option::<bool>::get(reader)?
                .map(|group| if group { ThroughputLimit::PerGroup } else { ThroughputLimit::PerQueue }),
            papers: PapersEdit::get(reader)?,
        })
    }
}

impl<'a> PapersEdit<'a> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.redrive.is_some().put(out);
        if let Some(redrive) = &self.redrive {
            redrive.is_some().put(out);
            if let Some(Redrive { target, grants_max }) = redrive {
                put_bytes(target.as_bytes(), out);
                grants_max.put(out);
            }
        }
        self.allow.is_some().put(out);
        if let Some(allow) = &self.allow {
            match allow {
                None => 0u8.put(out),
                Some(Allow::Nobody) => 1u8.put(out),
                Some(Allow::These(names)) => {
                    2u8.put(out);
                    put_texts(names.iter().copied(), names.len(), out);
                }
            }
        }
        put_count(self.notes.len(), out);
        for (name, value) in &self.notes {
            put_bytes(name.as_bytes(), out);
            put_note(*value, out);
        }
    }

    pub(super) fn get(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut edit = Self::default();
        if bool::get(reader)? {
            edit.redrive = Some(if bool::get(reader)? {
                let target = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
                Some(Redrive { target, grants_max: u16::get(reader)? })
            } else {
                None
            });
        }
        if bool::get(reader)? {
            let error = reader.malformed("all (0), nobody (1) or these (2)");
            edit.allow = Some(match u8::get(reader)? {
                0 => None,
                1 => Some(Allow::Nobody),
                2 => {
                    let count = count(reader, limits::ALLOWED_SOURCES_MAX, 4)?;
                    let name = |_| reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name");
                    Some(Allow::These((0..count).map(name).collect::<Result<_, _>>()?))
                }
                _ => return Err(error),
            });
        }
        for _ in 0..count(reader, limits::NOTES_MAX, 5)? {
            edit.notes.push((note_name(reader)?, get_note(reader)?));
        }
        Ok(edit)
    }
}

pub(super) fn note_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    reader.text(limits::NOTE_NAME_BYTES_MAX, "a note's name")
}

/// A text that the door keeps, or none.
pub(super) fn put_note(text: Option<&str>, out: &mut Vec<u8>) {
    text.is_some().put(out);
    if let Some(text) = text {
        put_bytes(text.as_bytes(), out);
    }
}

pub(super) fn get_note<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, DecodeError> {
    if bool::get(reader)? { reader.text(limits::NOTE_BYTES_MAX, "a note").map(Some) } else { Ok(None) }
}

/// Tags as a command has them.
pub(super) fn put_tags(tags: &[(&str, &str)], out: &mut Vec<u8>) {
    put_count(tags.len(), out);
    for (key, value) in tags {
        put_bytes(key.as_bytes(), out);
        put_bytes(value.as_bytes(), out);
    }
}

pub(super) fn get_tags<'a>(reader: &mut Reader<'a>) -> Result<Vec<(&'a str, &'a str)>, DecodeError> {
    let count = count(reader, limits::TAGS_MAX, 8)?;
    let mut tag = || {
        let key = reader.text(limits::TAG_BYTES_MAX, "a tag's key")?;
        Ok((key, reader.text(limits::TAG_BYTES_MAX, "a tag's value")?))
    };
    (0..count).map(|_| tag()).collect()
}

pub(super) fn put_texts<'t>(texts: impl Iterator<Item = &'t str>, count: usize, out: &mut Vec<u8>) {
    put_count(count, out);
    texts.for_each(|text| put_bytes(text.as_bytes(), out));
}

pub(super) fn get_keys<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a str>, DecodeError> {
    let count = count(reader, limits::TAGS_MAX, 4)?;
    (0..count).map(|_| reader.text(limits::TAG_BYTES_MAX, "a tag's key")).collect()
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).expect("doors limit what they send").put(out);
}

fn count(reader: &mut Reader<'_>, max: usize, bytes_each: usize) -> Result<usize, DecodeError> {
    let error = reader.malformed("no more than there may be");
    let count = reader.count(bytes_each, "as many as counted")?;
    if count <= max { Ok(count) } else { Err(error) }
}
