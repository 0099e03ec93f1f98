//! `ConfigureQueue` and `ConfigureGroup`: settings change while jobs flow.

use super::{NoSuchQueue, Queues};
use crate::{
    command::{GroupSettings, QueueKey, QueueSettings},
    event::Event,
    limits,
};

/// Why settings were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// There is no such queue.
    #[error(transparent)]
    NoSuchQueue(#[from] NoSuchQueue),
    /// A queue is a FIFO queue from its beginning, or never.
    #[error("whether a queue is a FIFO queue cannot be changed")]
    OtherKind,
    /// A setting is out of its range.
    #[error("the {0} is out of range")]
    OutOfRange(&'static str),
    /// No more lanes can be made.
    #[error("there are as many groups as can be")]
    TooManyGroups,
}

impl Queues {
    /// Replaces a queue's settings. Leases and delays that run keep their ends. A changed limit on groups
    /// holds for each group from its next change on.
    pub(crate) fn configure(&mut self, key: QueueKey<'_>, settings: QueueSettings) -> Result<(), ConfigureError> {
        if let Some(name) = settings.out_of_range() {
            return Err(ConfigureError::OutOfRange(name));
        }
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        if self.queues.at(queue.slot).settings().fifo.is_some() != settings.fifo.is_some() {
            return Err(ConfigureError::OtherKind);
        }
        self.queues.edit(queue.slot).set_settings(settings);
        Ok(())
    }

    /// Gives a group its own weight and limit, kept until they are replaced. Weight 1 and no limit are what a group has anyway.
    pub(crate) fn configure_group(
        &mut self,
        key: QueueKey<'_>,
        group: &str,
        settings: GroupSettings,
        events: &mut Vec<Event>,
    ) -> Result<(), ConfigureError> {
        if !(1..=limits::WEIGHT_MAX).contains(&settings.weight) {
            return Err(ConfigureError::OutOfRange("weight"));
        }
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        // A group that is as any other needs no settings of its own, and no lane before it has jobs.
        let usual = settings == GroupSettings { weight: 1, in_flight_max: 0 } && !group.is_empty();
        let is_usual = self.find_lane(queue.slot, group).is_none() && self.find_own(queue.slot, group).is_none();
        if usual && is_usual {
            return Ok(());
        }
        let lane = self.lane_of(queue.slot, group).ok_or(ConfigureError::TooManyGroups)?;
        self.set_own(lane, (!usual).then_some(settings));
        self.settle(lane, events);
        Ok(())
    }
}
