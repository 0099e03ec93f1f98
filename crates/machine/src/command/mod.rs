//! Commands: everything that can change the state, as verbs, and their bytes in the log.
//!
//! A command is decoded from the log's own bytes and borrows from them; the same bytes are applied
//! on the first run and on every replay. What is uncertain outside (time, randomness) was settled
//! before and travels in the batch's header or in the command.

mod decode;
mod edit;
mod encode;
mod settings;

pub use edit::{Allow, PapersEdit, QueueEdit, Redrive};
pub use encode::without_once;
pub use settings::{DedupScope, FairBy, FifoSettings, GroupSettings, QueueSettings, ThroughputLimit};

use evenkeel_types::{AccountId, JobId, LeaseToken, LogIndex, Micros, QueueId, WallTime};

/// One change of state, asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// The first command of every log.
    Begin(Begin),
    /// Lets `apply` use what a newer version brought, once every node supports it.
    RaiseFeatureLevel {
        /// The level to reach; at least the present one.
        level: u32,
    },
    /// Says that an entry before this one cannot be applied, and is passed over by every node. Alone in its entry. The machine does nothing: whoever
    /// follows the log heeds it ([`crate::batch::skipped_by`]), since it has to before it gets here.
    Skip {
        /// Which.
        entry: LogIndex,
    },
    /// Makes a queue, or finds the one that has the same settings.
    CreateQueue {
        /// Whose, and called what.
        queue: QueueKey<'a>,
        /// How it behaves.
        settings: QueueSettings,
        /// The rest, if it is made.
        papers: PapersEdit<'a>,
        /// Its tags, if it is made.
        tags: Vec<(&'a str, &'a str)>,
    },
    /// Changes a queue's settings and papers: what is given, and nothing else.
    ConfigureQueue {
        /// Which.
        queue: QueueKey<'a>,
        /// What.
        edit: QueueEdit<'a>,
    },
    /// Changes one of the door's texts among a queue's papers, if it still is what the door has read.
    ReplaceNote {
        /// Of which queue.
        queue: QueueKey<'a>,
        /// Its name.
        note: &'a str,
        /// What it is now; `None` if there is none.
        before: Option<&'a str>,
        /// What it will be; `None` to remove it.
        after: Option<&'a str>,
    },
    /// Gives a queue tags.
    TagQueue {
        /// Which.
        queue: QueueKey<'a>,
        /// Keys and values, at most [`crate::limits::TAGS_MAX`].
        tags: Vec<(&'a str, &'a str)>,
    },
    /// Takes tags off a queue.
    UntagQueue {
        /// Which.
        queue: QueueKey<'a>,
        /// Their keys.
        keys: Vec<&'a str>,
    },
    /// Begins to move the dead letters of a queue.
    StartMove {
        /// Where from.
        source: QueueKey<'a>,
        /// The name of the queue of the same account to which all go; to where each came from if absent.
        destination: Option<&'a str>,
        /// Jobs a second at most.
        rate: Option<u16>,
    },
    /// Ends a move task.
    CancelMove {
        /// Of which source.
        source: QueueKey<'a>,
        /// Which.
        number: u64,
    },
    /// Gives a group its own weight or limit in a queue.
    ConfigureGroup {
        /// Which queue.
        queue: QueueKey<'a>,
        /// Which group; empty for the default lane.
        group: &'a str,
        /// Its settings.
        settings: GroupSettings,
    },
    /// Makes a change, unless that call of a client made it already: then the call gets its first answer.
    Once {
        /// Which call.
        call: CallKey,
        /// What it asks for: a change of a queue that has no call of its own, from `CreateQueue` to `PurgeQueue`.
        change: Box<Self>,
    },
    /// Removes all jobs of a queue.
    PurgeQueue {
        /// Which.
        queue: QueueKey<'a>,
    },
    /// Removes a queue with all that is in it.
    DeleteQueue {
        /// Which.
        queue: QueueKey<'a>,
        /// Which call of a client this is, if it may be repeated.
        call: Option<CallKey>,
        /// Whether its name stays taken for a minute.
        keep_name: bool,
    },
    /// Adds jobs.
    Enqueue {
        /// Where to.
        queue: QueueKey<'a>,
        /// At most [`crate::limits::JOBS_PER_COMMAND_MAX`].
        jobs: Vec<NewJob<'a>>,
        /// Which call of a client this is, if it may be repeated: it then gets its first answer.
        call: Option<CallKey>,
    },
    /// Leases jobs that are ready, in the order of turns.
    Receive {
        /// Where from.
        queue: QueueId,
        /// How many at most.
        jobs_max: u8,
        /// How long each is leased; the queue's own time if absent.
        lease: Option<Micros>,
        /// By what a repetition is recognised.
        again: Repeatable<'a>,
    },
    /// Finishes jobs for good.
    Ack {
        /// Whose.
        queue: QueueId,
        /// Which, each under its lease.
        jobs: Vec<Held>,
    },
    /// Makes leases end later or sooner; a time of zero gives the job back.
    ChangeLease {
        /// Whose.
        queue: QueueId,
        /// Which, and how long from now.
        jobs: Vec<(Held, Micros)>,
    },
    /// Makes an access key.
    CreateKey(NewKey<'a>),
    /// Gives an access key a new secret.
    RotateKey {
        /// Which.
        id: &'a str,
        /// The secret, sealed.
        sealed: &'a [u8],
        /// How long the one before still counts, of the calendar.
        grace: Micros,
    },
    /// Removes an access key.
    RevokeKey {
        /// Which.
        id: &'a str,
    },
}

