//! **Of all jobs that come to a FIFO queue under one de-duplication id within five minutes, one is added,** and whoever sends another is
//! told of that one.

use super::{Broken, Invariant};
use crate::book::{Book, Fact};
use evenkeel_machine::limits::DEDUP_LIFE;
use evenkeel_types::{JobId, LogTime, QueueId};
use std::collections::BTreeMap;

/// By queue, scope and id: when a job was added, and which.
#[derive(Debug, Default)]
pub struct Dedup {
    added: BTreeMap<(QueueId, String, String), (LogTime, JobId)>,
}

impl Invariant for Dedup {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (queue, (scope, id), job, is_new) = match *fact {
            Fact::Enqueued { queue, dedup: Some(dedup), job, .. } => (queue, dedup, job, true),
            Fact::SentBefore { queue, dedup: Some(dedup), enqueued } => (queue, dedup, enqueued.job, false),
            Fact::SentBefore { enqueued, .. } => {
                let what = format!("a send was answered by job {}, which it has nothing in common with", enqueued.job);
                return Err(Broken::new("dedup", what));
            }
            Fact::Purged { queue, .. } => {
                self.added.retain(|(of, ..), _| *of != queue);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let key = (queue, scope.to_owned(), id.to_owned());
        let first = self.added.get(&key).filter(|(at, _)| book.log_time < *at + DEDUP_LIFE);
        match first {
            Some(&(at, first)) if is_new || job != first => {
                let what = format!("job {job} came of id {id:?} after job {first} did at {}", at.0);
                Err(Broken::new("dedup", what))
            }
            None if !is_new => Err(Broken::new("dedup", format!("job {job} was answered for id {id:?}, which is new"))),
            Some(_) => Ok(()),
            None => {
                self.added.insert(key, (book.log_time, job));
                Ok(())
            }
        }
    }
}
