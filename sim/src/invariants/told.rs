//! **What clients are told is true:** an acknowledged job is received, with its own body, until it is finished; one that
//! was finished under its newest lease never comes back; no two receives of a job count the same; none comes
//! before its delay, or while another client holds it.
//!
//! This is judged by what clients see alone ([`crate::oracle`]), door and wire format included.

use super::Broken;

/// A promise that a client saw broken.
pub fn broken<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::new("told", what))
}
