//! What a version of this program knows, so that nodes of different versions keep one log.
//!
//! 1. The state holds the feature level in force. It begins with what the first node knew, and is raised by a command of the log, once all who keep that
//!    log know the new level: [`crate::command::Command::RaiseFeatureLevel`].
//! 2. What came with a level is neither proposed nor applied before that is in force. Whoever adds a command says so in [`Build::level_of`]; whoever
//!    changes what one does branches on the level.
//! 3. A version that does not know the level of an entry, or of a checkpoint, stops there and says so: it would come to another state than the others.

use crate::{command::Command, limits};

/// A version. All but the simulator's are [`Build::PRESENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The newest feature level that it can apply.
    pub feature_level: u32,
    /// The level with which [`Command::Once`] came: 1 in every version that there was. The simulator has others, so that a command of a newer level
    /// is rehearsed before there is one.
    pub once_since: u32,
}

impl Build {
    /// This version.
    pub const PRESENT: Self = Self { feature_level: limits::FEATURE_LEVEL, once_since: 1 };

    /// The level that has to be in force before a command may be proposed.
    #[must_use]
    pub fn level_of(&self, command: &Command<'_>) -> u32 {
        match command {
            Command::Once { .. } => self.once_since,
            // As old as the log.
            _ => 0,
        }
    }
}

impl Default for Build {
    fn default() -> Self {
        Self::PRESENT
    }
}
