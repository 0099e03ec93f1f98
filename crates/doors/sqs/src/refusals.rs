//! What the engine and the machine refuse, in SQS's words. Exhaustive on purpose: a new refusal must find its place here.

use crate::{
    actions::create_queue::FIFO_NAME,
    error::SqsError,
    limits::MOVE_RATE_MAX,
    queue_attributes::{BYTES_MAX, JOBS_MAX, POLICY, redrive_refused},
};
use evenkeel_engine::{Answer, Description, EngineError, Looked, Received};
use evenkeel_machine::{
    Reply,
    limits::GRANTS_MAX,
    queue::{
        AckError, Cap, ChangeLeaseError, ConfigureError, CreateQueueError, EnqueueError, MoveError, NoSuchQueue,
        PapersError, ReceiveError, ReplaceNoteError,
    },
};
use evenkeel_policy::{PermissionError, PolicyError};
use std::sync::Arc;

/// An answer to another question than was asked: our own mistake, which must cost no more than this request.
const MISMATCH: SqsError = SqsError::InternalFailure("The server answered another question than was asked.");

/// The reply to a command.
pub(crate) fn reply(answer: Answer) -> Result<Reply, SqsError> {
    match answer {
        Answer::Reply(reply) => Ok(reply),
        Answer::Failed(error) => Err(error.into()),
        Answer::Received(_) | Answer::Described(_) | Answer::Looked(_) => Err(MISMATCH),
    }
}

/// The jobs received.
pub(crate) fn received(answer: Answer) -> Result<Received, SqsError> {
    match answer {
        Answer::Received(received) => Ok(received?),
        Answer::Failed(error) => Err(error.into()),
        Answer::Reply(_) | Answer::Described(_) | Answer::Looked(_) => Err(MISMATCH),
    }
}

/// The queue as it is, if there is one.
pub(crate) fn described(answer: Answer) -> Result<Result<Description, NoSuchQueue>, SqsError> {
    match answer {
        Answer::Described(described) => Ok(described),
        Answer::Failed(error) => Err(error.into()),
        Answer::Reply(_) | Answer::Received(_) | Answer::Looked(_) => Err(MISMATCH),
    }
}

/// What was looked at, if there is such a queue.
pub(crate) fn looked(answer: Answer) -> Result<Result<Looked, NoSuchQueue>, SqsError> {
    match answer {
        Answer::Looked(looked) => Ok(looked),
        Answer::Failed(error) => Err(error.into()),
        Answer::Reply(_) | Answer::Received(_) | Answer::Described(_) => Err(MISMATCH),
    }
}

/// The names of queues that were looked at.
pub(crate) fn names(answer: Answer) -> Result<Vec<Arc<str>>, SqsError> {
    match looked(answer)?? {
        Looked::Names(names) => Ok(names),
        other => Err(mislooked(other)),
    }
}

/// Whether a call made its change already.
pub(crate) fn was_called(answer: Answer) -> Result<bool, SqsError> {
    match looked(answer)?? {
        Looked::Called(was_done) => Ok(was_done),
        other => Err(mislooked(other)),
    }
}

/// A reply to another command than was proposed.
pub(crate) fn mismatch(_: Reply) -> SqsError {
    MISMATCH
}

/// Something else than was to be looked at.
pub(crate) fn mislooked(_: Looked) -> SqsError {
    MISMATCH
}

