//! A queue's papers: what is kept of it beside its settings, and seldom needed.
//!
//! Where its dead letters go and whose it takes, its tags, and texts that the door keeps here under names of its own. Most
//! queues have none, so that they lie apart from the record. Two indexes follow from them and from names: queues in the order of
//! their names, and of a dead-letter queue those that use it.

use super::{NoSuchQueue, Queues, index::Index};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    command::{Allow, PapersEdit, QueueKey},
    digest::Mixer,
    event::Event,
    limits,
};
use evenkeel_types::AccountId;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// What is kept of a queue beside its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    /// Where jobs go that were granted too often: the name of a queue of the same account, and after how many grants.
    pub redrive: Option<(Arc<str>, u16)>,
    /// Which queues may send theirs here.
    pub allowed: Allowed,
    /// Tags.
    pub tags: BTreeMap<Box<str>, Box<str>>,
    /// Texts by the door's names.
    pub notes: BTreeMap<Box<str>, Box<str>>,
}

/// Which queues of the account may use a queue for their dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Allowed {
    /// All of them.
    #[default]
    Everybody,
    /// None.
    Nobody,
    /// These, by name.
    These(Vec<Box<str>>),
}

/// Why papers were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PapersError {
    /// The dead-letter queue does not exist.
    #[error("the dead-letter queue does not exist")]
    NoSuchTarget,
    /// It is the queue itself, or of the other kind (FIFO or not).
    #[error("a dead-letter queue is another queue of the same kind")]
    UnfitTarget,
    /// The dead-letter queue does not take the jobs of this one.
    #[error("the dead-letter queue does not allow this queue to use it")]
    NotAllowed,
    /// It names a number of grants that there may not be.
    #[error("a job is granted 1 to {} times before it goes to a dead-letter queue", limits::GRANTS_MAX)]
    GrantsOutOfRange,
    /// There would be too many tags, or notes.
    #[error("a queue has at most {} tags", limits::TAGS_MAX)]
    TooMany,
}

/// Queues in the order of account and name.
pub(super) type ByName = Index<(AccountId, Arc<str>), u32>;
/// The sources of dead-letter queues, by these, as slots by name.
pub(super) type Sources = Index<(AccountId, Arc<str>), Index<Arc<str>>>;

impl Papers {
    /// Whether nothing is in them.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One number for all of it.
    pub(super) fn mix(&self) -> u64 {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        Mixer::new(0).bytes(&bytes).finish()
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.redrive.is_some().put(out);
        if let Some((target, grants_max)) = &self.redrive {
            put_bytes(target.as_bytes(), out);
            grants_max.put(out);
        }
        match &self.allowed {
            Allowed::Everybody => 0u8.put(out),
            Allowed::Nobody => 1u8.put(out),
            Allowed::These(names) => {
                2u8.put(out);
                put_count(names.len(), out);
                names.iter().for_each(|name| put_bytes(name.as_bytes(), out));
            }
        }
        for texts in [&self.tags, &self.notes] {
            put_count(texts.len(), out);
            for (name, value) in texts {
                put_bytes(name.as_bytes(), out);
                put_bytes(value.as_bytes(), out);
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut papers = Self::default();
        if bool::get(reader)? {
            let target = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
            papers.redrive = Some((target.into(), u16::get(reader)?));
        }
        let error = reader.malformed("everybody (0), nobody (1) or these (2)");
        papers.allowed = match u8::get(reader)? {
            0 => Allowed::Everybody,
            1 => Allowed::Nobody,
            2 => {
                let count = reader.count(4, "as many names as counted")?;
                let mut name = || reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name").map(Box::from);
                Allowed::These((0..count).map(|_| name()).collect::<Result<_, _>>()?)
            }
            _ => return Err(error),
        };
        for texts in [&mut papers.tags, &mut papers.notes] {
            for _ in 0..reader.count(8, "as many texts as counted")? {
                let name = reader.text(limits::TAG_BYTES_MAX, "a name")?;
                texts.insert(name.into(), reader.text(limits::NOTE_BYTES_MAX, "a text")?.into());
            }
        }
        Ok(papers)
    }
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).expect("what papers hold is limited").put(out);
}

impl Queues {
    /// The papers of a queue once an edit is done.
    ///
    /// # Errors
    /// What the edit asks for cannot be; nothing changed.
    pub(super) fn edited_papers(
        &self,
        key: QueueKey<'_>,
        is_fifo: bool,
        present: &Papers,
        edit: &PapersEdit<'_>,
    ) -> Result<Papers, PapersError> {
        let mut papers = present.clone();
        if let Some(redrive) = &edit.redrive {
            papers.redrive = match redrive {
                None => None,
                Some(redrive) => {
                    if !(1..=limits::GRANTS_MAX).contains(&redrive.grants_max) {
                        return Err(PapersError::GrantsOutOfRange);
                    }
                    let target = QueueKey { name: redrive.target, ..key };
                    let target = self.find(target).ok_or(PapersError::NoSuchTarget)?;
                    let record = self.queues.at(target.slot);
                    if redrive.target == key.name || record.settings().fifo.is_some() != is_fifo {
                        return Err(PapersError::UnfitTarget);
                    }
                    let allows = match record.papers().map(|papers| &papers.allowed) {
                        None | Some(Allowed::Everybody) => true,
                        Some(Allowed::Nobody) => false,
                        Some(Allowed::These(names)) => names.iter().any(|name| **name == *key.name),
                    };
                    if !allows {
                        return Err(PapersError::NotAllowed);
                    }
                    Some((record.name.clone(), redrive.grants_max))
                }
            };
        }
        if let Some(allow) = &edit.allow {
            papers.allowed = match allow {
                None => Allowed::Everybody,
                Some(Allow::Nobody) => Allowed::Nobody,
                Some(Allow::These(names)) => Allowed::These(names.iter().map(|&name| name.into()).collect()),
            };
        }
        for &(name, value) in &edit.notes {
            match value {
                Some(value) => papers.notes.insert(name.into(), value.into()),
                None => papers.notes.remove(name),
            };
        }
        if papers.notes.len() > limits::NOTES_MAX { Err(PapersError::TooMany) } else { Ok(papers) }
    }

