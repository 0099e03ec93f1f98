//! How a queue behaves: its settings, their ranges and their bytes.

use crate::{
    codec::{DecodeError, Plain, Reader},
    limits,
};
use evenkeel_types::{Micros, limits::BODY_BYTES_MAX};

/// What a group is charged for, in its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FairBy {
    /// Each job granted counts one: groups get equal numbers of jobs.
    #[default]
    Count,
    /// The time that leases were held, charged when each ends: groups get equal worker time, so
    /// that a tenant with minute-long jobs cannot hold every worker.
    LeaseTime,
}

/// Within what a de-duplication id is unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DedupScope {
    /// The queue.
    #[default]
    Queue,
    /// The group.
    Group,
}

/// What SQS would limit the throughput of. There is no limit here; it is kept, and told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThroughputLimit {
    /// The queue.
    #[default]
    PerQueue,
    /// The group. Needs ids that are unique within the group.
    PerGroup,
}

/// How a FIFO queue behaves beyond what others do: the jobs of a group are granted in order, and none while one of them is
/// with a worker; a job sent again within five minutes is not added again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FifoSettings {
    /// The body's hash serves as de-duplication id if the sender gives none.
    pub dedup_by_content: bool,
    /// Within what ids are unique.
    pub dedup_scope: DedupScope,
    /// See there.
    pub throughput_limit: ThroughputLimit,
}

/// A queue's settings. The defaults are those of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a job is leased unless the receiver says otherwise: 0 to 12 hours.
    pub lease: Micros,
    /// How long a new job waits unless its sender says otherwise: 0 to 15 minutes.
    pub delay: Micros,
    /// How long an empty receive waits unless the receiver says otherwise: 0 to 20 seconds.
    pub receive_wait: Micros,
    /// The largest body, in counted bytes: 1,024 to 1,048,576.
    pub body_bytes_max: u32,
    /// What turns are charged for.
    pub fair_by: FairBy,
    /// The weight of the lane of all jobs without a group: 1 to 100.
    pub default_weight: u8,
    /// Jobs in flight per group that has no limit of its own; 0 for none.
    pub group_in_flight_max: u32,
    /// Jobs in the queue, wherever they are; 0 for no limit.
    pub jobs_max: u64,
    /// Bytes of their bodies, as the door stores them; 0 for no limit.
    pub bytes_max: u64,
    /// How long a job may stay, from its sending, in seconds of wall time: 60 to 1,209,600.
    pub retention_secs: u32,
    /// Whether it is a FIFO queue, and how. That it is one cannot be changed.
    pub fifo: Option<FifoSettings>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            lease: Micros::from_secs(30),
            delay: Micros(0),
            receive_wait: Micros(0),
            body_bytes_max: 1_048_576,
            fair_by: FairBy::Count,
            default_weight: 1,
            group_in_flight_max: 0,
            jobs_max: 0,
            bytes_max: 0,
            retention_secs: limits::RETENTION_SECS_DEFAULT,
            fifo: None,
        }
    }
}

/// A group's share of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Turns per round, 1 to 100.
    pub weight: u8,
    /// Jobs in flight at a time; 0 for no limit of its own.
    pub in_flight_max: u32,
}

/// The longest an empty receive may wait (SQS: 20 seconds).
const RECEIVE_WAIT_MAX: Micros = Micros::from_secs(20);
/// The smallest limit on bodies that SQS lets one set, in bytes.
const BODY_BYTES_MAX_MIN: u32 = 1_024;

impl QueueSettings {
    /// The name of the first setting that is out of range.
    pub fn out_of_range(&self) -> Option<&'static str> {
        let checks = [
            (self.lease <= limits::LEASE_MAX, "lease"),
            (self.delay <= limits::DELAY_MAX, "delay"),
            (self.receive_wait <= RECEIVE_WAIT_MAX, "receive wait"),
            (self.body_bytes_max >= BODY_BYTES_MAX_MIN, "body limit"),
            (self.body_bytes_max as usize <= BODY_BYTES_MAX, "body limit"),
            ((1..=limits::WEIGHT_MAX).contains(&self.default_weight), "default weight"),
            (limits::RETENTION_SECS.contains(&self.retention_secs), "retention period"),
            (self.fifo.is_none_or(FifoSettings::fit), "throughput limit"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, name)| name)
    }
}

impl FifoSettings {
    /// A limit per group needs ids per group.
    fn fit(self) -> bool {
        self.throughput_limit == ThroughputLimit::PerQueue || self.dedup_scope == DedupScope::Group
    }
}

impl Plain for FifoSettings {
    fn put(self, out: &mut Vec<u8>) {
        self.dedup_by_content.put(out);
        (self.dedup_scope == DedupScope::Group).put(out);
        (self.throughput_limit == ThroughputLimit::PerGroup).put(out);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let dedup_by_content = bool::get(reader)?;
        let dedup_scope = if bool::get(reader)? { DedupScope::Group } else { DedupScope::Queue };
        let throughput_limit = if bool::get(reader)? { ThroughputLimit::PerGroup } else { ThroughputLimit::PerQueue };
        Ok(Self { dedup_by_content, dedup_scope, throughput_limit })
    }
}

impl Plain for FairBy {
    fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Count => 0u8,
            Self::LeaseTime => 1u8,
        }
        .put(out);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("count (0) or lease time (1)");
        match u8::get(reader)? {
            0 => Ok(Self::Count),
            1 => Ok(Self::LeaseTime),
            _ => Err(error),
        }
    }
}

impl Plain for GroupSettings {
    fn put(self, out: &mut Vec<u8>) {
        self.weight.put(out);
        self.in_flight_max.put(out);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { weight: u8::get(reader)?, in_flight_max: u32::get(reader)? })
    }
}

impl Plain for QueueSettings {
    fn put(self, out: &mut Vec<u8>) {
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
        self.fifo.put(out);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            lease: Micros::get(reader)?,
            delay: Micros::get(reader)?,
            receive_wait: Micros::get(reader)?,
            body_bytes_max: u32::get(reader)?,
            fair_by: FairBy::get(reader)?,
            default_weight: u8::get(reader)?,
            group_in_flight_max: u32::get(reader)?,
            jobs_max: u64::get(reader)?,
            bytes_max: u64::get(reader)?,
            retention_secs: u32::get(reader)?,
            fifo: Option::get(reader)?,
        })
    }
}
