//! What a client asks and what it is told, free of any wire format.

/// A message to be sent. Its body carries the number by which the oracle knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The oracle's number.
    pub number: u64,
    /// The body.
    pub body: String,
    /// Its group, if any.
    pub group: Option<String>,
    /// Its delay in seconds, if any.
    pub delay_secs: Option<u64>,
    /// Its de-duplication id, if any.
    pub dedup: Option<String>,
}

/// A message that a client holds, or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMessage {
    /// Its id.
    pub id: String,
    /// Its receive count under this lease.
    pub count: u32,
    /// The handle of this lease.
    pub handle: String,
}

impl From<&Message> for HeldMessage {
    fn from(message: &Message) -> Self {
        Self { id: message.id.clone(), count: message.count, handle: message.handle.clone() }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Makes a queue with these attributes.
    Create {
        /// Its name.
        queue: String,
        /// SQS's names and values.
        attributes: Vec<(String, String)>,
    },
    /// Changes a queue's attributes.
    Configure {
        /// Its name.
        queue: String,
        /// SQS's names and values, and ours.
        attributes: Vec<(String, String)>,
    },
    /// Sends messages: alone unless `batch` is set.
    Send {
        /// Where to.
        queue: String,
        /// One, or one to ten.
        messages: Vec<NewMessage>,
        /// By the batch action.
        batch: bool,
    },
    /// Receives messages.
    Receive {
        /// Where from.
        queue: String,
        /// How many at most.
        max: u64,
        /// How long to wait.
        wait_secs: Option<u64>,
        /// How long to hold them.
        lease_secs: Option<u64>,
        /// The client's id for this attempt and its repetitions, at a FIFO queue.
        attempt: Option<String>,
    },
    /// Finishes messages.
    Delete {
        /// Where.
        queue: String,
        /// Which.
        held: Vec<HeldMessage>,
        /// By the batch action.
        batch: bool,
    },
    /// Changes how long a message is held.
    Change {
        /// Where.
        queue: String,
        /// Which.
        held: HeldMessage,
        /// From now on.
        lease_secs: u64,
    },
    /// Removes all messages of a queue.
    Purge {
        /// Which.
        queue: String,
    },
    /// Removes a queue.
    DeleteQueue {
        /// Which.
        queue: String,
    },
    /// Begins to move dead letters.
    Move {
        /// From which queue.
        queue: String,
        /// Where to; to where each came from if absent.
        destination: Option<String>,
        /// Messages a second.
        rate: Option<u64>,
    },
    /// Ends that.
    CancelMove {
        /// Of which queue.
        queue: String,
        /// Of which task.
        handle: String,
    },
    /// Asks how many messages are where.
    Counts {
        /// Where.
        queue: String,
    },
}

impl Ask {
    /// The queue it is about.
    #[must_use]
    pub fn queue(&self) -> &str {
        match self {
            Self::Create { queue, .. }
            | Self::Configure { queue, .. }
            | Self::Send { queue, .. }
            | Self::Receive { queue, .. }
            | Self::Delete { queue, .. }
            | Self::Change { queue, .. }
            | Self::Purge { queue }
            | Self::DeleteQueue { queue }
            | Self::Move { queue, .. }
            | Self::CancelMove { queue, .. }
            | Self::Counts { queue } => queue,
        }
    }
}

/// A message received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The handle of this lease.
    pub handle: String,
    /// Its body.
    pub body: String,
    /// Its group, if any.
    pub group: Option<String>,
    /// How often it was received, this time included.
    pub count: u32,
}

/// What the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is done.
    Done,
    /// Each message's id, or why not. In the order of the request.
    Sent(Vec<Result<String, String>>),
    /// The messages.
    Received(Vec<Message>),
    /// For each message whether it was answered that it is finished.
    Deleted(Vec<bool>),
    /// Ready, leased and delayed.
    Counts([u64; 3]),
    /// A move task's handle.
    Moving(String),
    /// Refused; nothing was done.
    Refused(String),
    /// An error after which it may have been done.
    Unclear(String),
    /// The answer made no sense.
    Garbled(String),
}
