//! A message as it is sent, alone or in a batch: its rules, and the job it becomes.
//!
//! AWS API Reference, SendMessage. The MD5 sums of attributes are computed here, once; those of bodies by who has several at hand.

use crate::{
    attributes::{self, Attribute, md5},
    blob::{self, Md5Sum},
    error::SqsError,
    hex,
    ids::Ids,
    json_out::Json,
    limits::{DELAY_SECONDS_MAX, MESSAGE_BYTES_MAX},
    queue_attributes::is_group,
    text::is_allowed,
};
use evenkeel_machine::{
    Enqueued,
    command::{Body, DedupId, NewJob},
};
use evenkeel_types::Micros;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// What a request says of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'r> {
    pub(crate) body: Option<&'r str>,
    pub(crate) delay_seconds: Option<i32>,
    pub(crate) group: Option<&'r str>,
    pub(crate) deduplication_id: Option<&'r str>,
    pub(crate) attributes: Option<&'r attributes::GivenAttributes<'r>>,
    pub(crate) system_attributes: Option<&'r attributes::GivenAttributes<'r>>,
    /// The trace of the request, which counts if the message has none of its own.
    pub(crate) trace: Option<&'r str>,
}

/// A message that may be sent.
#[derive(Debug)]
pub(crate) struct Message<'r> {
    group: &'r str,
    delay: Option<Micros>,
    dedup: Option<(Cow<'r, str>, bool)>,
    counted_bytes: u32,
    blob: Vec<u8>,
    pub(crate) sums: Sums,
}

/// The sums that the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    body: Md5Sum,
    attributes: Option<Md5Sum>,
    system_attributes: Option<Md5Sum>,
    /// Of a FIFO queue, whose messages are numbered.
    is_fifo: bool,
}

impl<'r> Draft<'r> {
    /// What counts against the limits, whether the message is valid or not.
    pub(crate) fn counted_bytes(&self) -> usize {
        self.body.map_or(0, str::len) + attributes::counted_bytes(self.attributes)
    }

    /// Checks everything but the queue's own limits, which only the machine knows. `body_md5` is asked for
    /// the sum of a body that may be sent.
    pub(crate) fn check(
        &self,
        body_md5: impl FnOnce(&str) -> Md5Sum,
        sender_id: &str,
        is_fifo: bool,
    ) -> Result<Message<'r>, SqsError> {
        let text = self.body.filter(|body| !body.is_empty()).ok_or(SqsError::MissingParameter("MessageBody"))?;
        let counted_bytes = self.counted_bytes();
        if counted_bytes > MESSAGE_BYTES_MAX {
            return Err(SqsError::too_long(u32::try_from(MESSAGE_BYTES_MAX).unwrap_or(u32::MAX)));
        }
        if !is_allowed(text) {
            return Err(SqsError::InvalidMessageContents);
        }
        let delay = self.delay_seconds.map(delay).transpose()?;
        const OTHER_KIND: &str = "The request include parameter that is not valid for this queue type.";
        if is_fifo && let Some(seconds) = self.delay_seconds.filter(|&seconds| seconds != 0) {
            return Err(SqsError::value(seconds.to_string(), "DelaySeconds", OTHER_KIND));
        }
        let group = self.group.unwrap_or_default();
        if !group.is_empty() && !is_group(group) {
            let reason = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
            return Err(SqsError::value(group, "MessageGroupId", reason));
        }
        if is_fifo && group.is_empty() {
            return Err(SqsError::MissingParameter("MessageGroupId"));
        }
        let dedup = self.deduplication(text, is_fifo)?;
        if !is_fifo && let Some(id) = self.deduplication_id {
            return Err(SqsError::value(id, "MessageDeduplicationId", OTHER_KIND));
        }
        let attributes = attributes::check(self.attributes)?;
        let trace_header = attributes::trace_header(self.system_attributes)?;
        let sums = Sums {
            body: body_md5(text),
            attributes: (!attributes.is_empty()).then(|| md5::sum(attributes.iter())),
            system_attributes: trace_header.map(|header| {
                let value = Cow::Borrowed(header.as_bytes());
                md5::sum([Attribute { name: "AWSTraceHeader", data_type: "String", value }].iter())
            }),
            is_fifo,
        };
        let section = sums.attributes.map(|md5| (&*attributes, md5));
        let id = dedup.as_ref().map(|(id, _)| &**id);
        let trace_header = trace_header.or_else(|| self.trace.filter(|trace| attributes::is_trace_header(trace)));
        let blob = blob::encode(text, &sums.body, sender_id, section, trace_header, id);
        let counted_bytes = u32::try_from(counted_bytes).unwrap_or(u32::MAX);
        Ok(Message { group, delay, dedup, counted_bytes, blob, sums })
    }

    /// The id by which a FIFO queue recognises a message, and whether it comes from the body: then it counts only if the queue goes
    /// by content. AWS: the SHA-256 of the body, without the attributes.
    fn deduplication(&self, text: &str, is_fifo: bool) -> Result<Option<(Cow<'r, str>, bool)>, SqsError> {
        if !is_fifo {
            return Ok(None);
        }
        let Some(id) = self.deduplication_id else {
            let hash = Sha256::digest(text.as_bytes());
            let digits = hash.iter().flat_map(|&byte| hex::pair(byte)).map(char::from);
            return Ok(Some((digits.collect(), true)));
        };
        if !is_client_id(id) {
            let reason =
                "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
            return Err(SqsError::value(id, "MessageDeduplicationId", reason));
        }
        Ok(Some((Cow::Borrowed(id), false)))
    }
}

/// Whether an id that a client chose for a message or an attempt may be so: as a group's name.
pub(crate) fn is_client_id(id: &str) -> bool {
    is_group(id)
}

fn delay(seconds: i32) -> Result<Micros, SqsError> {
    match u32::try_from(seconds) {
        Ok(wait) if seconds <= DELAY_SECONDS_MAX => Ok(Micros::from_secs(wait)),
        _ => {
            let reason = format!("DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}.");
            Err(SqsError::value(seconds.to_string(), "DelaySeconds", &reason))
        }
    }
}

impl Message<'_> {
    /// As the machine takes it.
    pub(crate) fn job(&self) -> NewJob<'_> {
        NewJob {
            group: self.group,
            delay: self.delay,
            dedup: self.dedup.as_ref().map(|(id, is_content)| DedupId { id, is_content: *is_content }),
            counted_bytes: self.counted_bytes,
            body: Body::new(&self.blob),
        }
    }
}

impl Sums {
    /// Writes what the sender of an accepted message is told.
    pub(crate) fn write(&self, json: &mut Json, ids: &Ids, enqueued: &Enqueued) {
        json.plain_string("MessageId", ids.message_id(enqueued.job, enqueued.body));
        json.plain_string("MD5OfMessageBody", hex::encode(&self.body));
        if let Some(sum) = &self.attributes {
            json.plain_string("MD5OfMessageAttributes", hex::encode(sum));
        }
        if let Some(sum) = &self.system_attributes {
            json.plain_string("MD5OfMessageSystemAttributes", hex::encode(sum));
        }
        if self.is_fifo {
            json.plain_string("SequenceNumber", Ids::sequence_number(enqueued.body));
        }
    }
}
