//! `ConfigureQueue` and `ConfigureGroup`: settings change while jobs flow.

use super::{Moment, NoSuchQueue, PapersError, Queues};
use crate::{
    command::{GroupSettings, QueueEdit, QueueKey},
    event::Event,
    limits,
};

/// Why settings were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// There is no such queue.
    #[error(transparent)]
    NoSuchQueue(#[from] NoSuchQueue),
    /// What was given is for FIFO queues only.
    #[error("this is no FIFO queue")]
    OtherKind,
    /// Its papers cannot be.
    #[error(transparent)]
    Papers(#[from] PapersError),
    /// A setting is out of its range.
    #[error("the {0} is out of range")]
    OutOfRange(&'static str),
    /// No more lanes can be made.
    #[error("there are as many groups as can be")]
    TooManyGroups,
}

impl Queues {
    /// Changes a queue's settings and papers. Leases and delays that run keep their ends. A changed limit on groups
    /// holds for each group from its next change on, a changed retention period for all jobs at once.
    pub(crate) fn configure(
        &mut self,
        at: Moment,
        key: QueueKey<'_>,
        edit: &QueueEdit<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ConfigureError> {
        let slot = self.find(key).ok_or(NoSuchQueue)?.slot;
        let record = self.queues.at(slot);
        let settings = edit.over(*record.settings()).ok_or(ConfigureError::OtherKind)?;
        if let Some(name) = settings.out_of_range() {
            return Err(ConfigureError::OutOfRange(name));
        }
        let present = self.papers_of(slot);
        let papers = self.edited_papers(key, settings.fifo.is_some(), &present, &edit.papers)?;
        // What is due follows from the period, so it is taken out under the old one and put in under the new one.
        let oldest = self.queues.at(slot).oldest;
        self.set_oldest(slot, super::expire::NOTHING);
        self.queues.edit(slot).set_settings(settings, at.wall_time);
        self.set_oldest(slot, oldest);
        if papers != present {
            self.set_papers(slot, papers, events);
        }
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
