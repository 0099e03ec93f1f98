//! Events: news of what changed, for those outside. Losing one loses no work.

use evenkeel_types::{BodyRef, QueueId};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A queue may have a job to grant that it had not before: wake who waits.
    Ready(QueueId),
    /// The access key in that slot was made, changed or revoked: see [`crate::account::Keys::at`].
    KeyChanged(u32),
    /// The notes among the papers of the queue in that slot changed, or the queue that had some was deleted: see
    /// [`crate::queue::Queues::noted_at`].
    NotesChanged(u32),
    /// A job's body is needed from now on.
    BodyKept(BodyRef),
    /// The job with this body took another slot: whoever looks at all jobs, a few slots at a time, may miss it or meet it twice.
    BodyMoved(BodyRef),
    /// A job left for good; its body is not needed any more.
    BodyReleased(BodyRef),
}
