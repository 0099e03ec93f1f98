//! Who holds which access key, and which policies stand before queues: what the machine keeps, opened and at hand for the threads that
//! check signatures and let requests in.
//!
//! 1. The machine's keys are the truth; the [`Directory`] follows them. The engine's thread changes it before the answer to the change
//!    goes out, so that a key that was revoked lets nobody in after that.
//! 2. A secret is in memory opened, since a signature can be checked in no other way; on the disk it is sealed by the [`Vault`],
//!    whose key is in a file of its own. No `Debug` shows it, and its memory is overwritten when it is dropped.
//! 3. The [`Policies`] follow the texts among the queues' papers in the same way.
//! 4. The root key is here too, and nowhere else: it is no key of the machine, and cannot be revoked.
#![warn(missing_docs)]

mod directory;
mod looking;
mod policies;
mod vault;

pub use directory::{At, Directory, Known, Standing};
pub use looking::Looker;
pub use policies::{Guard, Policies, Signer};
pub use vault::{SEALING_KEY_BYTES, Secret, Vault, VaultError};
