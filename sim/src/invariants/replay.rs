//! **Same input, same state: replaying the log gives bit-equal state,** from the beginning, from the newest
//! checkpoint and from the one before.

use super::Broken;
use evenkeel_machine::Machine;
use evenkeel_types::LogIndex;

/// The digest of the witness at each index, from the first on.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    digests: Vec<u64>,
}

impl Digests {
    /// Notes the digest at the next index.
    pub fn push(&mut self, digest: u64) {
        self.digests.push(digest);
    }

    /// Compares another machine with the witness at the same index. `false` if the witness was not there yet.
    ///
    /// # Errors
    /// They differ.
    pub fn check(&self, whose: &str, machine: &Machine) -> Result<bool, Broken> {
        let LogIndex(index) = machine.applied();
        let at = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        match at.and_then(|at| self.digests.get(at)) {
            Some(&digest) if digest != machine.digest() => {
                Err(Broken::new("replay", format!("{whose} differs from the witness at entry {index}")))
            }
            found => Ok(found.is_some()),
        }
    }
}
