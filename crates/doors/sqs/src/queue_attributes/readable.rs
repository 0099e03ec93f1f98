//! Attributes that can be asked for, and how they are told.

use super::{
    ALLOW, BYTES_MAX, COUNT, JOBS_MAX, KMS_KEY, KMS_REUSE, KMS_REUSE_DEFAULT, LEASE_TIME, MANAGED_SSE, POLICY, redrive,
    share::{GROUP_PREFIX, is_group},
};
use crate::{error::SqsError, json_in::Text, json_out::Json};
use evenkeel_engine::Description;
use evenkeel_machine::{
    command::{DedupScope, FairBy, ThroughputLimit},
    queue::Papers,
};
use evenkeel_types::{Micros, WallTime};

/// A queue that is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) queue: &'a Description,
    pub(crate) name: &'a str,
    /// What the ARNs of its account's queues begin with.
    pub(crate) arn_prefix: &'a str,
}

impl Seen<'_> {
    fn papers(&self) -> Option<&Papers> {
        self.queue.papers.as_deref()
    }

    fn note(&self, name: &str) -> Option<&str> {
        self.papers()?.notes.get(name).map(|text| &**text)
    }
}

/// An attribute that can be asked for. One that a queue does not have is not written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readable {
    name: &'static str,
    write: fn(&mut Json, &'static str, Seen<'_>),
}

/// What a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) readable: Vec<Readable>,
    /// Groups whose share is asked for.
    pub(crate) groups: Vec<Box<str>>,
}

/// All of them, in the order in which they are answered.
const READABLE: [Readable; 26] = [
    Readable {
        name: "QueueArn",
        write: |json, name, seen| json.string(name, &format!("{}{}", seen.arn_prefix, seen.name)),
    },
    Readable {
        name: "ApproximateNumberOfMessages",
        write: |json, name, seen| json.number_string(name, seen.queue.counts.ready),
    },
    Readable {
        name: "ApproximateNumberOfMessagesNotVisible",
        write: |json, name, seen| json.number_string(name, seen.queue.counts.leased),
    },
    Readable {
        name: "ApproximateNumberOfMessagesDelayed",
        write: |json, name, seen| json.number_string(name, seen.queue.counts.delayed),
    },
    Readable { name: "CreatedTimestamp", write: |json, name, seen| write_time(json, name, seen.queue.created_at) },
    Readable {
        name: "LastModifiedTimestamp",
        write: |json, name, seen| write_time(json, name, seen.queue.modified_at),
    },
    Readable {
        name: "VisibilityTimeout",
        write: |json, name, seen| write_seconds(json, name, seen.queue.settings.lease),
    },
    Readable { name: "DelaySeconds", write: |json, name, seen| write_seconds(json, name, seen.queue.settings.delay) },
    Readable {
        name: "ReceiveMessageWaitTimeSeconds",
        write: |json, name, seen| write_seconds(json, name, seen.queue.settings.receive_wait),
    },
    Readable {
        name: "MaximumMessageSize",
        write: |json, name, seen| json.number_string(name, seen.queue.settings.body_bytes_max.into()),
    },
    Readable {
        name: "MessageRetentionPeriod",
        write: |json, name, seen| json.number_string(name, seen.queue.settings.retention_secs.into()),
    },
    Readable {
        name: "FifoQueue",
        write: |json, name, seen| {
            if seen.queue.settings.fifo.is_some() {
                json.plain_string(name, "true");
            }
        },
    },
    Readable {
        name: "ContentBasedDeduplication",
        write: |json, name, seen| {
            if let Some(fifo) = seen.queue.settings.fifo {
                json.plain_string(name, if fifo.dedup_by_content { "true" } else { "false" });
            }
        },
    },
    Readable {
        name: "DeduplicationScope",
        write: |json, name, seen| match seen.queue.settings.fifo.map(|fifo| fifo.dedup_scope) {
            None => {}
            Some(DedupScope::Queue) => json.plain_string(name, "queue"),
            Some(DedupScope::Group) => json.plain_string(name, "messageGroup"),
        },
    },
    Readable {
        name: "FifoThroughputLimit",
        write: |json, name, seen| match seen.queue.settings.fifo.map(|fifo| fifo.throughput_limit) {
            None => {}
            Some(ThroughputLimit::PerQueue) => json.plain_string(name, "perQueue"),
            Some(ThroughputLimit::PerGroup) => json.plain_string(name, "perMessageGroupId"),
        },
    },
    Readable {
        name: "RedrivePolicy",
        write: |json, name, seen| {
            if let Some((target, grants_max)) = seen.papers().and_then(|papers| papers.redrive.as_ref()) {
                json.string(name, &redrive::told_policy(seen.arn_prefix, target, *grants_max));
            }
        },
    },
    Readable {
        name: ALLOW,
        write: |json, name, seen| {
            let allow = seen.papers().and_then(|papers| redrive::told_allow(seen.arn_prefix, &papers.allowed));
            if let Some(allow) = allow.as_deref().or_else(|| seen.note(ALLOW)) {
                json.string(name, allow);
            }
        },
    },
    Readable {
        name: KMS_KEY,
        write: |json, name, seen| {
            if let Some(key) = seen.note(KMS_KEY) {
                json.string(name, key);
            }
        },
    },
    Readable {
        name: KMS_REUSE,
        write: |json, name, seen| {
            let usual = seen.note(KMS_KEY).map(|_| KMS_REUSE_DEFAULT);
            if let Some(seconds) = seen.note(KMS_REUSE).or(usual) {
                json.string(name, seconds);
            }
        },
    },
    Readable {
        name: MANAGED_SSE,
        write: |json, name, seen| json.plain_string(name, seen.note(MANAGED_SSE).unwrap_or("false")),
    },
    Readable {
        name: "EvenkeelFairBy",
        write: |json, name, seen| {
            json.plain_string(
                name,
                match seen.queue.settings.fair_by {
                    FairBy::Count => COUNT,
                    FairBy::LeaseTime => LEASE_TIME,
                },
            );
        },
    },
    Readable {
        name: "EvenkeelDefaultWeight",
        write: |json, name, seen| json.number_string(name, seen.queue.settings.default_weight.into()),
    },
    Readable {
        name: "EvenkeelGroupInFlightLimit",
        write: |json, name, seen| json.number_string(name, seen.queue.settings.group_in_flight_max.into()),
    },
    Readable { name: JOBS_MAX, write: |json, name, seen| json.number_string(name, seen.queue.settings.jobs_max) },
    Readable { name: BYTES_MAX, write: |json, name, seen| json.number_string(name, seen.queue.settings.bytes_max) },
    Readable {
        name: POLICY,
        write: |json, name, seen| {
            if let Some(policy) = seen.note(POLICY) {
                json.string(name, policy);
            }
        },
    },
];