impl From<EngineError> for SqsError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Stopping => Self::ServiceUnavailable("The server is stopping. Nothing was done; retry."),
            EngineError::NotLeading => Self::ServiceUnavailable("This node does not lead. Nothing was done; retry."),
            EngineError::Halted(_) => Self::ServiceUnavailable(
                "An entry of the server's log cannot be applied; the server's log says more. Nothing was done; retry.",
            ),
            EngineError::NotHalted => Self::ServiceUnavailable("The server has not halted. Nothing was done."),
            EngineError::Overloaded => Self::ServiceUnavailable("The server is overloaded. Nothing was done; retry."),
            EngineError::DiskFull => {
                Self::ServiceUnavailable("The server's disk is full. Nothing was done; retry once there is room.")
            }
            EngineError::Full => Self::ServiceUnavailable(
                "The server holds as many messages as its settings allow (max_jobs, max_bytes). Nothing was done; retry.",
            ),
            EngineError::TooManyIds => Self::ServiceUnavailable(
                "The server remembers as many deduplication ids as its settings allow (max_dedup_ids). Nothing was done; retry.",
            ),
            EngineError::Lost => Self::InternalFailure("The server's log failed. This may or may not have been done."),
            EngineError::BodyUnreadable => {
                Self::InternalFailure("The body of a message cannot be read. See the server's log.")
            }
            // An SDK's retry is the same call, and gets these messages.
            EngineError::BodyNotReadNow => {
                Self::ServiceUnavailable("The body of a message cannot be read for now. See the server's log; retry.")
            }
        }
    }
}

impl From<NoSuchQueue> for SqsError {
    fn from(NoSuchQueue: NoSuchQueue) -> Self {
        Self::QueueDoesNotExist
    }
}

impl From<ReplaceNoteError> for SqsError {
    fn from(error: ReplaceNoteError) -> Self {
        match error {
            ReplaceNoteError::NoSuchQueue(error) => error.into(),
            ReplaceNoteError::Changed => Self::ServiceUnavailable("The queue is being changed by others. Retry."),
            ReplaceNoteError::TooMany => Self::OverLimit(format!("{error}.")),
        }
    }
}

impl From<PermissionError> for SqsError {
    fn from(error: PermissionError) -> Self {
        match &error {
            PermissionError::Label(_)
            | PermissionError::LabelTaken(_)
            | PermissionError::NoSuchLabel(_)
            | PermissionError::NoLabels(_)
            | PermissionError::Account(_)
            | PermissionError::OwnersAction(_)
            | PermissionError::NoAction(_) => Self::InvalidParameterValue(error.to_string()),
            PermissionError::TooMany(..) => Self::OverLimit(error.to_string()),
            PermissionError::Policy(PolicyError::TooLong) => Self::OverLimit(format!("{error}.")),
            PermissionError::Policy(error) => error.into(),
        }
    }
}

impl From<&PolicyError> for SqsError {
    /// As AWS says it, and why.
    fn from(error: &PolicyError) -> Self {
        Self::InvalidAttributeValue(format!("Invalid value for the parameter {POLICY}. Reason: {error}."))
    }
}

impl From<ReceiveError> for SqsError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NoSuchQueue(error) => error.into(),
            ReceiveError::TooManyInFlight => Self::OverLimit(format!("{error}.")),
            ReceiveError::OutOfRange => Self::InvalidParameterValue(error.to_string()),
        }
    }
}

impl From<EnqueueError> for SqsError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::BodyTooLarge { max, .. } => Self::too_long(max),
            EnqueueError::DelayTooLong => Self::InvalidParameterValue(error.to_string()),
            EnqueueError::NoGroup => Self::MissingParameter("MessageGroupId"),
            EnqueueError::NoDedupId => Self::InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
                    .to_owned(),
            ),
            EnqueueError::OwnDelay => Self::InvalidParameterValue(
                "The request include parameter that is not valid for this queue type. Reason: DelaySeconds".to_owned(),
            ),
            EnqueueError::RefusedBefore => Self::InternalFailure(
                "This was refused when the call came first, and the answer was lost. Send it again in a new call.",
            ),
            EnqueueError::QueueFull { cap, .. } => {
                let name = match cap {
                    Cap::Jobs => JOBS_MAX,
                    Cap::Bytes => BYTES_MAX,
                };
                Self::OverLimit(format!("Nothing was sent: {error} ({name})."))
            }
            EnqueueError::Full => Self::OverLimit(format!("{error}.")),
        }
    }
}

/// Why a queue, which was given that RedrivePolicy, was not changed.
pub(crate) fn not_configured(error: ConfigureError, redrive: &str) -> SqsError {
    match error {
        ConfigureError::NoSuchQueue(error) => error.into(),
        ConfigureError::Papers(error) => not_kept(error, redrive),
        ConfigureError::OtherKind => SqsError::InvalidAttributeName("FifoQueue".to_owned()),
        ConfigureError::OutOfRange(_) => SqsError::InvalidAttributeValue(error.to_string()),
        ConfigureError::TooManyGroups => SqsError::OverLimit(format!("{error}.")),
    }
}

