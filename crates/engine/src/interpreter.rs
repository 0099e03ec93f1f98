//! What jobs are called and what their bodies say, for those who show them to people.
//!
//! The machine knows slots and entries, and the bytes of a body are the door's that took it in. So a door says how both are to be read.

use evenkeel_types::{BodyRef, JobId, LogIndex};

/// Reads what a door wrote.
pub trait Interpreter: Send + Sync {
    /// What clients call a job.
    fn id(&self, job: JobId, body: BodyRef) -> String;

    /// Where the job of that name lies, if it could be a name. There may be none there, or another's.
    fn place(&self, id: &str) -> Option<JobPlace>;

    /// What a body says; `None` if it is not the door's, or damaged.
    fn read(&self, body: &[u8]) -> Option<Legible>;
}

/// Where a job lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPlace {
    /// The entry that brought it.
    pub index: LogIndex,
    /// Its body's first byte in that entry.
    pub offset: u32,
    /// Its slot.
    pub slot: u32,
}

/// A body, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Legible {
    /// What was sent.
    pub text: String,
    /// Who sent it.
    pub sender: String,
    /// What was sent beside it.
    pub attributes: Vec<Attribute>,
}

/// Something that was sent beside a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Its value, as text; bytes are in base64.
    pub value: String,
}