/// Whether a queue's attribute is called so.
pub(crate) fn is_attribute(name: &str) -> bool {
    READABLE.iter().any(|readable| readable.name == name)
}

impl Asked {
    /// Reads names, each once. Groups' shares are told if asked for by name, not for `All`.
    pub(crate) fn read(names: &[Text<'_>]) -> Result<Self, SqsError> {
        let mut asked = Self::default();
        for name in names {
            if let Some(group) = name.strip_prefix(GROUP_PREFIX).filter(|group| is_group(group)) {
                if !asked.groups.iter().any(|one| **one == *group) {
                    asked.groups.push(group.into());
                }
            } else if let Some(readable) = READABLE.iter().find(|readable| readable.name == &**name) {
                if !asked.readable.iter().any(|one| one.name == readable.name) {
                    asked.readable.push(*readable);
                }
            } else if &**name != "All" {
                return Err(SqsError::InvalidAttributeName(name.to_string()));
            }
        }
        if names.iter().any(|name| &**name == "All") {
            asked.readable = READABLE.to_vec();
        }
        Ok(asked)
    }
}

impl Readable {
    pub(crate) fn write(&self, json: &mut Json, seen: Seen<'_>) {
        (self.write)(json, self.name, seen);
    }
}

fn write_seconds(json: &mut Json, name: &str, span: Micros) {
    json.number_string(name, span.0 / 1_000_000);
}

/// Times of queues are told in seconds.
fn write_time(json: &mut Json, name: &str, at: WallTime) {
    json.number_string(name, at.0 / 1_000);
}