    /// A queue's papers, for a change.
    pub(super) fn papers_of(&self, slot: u32) -> Papers {
        self.queues.at(slot).papers().map(|papers| (**papers).clone()).unwrap_or_default()
    }

    /// Gives a queue other papers, keeps the index of sources true, and tells if notes changed.
    pub(super) fn set_papers(&mut self, slot: u32, papers: Papers, events: &mut Vec<Event>) {
        let notes = self.queues.at(slot).papers().map(|papers| &papers.notes);
        if notes.map_or(!papers.notes.is_empty(), |notes| *notes != papers.notes) {
            events.push(Event::NotesChanged(slot));
        }
        self.unindex_source(slot);
        self.queues.edit(slot).set_papers(papers);
        self.index_source(slot);
    }

    pub(super) fn index_source(&mut self, slot: u32) {
        let queue = self.queues.at(slot);
        let Some((target, _)) = queue.papers().and_then(|papers| papers.redrive.as_ref()) else { return };
        let (target, source) = ((queue.account, target.clone()), queue.name.clone());
        self.sources.get_or_default(target).insert(source, ());
    }

    pub(super) fn unindex_source(&mut self, slot: u32) {
        let queue = self.queues.at(slot);
        let Some((target, _)) = queue.papers().and_then(|papers| papers.redrive.as_ref()) else { return };
        let (target, source) = ((queue.account, target.clone()), queue.name.clone());
        if let Some(sources) = self.sources.get_mut(&target) {
            sources.remove(&source);
            if sources.is_empty() {
                self.sources.remove(&target);
            }
        }
    }

    /// Adds tags, or gives those that are there other values.
    ///
    /// # Errors
    /// There is no such queue, or there would be too many tags; nothing changed.
    pub(crate) fn tag(
        &mut self,
        key: QueueKey<'_>,
        tags: &[(&str, &str)],
    ) -> Result<Result<(), PapersError>, NoSuchQueue> {
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        let mut papers = self.papers_of(queue.slot);
        papers.tags.extend(tags.iter().map(|&(key, value)| (key.into(), value.into())));
        if papers.tags.len() > limits::TAGS_MAX {
            return Ok(Err(PapersError::TooMany));
        }
        self.set_papers(queue.slot, papers, &mut Vec::new());
        Ok(Ok(()))
    }

    /// Removes tags; those that are not there are none.
    ///
    /// # Errors
    /// There is no such queue.
    pub(crate) fn untag(&mut self, key: QueueKey<'_>, keys: &[&str]) -> Result<Result<(), PapersError>, NoSuchQueue> {
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        let mut papers = self.papers_of(queue.slot);
        papers.tags.retain(|key, _| !keys.contains(&&**key));
        self.set_papers(queue.slot, papers, &mut Vec::new());
        Ok(Ok(()))
    }

    /// The names of an account's queues that begin with a prefix, in order, at most so many, behind one of them. O(log queues)
    /// and what is returned.
    pub fn names(&self, account: AccountId, prefix: &str, behind: Option<&str>, names_max: usize) -> Vec<Arc<str>> {
        let from = match behind.filter(|behind| *behind >= prefix) {
            Some(behind) => Bound::Excluded((account, Arc::from(behind))),
            None => Bound::Included((account, Arc::from(prefix))),
        };
        let names = self.by_name.range((from, Bound::Unbounded)).map(|((owner, name), _)| (owner, name));
        let names = names.take_while(|(owner, name)| **owner == account && name.starts_with(prefix));
        names.take(names_max).map(|(_, name)| name.clone()).collect()
    }

    /// The names of the queues whose dead letters go to one, in order, at most so many, behind one of them.
    pub fn sources_of(&self, target: QueueKey<'_>, behind: Option<&str>, names_max: usize) -> Vec<Arc<str>> {
        let Some(sources) = self.sources.get(&(target.account, Arc::from(target.name))) else { return Vec::new() };
        let from = behind.map_or(Bound::Unbounded, |behind| Bound::Excluded(Arc::from(behind)));
        sources.range((from, Bound::Unbounded)).take(names_max).map(|(name, ())| name.clone()).collect()
    }

    /// Whether some queue's dead letters go there.
    pub fn is_dead_letter_queue(&self, target: QueueKey<'_>) -> bool {
        self.sources.get(&(target.account, Arc::from(target.name))).is_some()
    }
}
