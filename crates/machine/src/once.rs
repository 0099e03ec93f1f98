//! `Once`: a change that a client asks for again, because it heard no answer, is not made again; the client is told what it was told.
//!
//! 1. Only a success is kept. What was refused changed nothing, so that it may be tried again.
//! 2. A success of these commands says a number at most; that is what is kept, in [`crate::queue`]'s memory of calls.
//!
//! Without it a repetition would take away what was sent, tagged or set by others in the meantime, or be refused because what it
//! asks for is there already.

use crate::{
    command::{CallKey, Command},
    event::Event,
    machine::Machine,
    queue::Moment,
    reply::Reply,
};
use evenkeel_types::QueueId;

impl Machine {
    /// Makes the change, or says what was said when it was made.
    pub(crate) fn once(&mut self, at: Moment, call: CallKey, change: &Command<'_>, events: &mut Vec<Event>) -> Reply {
        let before = self.queues.done_by(at.log_time, call).and_then(|number| said(change, number));
        if let Some(first) = before {
            return first;
        }
        let reply = self.run(at, change, events);
        if let Some(number) = number_of(&reply) {
            self.queues.note_done(at.log_time, call, number);
        }
        reply
    }
}

/// The number in a success; `None` for a refusal.
fn number_of(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::QueueCreated(Ok(queue)) => Some(u64::from(queue.slot) << 32 | u64::from(queue.generation)),
        Reply::MoveStarted(Ok(number)) | Reply::MoveCancelled(Ok(number)) | Reply::Purged(Ok(number)) => Some(*number),
        Reply::Configured(Ok(())) | Reply::NoteReplaced(Ok(())) | Reply::Tagged(Ok(Ok(()))) => Some(0),
        _ => None,
    }
}

/// The success of a command that has that number.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
fn said(change: &Command<'_>, number: u64) -> Option<Reply> {
    match change {
        Command::CreateQueue { .. } => {
            let queue = QueueId { slot: (number >> 32) as u32, generation: number as u32 };
            Some(Reply::QueueCreated(Ok(queue)))
        }
        Command::StartMove { .. } => Some(Reply::MoveStarted(Ok(number))),
        Command::CancelMove { .. } => Some(Reply::MoveCancelled(Ok(number))),
        Command::PurgeQueue { .. } => Some(Reply::Purged(Ok(number))),
        Command::ConfigureQueue { .. } | Command::ConfigureGroup { .. } => Some(Reply::Configured(Ok(()))),
        Command::ReplaceNote { .. } => Some(Reply::NoteReplaced(Ok(()))),
        Command::TagQueue { .. } | Command::UntagQueue { .. } => Some(Reply::Tagged(Ok(Ok(())))),
        _ => None,
    }
}
