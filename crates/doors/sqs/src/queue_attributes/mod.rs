//! A queue's attributes: SQS's names and strings on one side, the machine's settings and papers on the other.
//!
//! AWS API Reference, CreateQueue, SetQueueAttributes and GetQueueAttributes. Ours begin with `Evenkeel`:
//! `EvenkeelFairBy`, `EvenkeelDefaultWeight`, `EvenkeelGroupInFlightLimit`, `EvenkeelJobsMax` and `EvenkeelBytesMax` are the
//! queue's, `EvenkeelGroup.<group>` is a group's share. What is given is in [`given`], what is told in [`readable`].

mod given;
mod readable;
mod redrive;
mod share;

pub(crate) use given::Given;
pub(crate) use readable::{Asked, Seen, is_attribute};
pub(crate) use redrive::refused as redrive_refused;
pub(crate) use share::{group_share, is_group, write_share};

use crate::{
    error::SqsError,
    json_in::{Members, Text},
    limits::QUEUE_ATTRIBUTES_MAX,
};

/// `Attributes` of a request.
pub(crate) type GivenAttributes<'a> = Members<'a, Text<'a>, QUEUE_ATTRIBUTES_MAX>;

/// The most messages that a queue holds, 0 for no limit.
pub(crate) const JOBS_MAX: &str = "EvenkeelJobsMax";
/// The most bytes of messages that a queue holds, as they are stored, 0 for no limit.
pub(crate) const BYTES_MAX: &str = "EvenkeelBytesMax";

const COUNT: &str = "count";
const LEASE_TIME: &str = "lease_time";

// Attributes that the machine keeps for the door as texts, under these names.
const KMS_KEY: &str = "KmsMasterKeyId";
const KMS_REUSE: &str = "KmsDataKeyReusePeriodSeconds";
/// The queue's policy, in its one form ([`evenkeel_policy::normal`]).
pub const POLICY: &str = "Policy";
const MANAGED_SSE: &str = "SqsManagedSseEnabled";
/// Kept only where it was set to what holds anyway, so that it can be told.
const ALLOW: &str = "RedriveAllowPolicy";

/// How long a data key is used unless set, in seconds (API, SetQueueAttributes).
const KMS_REUSE_DEFAULT: &str = "300";

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

/// In small letters or capitals: much is sent as Python writes it.
fn boolean(name: &str, value: &str) -> Result<bool, SqsError> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(not_a_value(name)),
    }
}

/// That a queue which is none of FIFO was given an attribute that only those have; AWS words it in two ways.
pub(crate) fn only_of_fifo(name: &str) -> SqsError {
    match name {
        "DeduplicationScope" | "FifoThroughputLimit" => {
            SqsError::MisplacedAttribute(format!("You can specify the {name} only when FifoQueue is set to true."))
        }
        _ => SqsError::InvalidAttributeName(name.to_owned()),
    }
}

fn not_a_value(name: &str) -> SqsError {
    SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}."))
}

fn invalid(name: &str, reason: &str) -> SqsError {
    SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}: {reason}."))
}
