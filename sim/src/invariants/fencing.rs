//! **Each owner of the log reigns under a larger epoch than all before,** so that what an earlier one left on its way
//! can be told from its own.

use super::Broken;
use evenkeel_types::Epoch;

/// After each start.
///
/// # Errors
/// The new epoch is not larger.
pub fn check(before: Epoch, now: Epoch) -> Result<(), Broken> {
    if now > before {
        return Ok(());
    }
    Err(Broken::new("fencing", format!("the log was opened under epoch {now}, and the one before was {before}")))
}