/// Why a queue's papers, with that RedrivePolicy among them, are not kept.
pub(crate) fn not_kept(error: PapersError, redrive: &str) -> SqsError {
    let redrive = |reason: &str| redrive_refused(redrive, reason);
    match error {
        PapersError::NoSuchTarget => redrive("Dead letter target does not exist."),
        PapersError::UnfitTarget => {
            redrive("Dead-letter queue must be same type of queue as the source, and another queue.")
        }
        PapersError::NotAllowed => redrive("Dead letter target does not allow this queue as a source."),
        PapersError::GrantsOutOfRange => redrive(&format!(
            "Invalid value for maxReceiveCount, valid values are from 1 to {GRANTS_MAX} both inclusive."
        )),
        PapersError::TooMany => {
            SqsError::InvalidParameterValue("Too many tags: a queue has at most 50 of them.".to_owned())
        }
    }
}

impl From<MoveError> for SqsError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::NoSuchSource => {
                Self::ResourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
            }
            MoveError::NotDeadLetters => {
                Self::InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.".to_owned())
            }
            MoveError::NoSuchDestination => Self::ResourceNotFound(
                "The resource that you specified for the DestinationArn parameter doesn't exist, is the source, or is of \
                 another type than the source.",
            ),
            MoveError::Running => Self::InvalidParameterValue(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
                    .to_owned(),
            ),
            MoveError::RateOutOfRange => Self::InvalidParameterValue(format!(
                "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: it must be 1 to {MOVE_RATE_MAX}."
            )),
            MoveError::TooMany => Self::OverLimit(format!("{error}.")),
            MoveError::NoSuchTask => Self::ResourceNotFound("Task does not exist."),
        }
    }
}

/// Why a queue, which was given that RedrivePolicy, was not made; `Ok` if it exists with other settings, which ones only a second
/// look can tell.
pub(crate) fn not_created(error: CreateQueueError, redrive: &str) -> Result<(), SqsError> {
    match error {
        CreateQueueError::ExistsDifferently => Ok(()),
        CreateQueueError::DeletedLately => Err(SqsError::QueueDeletedRecently),
        CreateQueueError::Papers(error) => Err(not_kept(error, redrive)),
        CreateQueueError::NameOfOtherKind => Err(SqsError::InvalidParameterValue(FIFO_NAME.to_owned())),
        CreateQueueError::NoName => Err(SqsError::MissingParameter("QueueName")),
        CreateQueueError::OutOfRange(_) => Err(SqsError::InvalidAttributeValue(error.to_string())),
        CreateQueueError::TooMany => Err(SqsError::OverLimit(format!("{error}."))),
    }
}

/// A late or repeated delete is no error: clients retry deletes on time-outs and rely on this. But in a FIFO queue, of which the handle
/// is remembered, a lease that has ended is said to have.
pub(crate) fn deleted(acked: Result<(), AckError>, fifo_handle: Option<&str>) -> Result<(), SqsError> {
    match (acked, fifo_handle) {
        (Ok(()) | Err(AckError::NotThere { .. }), _) | (Err(_), None) => Ok(()),
        (Err(AckError::LeaseLost { .. } | AckError::Expired { .. }), Some(handle)) => Err(SqsError::expired(handle)),
    }
}

/// Why a lease, asked for by that handle and for that time, was not changed.
pub(crate) fn not_changed(error: ChangeLeaseError, handle: &str, seconds: i32) -> SqsError {
    match error {
        ChangeLeaseError::NotHeld(AckError::NotThere { .. } | AckError::LeaseLost { .. }) => SqsError::not_held(handle),
        ChangeLeaseError::NotHeld(AckError::Expired { .. }) => SqsError::expired(handle),
        ChangeLeaseError::TooLong => SqsError::held_too_long(seconds),
    }
}
