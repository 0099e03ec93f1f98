//! A queue's attributes: SQS's names and strings on one side, the machine's settings on the other.
//!
//! AWS API Reference, CreateQueue, SetQueueAttributes and GetQueueAttributes. Ours begin with `Evenkeel`:
//! `EvenkeelFairBy`, `EvenkeelDefaultWeight`, `EvenkeelGroupInFlightLimit`, `EvenkeelJobsMax` and `EvenkeelBytesMax` are the
//! queue's, `EvenkeelGroup.<group>` is a group's share. What AWS has and we do not is refused by name, unless the value given is the one in force here.

use crate::{
    error::SqsError,
    json_in::{Members, Text},
    json_out::Json,
    limits::{
        DELAY_SECONDS_MAX, GROUP_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX_MIN, QUEUE_ATTRIBUTES_MAX,
        RETENTION_SECONDS, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX,
    },
};
use evenkeel_engine::Description;
use evenkeel_machine::{
    command::{FairBy, GroupSettings, QueueSettings},
    limits::WEIGHT_MAX,
};
use evenkeel_types::Micros;
use serde::Deserialize;

/// `Attributes` of a request.
pub(crate) type GivenAttributes<'a> = Members<'a, Text<'a>, QUEUE_ATTRIBUTES_MAX>;

/// The most messages that a queue holds, 0 for no limit.
pub(crate) const JOBS_MAX: &str = "EvenkeelJobsMax";
/// The most bytes of messages that a queue holds, as they are stored, 0 for no limit.
pub(crate) const BYTES_MAX: &str = "EvenkeelBytesMax";

/// What a group's attribute begins with.
const GROUP_PREFIX: &str = "EvenkeelGroup.";

const COUNT: &str = "count";
const LEASE_TIME: &str = "lease_time";

/// Settings that a request gives; the others stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenSettings {
    lease: Option<Micros>,
    delay: Option<Micros>,
    receive_wait: Option<Micros>,
    body_bytes_max: Option<u32>,
    fair_by: Option<FairBy>,
    default_weight: Option<u8>,
    group_in_flight_max: Option<u32>,
    jobs_max: Option<u64>,
    bytes_max: Option<u64>,
}

impl GivenSettings {
    /// Reads a queue's attributes.
    pub(crate) fn read(given: Option<&GivenAttributes<'_>>) -> Result<Self, SqsError> {
        let mut settings = Self::default();
        let Some(given) = given else { return Ok(settings) };
        if given.count > QUEUE_ATTRIBUTES_MAX {
            return Err(SqsError::InvalidParameterValue(format!("{} attributes are too many.", given.count)));
        }
        for (name, value) in &given.kept {
            settings.read_one(name, value)?;
        }
        Ok(settings)
    }

    fn read_one(&mut self, name: &str, value: &str) -> Result<(), SqsError> {
        let number = |min: u32, max: u32| number(name, value, min, max);
        let seconds = |max: i32| number(0, max.unsigned_abs()).map(|seconds| Some(Micros::from_secs(seconds)));
        match name {
            "VisibilityTimeout" => self.lease = seconds(VISIBILITY_SECONDS_MAX)?,
            "DelaySeconds" => self.delay = seconds(DELAY_SECONDS_MAX)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait = seconds(WAIT_SECONDS_MAX)?,
            "MaximumMessageSize" => {
                let max = u32::try_from(MESSAGE_BYTES_MAX).unwrap_or(u32::MAX);
                self.body_bytes_max = Some(number(MESSAGE_BYTES_MAX_MIN, max)?);
            }
            "EvenkeelFairBy" => {
                self.fair_by = Some(match value {
                    COUNT => FairBy::Count,
                    LEASE_TIME => FairBy::LeaseTime,
                    _ => return Err(invalid(name, "it is count or lease_time")),
                });
            }
            "EvenkeelDefaultWeight" => {
                let weight = number(1, WEIGHT_MAX.into())?;
                self.default_weight = Some(u8::try_from(weight).unwrap_or(WEIGHT_MAX));
            }
            "EvenkeelGroupInFlightLimit" => self.group_in_flight_max = Some(number(0, u32::MAX)?),
            JOBS_MAX => self.jobs_max = Some(count(name, value)?),
            BYTES_MAX => self.bytes_max = Some(count(name, value)?),
            _ => return check_unsupported(name, value),
        }
        Ok(())
    }

