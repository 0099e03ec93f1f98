//! **A lease is held by one worker: no job is granted while it is leased, delayed or gone.**
//!
//! Judged in log time, which is what leases run on.

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Place};

/// See the module.
#[derive(Debug)]
pub struct OneLease;

impl Invariant for OneLease {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Granted { queue, grant, .. } = fact else { return Ok(()) };
        let broken = |what| Err(Broken::new("one_lease", format!("job {}, token {}: {what}", grant.job, grant.token)));
        let Some(job) = book.job(*queue, grant.job) else {
            return broken("granted, but it is not there".to_owned());
        };
        match job.place {
            Place::Ready => {}
            Place::Leased(until) => {
                return broken(format!("granted at {} while leased until {}", book.log_time.0, until.0));
            }
            Place::Delayed(until) => {
                return broken(format!("granted at {} while delayed until {}", book.log_time.0, until.0));
            }
        }
        if job.body != grant.body || *job.group != *grant.group {
            return broken(format!("granted with {:?} of group {:?}, it is {job:?}", grant.body, grant.group));
        }
        Ok(())
    }
}