impl Command<'_> {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Begin(_) => "Begin",
            Self::RaiseFeatureLevel { .. } => "RaiseFeatureLevel",
            Self::Skip { .. } => "Skip",
            // The change is what matters.
            Self::Once { change, .. } => change.name(),
            Self::CreateQueue { .. } => "CreateQueue",
            Self::ConfigureQueue { .. } => "ConfigureQueue",
            Self::ReplaceNote { .. } => "ReplaceNote",
            Self::TagQueue { .. } => "TagQueue",
            Self::UntagQueue { .. } => "UntagQueue",
            Self::StartMove { .. } => "StartMove",
            Self::CancelMove { .. } => "CancelMove",
            Self::ConfigureGroup { .. } => "ConfigureGroup",
            Self::PurgeQueue { .. } => "PurgeQueue",
            Self::DeleteQueue { .. } => "DeleteQueue",
            Self::Enqueue { .. } => "Enqueue",
            Self::Receive { .. } => "Receive",
            Self::Ack { .. } => "Ack",
            Self::ChangeLease { .. } => "ChangeLease",
            Self::CreateKey(_) => "CreateKey",
            Self::RotateKey { .. } => "RotateKey",
            Self::RevokeKey { .. } => "RevokeKey",
        }
    }
}

/// An access key to be made. Its secret is sealed: see [`crate::account`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey<'a> {
    /// Its id, drawn at random.
    pub id: &'a str,
    /// The account that it acts for.
    pub account: AccountId,
    /// Whose it is within the account.
    pub name: &'a str,
    /// What people say about it.
    pub description: &'a str,
    /// Patterns of the actions that it is for; none: all.
    pub actions: Vec<&'a str>,
    /// Prefixes of the queues that it is for; none: all.
    pub queues: Vec<&'a str>,
    /// Its secret, sealed.
    pub sealed: &'a [u8],
    /// From when on it counts no more.
    pub expires_at: Option<WallTime>,
}

/// What is fixed when a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The feature level to begin with.
    pub feature_level: u32,
    /// Keys the hash tables and the derived ids. From the system's random source.
    pub secret: [u8; 32],
}

/// A queue as clients name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// Its name within the account.
    pub name: &'a str,
}

/// A call of a client that may be repeated: equal for its repetitions, and for nothing else. The door makes it of who
/// called, of the client's own number for the call, and of all that was asked; by a keyed hash, so that nobody can meet another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub [u64; 2]);

/// By what a repeated receive is recognised, so that it gets the same jobs again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeatable<'a> {
    /// Which call of a client this is.
    pub call: Option<CallKey>,
    /// The attempt's id, which the client chose; on FIFO queues only. Empty for none.
    pub attempt: &'a str,
}

/// A de-duplication id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DedupId<'a> {
    /// The id: the sender's, or the hash of the body in hexadecimal.
    pub id: &'a str,
    /// The sender gave none: it counts only if the queue goes by content.
    pub is_content: bool,
}

/// A job to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewJob<'a> {
    /// The tenant; empty for the default lane.
    pub group: &'a str,
    /// Until it is ready; the queue's own delay if absent.
    pub delay: Option<Micros>,
    /// By what a FIFO queue recognises that it was sent before; absent on others.
    pub dedup: Option<DedupId<'a>>,
    /// What counts against the queue's limit on a body, in bytes.
    pub counted_bytes: u32,
    /// What the door wants back when the job is received.
    pub body: Body<'a>,
}

/// A job's body and where it stands in the log entry that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// The bytes, opaque to the machine.
    pub bytes: &'a [u8],
    /// From the start of the entry's payload; set when decoded, not encoded.
    pub offset: u32,
}

impl<'a> Body<'a> {
    /// A body that is not in the log yet.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }
}

/// A job under one certain lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which job.
    pub job: JobId,
    /// Which grant of it.
    pub token: LeaseToken,
}
