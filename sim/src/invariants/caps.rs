//! **A queue never takes more than its settings allow, and refuses nothing that they do.**

use super::{Broken, Invariant};
use crate::book::{Book, Fact};
use evenkeel_machine::queue::{Cap, EnqueueError};

/// See the module.
#[derive(Debug)]
pub struct Caps;

impl Invariant for Caps {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (queue, bytes, refused) = match fact {
            Fact::Enqueued { queue, body, .. } => (queue, u64::from(body.bytes), None),
            Fact::Full { queue, bytes, error } => (queue, *bytes, Some(*error)),
            _ => return Ok(()),
        };
        // Where jobs come and go unseen, what was there at that moment is not known.
        let Some(queue) = book.queues.get(queue).filter(|queue| !queue.has_letters && queue.lasts()) else {
            return Ok(());
        };
        let (jobs_max, bytes_max) = (queue.settings.jobs_max, queue.settings.bytes_max);
        if jobs_max == 0 && bytes_max == 0 && refused.is_none() {
            return Ok(());
        }
        let jobs = queue.jobs.len() as u64;
        let held: u64 = queue.jobs.values().map(|job| u64::from(job.body.bytes)).sum();
        let expected = if jobs_max != 0 && jobs >= jobs_max {
            Some(EnqueueError::QueueFull { cap: Cap::Jobs, present: jobs, max: jobs_max })
        } else if bytes_max != 0 && held + bytes > bytes_max {
            Some(EnqueueError::QueueFull { cap: Cap::Bytes, present: held, max: bytes_max })
        } else {
            None
        };
        if expected == refused {
            return Ok(());
        }
        Err(Broken::new("caps", format!("a job was answered {refused:?}, it should have been {expected:?}")))
    }
}
