//! **A group never has more jobs in flight than its limit.**
//!
//! Judged at each grant. (A worker that renews a lease which had run out may go over by that; this is documented,
//! and no grant follows until it has ended.)

use super::{Broken, Invariant};
use crate::book::{Book, Fact};

/// See the module.
#[derive(Debug)]
pub struct GroupLimit;

impl Invariant for GroupLimit {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Granted { queue, grant, .. } = fact else { return Ok(()) };
        let Some(queue) = book.queues.get(queue) else { return Ok(()) };
        let Some(lane) = queue.lanes.get(&*grant.group) else { return Ok(()) };
        let limit = lane.limit(&queue.settings);
        if limit == 0 || lane.leased < limit {
            return Ok(());
        }
        let what = format!("group {:?} got one more with {} of {limit} in flight", grant.group, lane.leased);
        Err(Broken::new("group_limit", what))
    }
}