    /// All settings of a queue, once these are changed.
    pub(crate) fn over(&self, present: QueueSettings) -> QueueSettings {
        QueueSettings {
            lease: self.lease.unwrap_or(present.lease),
            delay: self.delay.unwrap_or(present.delay),
            receive_wait: self.receive_wait.unwrap_or(present.receive_wait),
            body_bytes_max: self.body_bytes_max.unwrap_or(present.body_bytes_max),
            fair_by: self.fair_by.unwrap_or(present.fair_by),
            default_weight: self.default_weight.unwrap_or(present.default_weight),
            group_in_flight_max: self.group_in_flight_max.unwrap_or(present.group_in_flight_max),
            jobs_max: self.jobs_max.unwrap_or(present.jobs_max),
            bytes_max: self.bytes_max.unwrap_or(present.bytes_max),
            ..present
        }
    }

    /// The first attribute given that differs from those of a queue.
    pub(crate) fn difference(&self, present: &QueueSettings) -> Option<&'static str> {
        let differs = [
            (self.lease.is_some_and(|given| given != present.lease), "VisibilityTimeout"),
            (self.delay.is_some_and(|given| given != present.delay), "DelaySeconds"),
            (self.receive_wait.is_some_and(|given| given != present.receive_wait), "ReceiveMessageWaitTimeSeconds"),
            (self.body_bytes_max.is_some_and(|given| given != present.body_bytes_max), "MaximumMessageSize"),
            (self.fair_by.is_some_and(|given| given != present.fair_by), "EvenkeelFairBy"),
            (self.default_weight.is_some_and(|given| given != present.default_weight), "EvenkeelDefaultWeight"),
            (
                self.group_in_flight_max.is_some_and(|given| given != present.group_in_flight_max),
                "EvenkeelGroupInFlightLimit",
            ),
            (self.jobs_max.is_some_and(|given| given != present.jobs_max), JOBS_MAX),
            (self.bytes_max.is_some_and(|given| given != present.bytes_max), BYTES_MAX),
        ];
        differs.into_iter().find(|(differs, _)| *differs).map(|(_, name)| name)
    }
}

