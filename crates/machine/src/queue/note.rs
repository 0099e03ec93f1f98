//! `ReplaceNote`: one of the door's texts becomes another, unless somebody else changed it first.
//!
//! Whoever changes a part of a text has to read it first, and what was read may be old by the time the change is applied. So the
//! command carries both, and is refused if the text is not what was read: of two changes at once one is made anew, and none is lost.

use super::{Moment, NoSuchQueue, Papers, Queues};
use crate::{command::QueueKey, event::Event, limits};

/// Why a note was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceNoteError {
    /// There is no such queue.
    #[error(transparent)]
    NoSuchQueue(#[from] NoSuchQueue),
    /// It is another text than was read. Read it again.
    #[error("the note was changed meanwhile")]
    Changed,
    /// There would be too many notes.
    #[error("a queue has at most {} notes", limits::NOTES_MAX)]
    TooMany,
}

impl Queues {
    /// Replaces `before` by `after`, each `None` for no note.
    pub(crate) fn replace_note(
        &mut self,
        at: Moment,
        key: QueueKey<'_>,
        note: &str,
        before: Option<&str>,
        after: Option<&str>,
        events: &mut Vec<Event>,
    ) -> Result<(), ReplaceNoteError> {
        let slot = self.find(key).ok_or(NoSuchQueue)?.slot;
        let mut papers = self.papers_of(slot);
        if papers.notes.get(note).map(|text| &**text) != before {
            return Err(ReplaceNoteError::Changed);
        }
        match after {
            Some(text) => papers.notes.insert(note.into(), text.into()),
            None => papers.notes.remove(note),
        };
        if papers.notes.len() > limits::NOTES_MAX {
            return Err(ReplaceNoteError::TooMany);
        }
        let settings = *self.queues.at(slot).settings();
        self.queues.edit(slot).set_settings(settings, at.wall_time);
        self.set_papers(slot, papers, events);
        Ok(())
    }

    /// The queue in that slot and its papers, if there is a queue with notes among them.
    pub fn noted_at(&self, slot: u32) -> Option<(QueueKey<'_>, &Papers)> {
        let queue = self.queues.get(slot).filter(|queue| queue.is_live())?;
        let papers = queue.papers().filter(|papers| !papers.notes.is_empty())?;
        Some((QueueKey { account: queue.account, name: &queue.name }, papers))
    }

    /// All queues with notes among their papers, each with its slot. O(queues).
    pub fn noted(&self) -> impl Iterator<Item = (u32, QueueKey<'_>, &Papers)> {
        (0..self.queues.used()).filter_map(|slot| self.noted_at(slot).map(|(queue, papers)| (slot, queue, papers)))
    }
}
