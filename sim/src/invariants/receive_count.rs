//! **The receive count grows by exactly one with each grant.** It is the fencing token too.

use super::{Broken, Invariant};
use crate::book::{Book, Fact};

/// See the module.
#[derive(Debug)]
pub struct ReceiveCount;

impl Invariant for ReceiveCount {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (Fact::Granted { queue, grant, .. } | Fact::Regranted { queue, grant, .. }) = fact else { return Ok(()) };
        let before = book.job(*queue, grant.job).map_or(0, |job| job.grants);
        if grant.token.0 == before + 1 {
            return Ok(());
        }
        let what = format!("job {} was granted under token {} after {before}", grant.job, grant.token);
        Err(Broken::new("receive_count", what))
    }
}
