//! `AttributeNames` and `MessageSystemAttributeNames`: what a receive tells about each message.
//!
//! AWS API Reference, ReceiveMessage. Both lists mean the same, and what is named in either is told; but `AttributeNames`, the older
//! one, may name attributes of queues as well, of which nothing is told: the API lists these as its valid values, and SDKs with
//! types offered no others for years. Times are milliseconds since 1970.

use crate::{blob::Blob, error::SqsError, ids::Ids, json_in::Text, json_out::Json, queue_attributes::is_attribute};
use evenkeel_machine::Grant;

/// The system attributes a receive asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SystemAttributes {
    sender_id: bool,
    sent: bool,
    receive_count: bool,
    first_receive: bool,
    group: bool,
    trace_header: bool,
    sequence: bool,
    dedup_id: bool,
    source: bool,
}

impl SystemAttributes {
    /// Reads the names in both lists.
    pub(crate) fn read(either: &[Text<'_>], messages: &[Text<'_>]) -> Result<Self, SqsError> {
        let mut asked = Self::default();
        for name in either.iter().filter(|name| !is_attribute(name)).chain(messages) {
            match &**name {
                "All" => {
                    asked = Self {
                        sender_id: true,
                        sent: true,
                        receive_count: true,
                        first_receive: true,
                        group: true,
                        trace_header: true,
                        sequence: true,
                        dedup_id: true,
                        source: true,
                    }
                }
                "SenderId" => asked.sender_id = true,
                "SentTimestamp" => asked.sent = true,
                "ApproximateReceiveCount" => asked.receive_count = true,
                "ApproximateFirstReceiveTimestamp" => asked.first_receive = true,
                "MessageGroupId" => asked.group = true,
                "AWSTraceHeader" => asked.trace_header = true,
                "SequenceNumber" => asked.sequence = true,
                "MessageDeduplicationId" => asked.dedup_id = true,
                "DeadLetterQueueSourceArn" => asked.source = true,
                other => return Err(SqsError::InvalidAttributeName(other.to_owned())),
            }
        }
        Ok(asked)
    }

    /// Writes `Attributes`, if there are any. `arn_prefix` is what the ARNs of the account's queues begin with.
    pub(crate) fn write(&self, json: &mut Json, grant: &Grant, blob: &Blob<'_>, is_fifo: bool, arn_prefix: &str) {
        let group = Some(&*grant.group).filter(|group| self.group && !group.is_empty());
        let trace_header = blob.trace_header.filter(|_| self.trace_header);
        let dedup_id = blob.dedup_id.filter(|_| self.dedup_id && is_fifo);
        let sequence = (self.sequence && is_fifo).then(|| Ids::sequence_number(grant.body));
        let source = grant.source.as_deref().filter(|_| self.source);
        let none = dedup_id.is_none() && sequence.is_none() && source.is_none();
        let always = self.sender_id || self.sent || self.receive_count || self.first_receive;
        if !always && group.is_none() && trace_header.is_none() && none {
            return;
        }
        json.open_object_at("Attributes");
        if self.sender_id {
            json.string("SenderId", blob.sender_id);
        }
        if self.sent {
            json.number_string("SentTimestamp", grant.enqueued_at.0);
        }
        if self.receive_count {
            // Each receive is a grant, and the token numbers them.
            json.number_string("ApproximateReceiveCount", grant.token.0.into());
        }
        if self.first_receive {
            json.number_string("ApproximateFirstReceiveTimestamp", grant.first_granted_at.0);
        }
        if let Some(group) = group {
            json.string("MessageGroupId", group);
        }
        if let Some(header) = trace_header {
            json.string("AWSTraceHeader", header);
        }
        if let Some(id) = dedup_id {
            json.string("MessageDeduplicationId", id);
        }
        if let Some(sequence) = sequence {
            json.plain_string("SequenceNumber", sequence);
        }
        if let Some(source) = source {
            json.string("DeadLetterQueueSourceArn", &format!("{arn_prefix}{source}"));
        }
        json.close_object();
    }
}
