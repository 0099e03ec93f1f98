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
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, name)| name)
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
        })
    }
}
