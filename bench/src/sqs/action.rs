//! The actions called, and the kinds of call that are told apart in reports.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    CreateQueue,
    DeleteQueue,
    PurgeQueue,
    SendMessage,
    SendMessageBatch,
    ReceiveMessage,
    DeleteMessage,
    DeleteMessageBatch,
}

impl Action {
    pub const ALL: [Self; 8] = [
        Self::CreateQueue,
        Self::DeleteQueue,
        Self::PurgeQueue,
        Self::SendMessage,
        Self::SendMessageBatch,
        Self::ReceiveMessage,
        Self::DeleteMessage,
        Self::DeleteMessageBatch,
    ];

    /// The value of `X-Amz-Target`.
    pub fn target(self) -> &'static str {
        match self {
            Self::CreateQueue => "AmazonSQS.CreateQueue",
            Self::DeleteQueue => "AmazonSQS.DeleteQueue",
            Self::PurgeQueue => "AmazonSQS.PurgeQueue",
            Self::SendMessage => "AmazonSQS.SendMessage",
            Self::SendMessageBatch => "AmazonSQS.SendMessageBatch",
            Self::ReceiveMessage => "AmazonSQS.ReceiveMessage",
            Self::DeleteMessage => "AmazonSQS.DeleteMessage",
            Self::DeleteMessageBatch => "AmazonSQS.DeleteMessageBatch",
        }
    }
}

/// A kind of call, with latencies of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Send,
    SendBatch,
    Receive,
    Delete,
    DeleteBatch,
    /// A receive on a queue that is empty.
    IdlePoll,
    CreateQueue,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Send,
        Self::SendBatch,
        Self::Receive,
        Self::Delete,
        Self::DeleteBatch,
        Self::IdlePoll,
        Self::CreateQueue,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendBatch => "send batch",
            Self::Receive => "receive",
            Self::Delete => "delete",
            Self::DeleteBatch => "delete batch",
            Self::IdlePoll => "idle poll",
            Self::CreateQueue => "create queue",
        }
    }

    pub fn action(self) -> Action {
        match self {
            Self::Send => Action::SendMessage,
            Self::SendBatch => Action::SendMessageBatch,
            Self::Receive | Self::IdlePoll => Action::ReceiveMessage,
            Self::Delete => Action::DeleteMessage,
            Self::DeleteBatch => Action::DeleteMessageBatch,
            Self::CreateQueue => Action::CreateQueue,
        }
    }
}
