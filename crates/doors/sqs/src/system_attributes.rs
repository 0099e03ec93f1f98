//! `AttributeNames` and `MessageSystemAttributeNames`: what a receive tells about each message.
//!
//! AWS API Reference, ReceiveMessage. Both lists mean the same; times are milliseconds since 1970.

use crate::{blob::Blob, error::SqsError, json_in::Text, json_out::Json};
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
}

impl SystemAttributes {
    /// Reads the names.
    pub(crate) fn read<'n>(names: impl Iterator<Item = &'n Text<'n>>) -> Result<Self, SqsError> {
        let mut asked = Self::default();
        for name in names {
            match &**name {
                "All" => {
                    asked = Self {
                        sender_id: true,
                        sent: true,
                        receive_count: true,
                        first_receive: true,
                        group: true,
                        trace_header: true,
                    }
                }
                "SenderId" => asked.sender_id = true,
                "SentTimestamp" => asked.sent = true,
                "ApproximateReceiveCount" => asked.receive_count = true,
                "ApproximateFirstReceiveTimestamp" => asked.first_receive = true,
                "MessageGroupId" => asked.group = true,
                "AWSTraceHeader" => asked.trace_header = true,
                // No message has these: there are no FIFO queues and no dead-letter queues yet.
                "SequenceNumber" | "MessageDeduplicationId" | "DeadLetterQueueSourceArn" => {}
                other => return Err(SqsError::InvalidAttributeName(other.to_owned())),
            }
        }
        Ok(asked)
    }

    /// Writes `Attributes`, if there are any.
    pub(crate) fn write(&self, json: &mut Json, grant: &Grant, blob: &Blob<'_>) {
        let group = Some(&*grant.group).filter(|group| self.group && !group.is_empty());
        let trace_header = blob.trace_header.filter(|_| self.trace_header);
        let always = self.sender_id || self.sent || self.receive_count || self.first_receive;
        if !always && group.is_none() && trace_header.is_none() {
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
        json.close_object();
    }
}
