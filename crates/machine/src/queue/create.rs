//! `CreateQueue`: a name becomes a queue.

use super::{Moment, Papers, PapersError, Queues, fifo};
use crate::{
    command::{PapersEdit, QueueKey, QueueSettings},
    event::Event,
    limits,
    recent::Kind,
};
use evenkeel_types::QueueId;

/// Why a queue was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateQueueError {
    /// It exists with other settings. Ask for its own, or change them.
    #[error("a queue of that name exists with other settings")]
    ExistsDifferently,
    /// One of that name was deleted within the last minute. Wait, or choose another.
    #[error("a queue of that name was deleted within the last {} seconds", limits::DELETED_LIFE.0 / 1_000_000)]
    DeletedLately,
    /// Its papers cannot be.
    #[error(transparent)]
    Papers(#[from] PapersError),
    /// The name is empty.
    #[error("a queue needs a name")]
    NoName,
    /// The names of FIFO queues end in `.fifo`, and no others.
    #[error("the name of a FIFO queue ends in .fifo, and that of no other")]
    NameOfOtherKind,
    /// A setting is out of its range.
    #[error("the queue's {0} is out of range")]
    OutOfRange(&'static str),
    /// There are as many queues as there may be.
    #[error("there are {} queues already, as many as can be", limits::QUEUES_MAX)]
    TooMany,
}

impl Queues {
    /// Makes a queue, or finds the one that has the same settings; whatever its tags and papers are.
    pub(crate) fn create(
        &mut self,
        at: Moment,
        key: QueueKey<'_>,
        settings: QueueSettings,
        papers: &PapersEdit<'_>,
        tags: &[(&str, &str)],
        events: &mut Vec<Event>,
    ) -> Result<QueueId, CreateQueueError> {
        if key.name.is_empty() {
            return Err(CreateQueueError::NoName);
        }
        if key.name.ends_with(fifo::NAME_END) != settings.fifo.is_some() {
            return Err(CreateQueueError::NameOfOtherKind);
        }
        if let Some(name) = settings.out_of_range() {
            return Err(CreateQueueError::OutOfRange(name));
        }
        if let Some(queue) = self.find(key) {
            let same = *self.queues.at(queue.slot).settings() == settings;
            return if same { Ok(queue) } else { Err(CreateQueueError::ExistsDifferently) };
        }
        if self.queues.live() >= limits::QUEUES_MAX {
            return Err(CreateQueueError::TooMany);
        }
        if self.recent.find(Kind::Deleted, self.name_key(key), at.log_time).is_some() {
            return Err(CreateQueueError::DeletedLately);
        }
        let mut papers = self.edited_papers(key, settings.fifo.is_some(), &Papers::default(), papers)?;
        papers.tags = tags.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        let hash = self.hash_of_queue(key);
        let slot = self.queues.allocate().ok_or(CreateQueueError::TooMany)?;
        self.queues.edit(slot).occupy(key.account, key.name, hash, settings, at.wall_time);
        self.queue_names.insert(&mut self.queues, slot);
        self.by_name.insert((key.account, self.queues.at(slot).name.clone()), slot);
        self.set_papers(slot, papers, events);
        Ok(self.id_of(slot))
    }
}