/// A group's share, if that is what the attributes give. It stands alone in its request: it is a command of its own, and
/// two commands of one request could not be done both or neither.
pub(crate) fn group_share<'r>(given: &'r GivenAttributes<'_>) -> Result<Option<(&'r str, GroupSettings)>, SqsError> {
    let mut shares = given.kept.iter().filter_map(|(name, value)| Some((name.strip_prefix(GROUP_PREFIX)?, &**value)));
    let Some((group, value)) = shares.next() else { return Ok(None) };
    if given.count > 1 {
        return Err(SqsError::Unsupported(format!(
            "{GROUP_PREFIX}{group} must be the only attribute of its request: a request is done wholly or not at all."
        )));
    }
    if !is_group(group) {
        let reason = "a group has 1 to 128 letters, digits and punctuation marks";
        return Err(invalid(GROUP_PREFIX, reason));
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Share {
        #[serde(default = "one")]
        weight: u8,
        #[serde(default)]
        in_flight_limit: u32,
    }
    let name = || format!("{GROUP_PREFIX}{group}");
    let share: Share = if value.trim_start().starts_with('{') { serde_json::from_str(value).ok() } else { None }
        .ok_or_else(|| {
            invalid(&name(), r#"it is a JSON object such as {"weight":5,"in_flight_limit":10}, each of them optional"#)
        })?;
    if !(1..=WEIGHT_MAX).contains(&share.weight) {
        return Err(invalid(&name(), "a weight is 1 to 100"));
    }
    Ok(Some((group, GroupSettings { weight: share.weight, in_flight_max: share.in_flight_limit })))
}

fn one() -> u8 {
    1
}

/// Whether a group may be called so: 1 to 128 letters, digits and punctuation marks of ASCII.
pub(crate) fn is_group(name: &str) -> bool {
    (1..=GROUP_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An attribute that can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readable {
    name: &'static str,
    write: fn(&mut Json, &'static str, &Description, &str),
}

/// Those that a queue has, in the order in which they are answered.
const READABLE: [Readable; 15] = [
    Readable { name: "QueueArn", write: |json, name, _, arn| json.string(name, arn) },
    Readable {
        name: "ApproximateNumberOfMessages",
        write: |json, name, queue, _| json.number_string(name, queue.counts.ready),
    },
    Readable {
        name: "ApproximateNumberOfMessagesNotVisible",
        write: |json, name, queue, _| json.number_string(name, queue.counts.leased),
    },
    Readable {
        name: "ApproximateNumberOfMessagesDelayed",
        write: |json, name, queue, _| json.number_string(name, queue.counts.delayed),
    },
    Readable {
        name: "VisibilityTimeout",
        write: |json, name, queue, _| write_seconds(json, name, queue.settings.lease),
    },
    Readable { name: "DelaySeconds", write: |json, name, queue, _| write_seconds(json, name, queue.settings.delay) },
    Readable {
        name: "ReceiveMessageWaitTimeSeconds",
        write: |json, name, queue, _| write_seconds(json, name, queue.settings.receive_wait),
    },
    Readable {
        name: "MaximumMessageSize",
        write: |json, name, queue, _| json.number_string(name, queue.settings.body_bytes_max.into()),
    },
    Readable {
        name: "MessageRetentionPeriod",
        write: |json, name, _, _| json.number_string(name, RETENTION_SECONDS.into()),
    },
    Readable { name: "SqsManagedSseEnabled", write: |json, name, _, _| json.plain_string(name, "false") },
    Readable {
        name: "EvenkeelFairBy",
        write: |json, name, queue, _| {
            json.plain_string(
                name,
                match queue.settings.fair_by {
                    FairBy::Count => COUNT,
                    FairBy::LeaseTime => LEASE_TIME,
                },
            );
        },
    },
    Readable {
        name: "EvenkeelDefaultWeight",
        write: |json, name, queue, _| json.number_string(name, queue.settings.default_weight.into()),
    },
    Readable {
        name: "EvenkeelGroupInFlightLimit",
        write: |json, name, queue, _| json.number_string(name, queue.settings.group_in_flight_max.into()),
    },
    Readable { name: JOBS_MAX, write: |json, name, queue, _| json.number_string(name, queue.settings.jobs_max) },
    Readable { name: BYTES_MAX, write: |json, name, queue, _| json.number_string(name, queue.settings.bytes_max) },
];

impl Readable {
    /// The attributes that a request asks for, each once. Those that AWS has but this queue cannot have are left out.
    pub(crate) fn of_names(names: &[Text<'_>]) -> Result<Vec<Self>, SqsError> {
        if names.iter().any(|name| &**name == "All") {
            return Ok(READABLE.to_vec());
        }
        let mut asked: Vec<Self> = Vec::new();
        for name in names {
            match READABLE.iter().find(|readable| readable.name == &**name) {
                Some(readable) if asked.iter().any(|one| one.name == readable.name) => {}
                Some(readable) => asked.push(*readable),
                None => check_absent(name)?,
            }
        }
        Ok(asked)
    }

    pub(crate) fn write(&self, json: &mut Json, queue: &Description, arn: &str) {
        (self.write)(json, self.name, queue, arn);
    }
}

fn write_seconds(json: &mut Json, name: &str, span: Micros) {
    json.number_string(name, span.0 / 1_000_000);
}

/// Attributes of AWS that no queue here has: unset, as far as one can tell.
const UNSET: [&str; 9] = [
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

/// A name that was asked for and is not readable.
fn check_absent(name: &str) -> Result<(), SqsError> {
    if UNSET.contains(&name) {
        return Ok(());
    }
    if matches!(name, "CreatedTimestamp" | "LastModifiedTimestamp") || name.starts_with(GROUP_PREFIX) {
        return Err(SqsError::Unsupported(format!("The attribute {name} cannot be read yet.")));
    }
    Err(SqsError::InvalidAttributeName(name.to_owned()))
}

/// A name that was given and cannot be set.
fn check_unsupported(name: &str, value: &str) -> Result<(), SqsError> {
    let not_yet = |what: &str| Err(SqsError::Unsupported(format!("{what} not supported yet.")));
    match name {
        "MessageRetentionPeriod" => {
            if number(name, value, 60, 1_209_600)? == RETENTION_SECONDS {
                return Ok(());
            }
            not_yet("A MessageRetentionPeriod other than 345600 is")
        }
        "SqsManagedSseEnabled" if value == "false" => Ok(()),
        "SqsManagedSseEnabled" => not_yet("Server-side encryption is"),
        // As AWS says it: a standard queue does not know this attribute.
        "FifoQueue" if value != "true" => Err(SqsError::InvalidAttributeName(name.to_owned())),
        // Unset is what these are.
        "Policy" | "RedrivePolicy" | "RedriveAllowPolicy" | "KmsMasterKeyId" if value.is_empty() => Ok(()),
        "FifoQueue" | "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
            not_yet("FIFO queues are")
        }
        _ if UNSET.contains(&name) => not_yet(&format!("The attribute {name} is")),
        _ if name.starts_with(GROUP_PREFIX) => {
            Err(SqsError::Unsupported(format!("{name} can be set by SetQueueAttributes only, once the queue exists.")))
        }
        _ => Err(SqsError::InvalidAttributeName(name.to_owned())),
    }
}

fn number(name: &str, value: &str, min: u32, max: u32) -> Result<u32, SqsError> {
    let number = u32::try_from(count(name, value)?).ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| not_a_value(name))
}

/// A number of decimal digits and nothing else.
fn count(name: &str, value: &str) -> Result<u64, SqsError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let count = if digits { value.parse().ok() } else { None };
    count.ok_or_else(|| not_a_value(name))
}

fn not_a_value(name: &str) -> SqsError {
    SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}."))
}

fn invalid(name: &str, reason: &str) -> SqsError {
    SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}: {reason}."))
}
