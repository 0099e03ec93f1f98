//! What a door may ask of the engine, and what it is told.

use crate::{
    engine::Totals,
    watches::{Place, Watched},
};
use bytes::Bytes;
use evenkeel_machine::{
    Grant, Reply,
    command::{CallKey, Command, GroupSettings, QueueKey, QueueSettings, Repeatable},
    queue::{Counts, GroupPage, GroupRow, JobDetail, MoveView, NoSuchQueue, Papers, Peeked, QueueRow, ReceiveError},
};
use evenkeel_types::{AccountId, BodyRef, LogIndex, Micros, QueueId, WallTime};
use std::sync::Arc;

/// A question to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Changes the state: an encoded [`Command`] (not `Receive` or `Begin`). Answered by [`Answer::Reply`] once it
    /// is durable and applied.
    Propose(Proposal),
    /// Leases jobs, waiting for some if there are none. Answered by [`Answer::Received`].
    Receive(Receive),
    /// Reads a queue's settings and counts. Answered by [`Answer::Described`].
    Describe(QueueName),
    /// Reads something else. Answered by [`Answer::Looked`].
    Look(Look),
    /// Has every node pass over the entry before which this engine has halted ([`crate::Halt`]). Answered by `Reply::Done` once that is durable; then
    /// the engine ends, to start again.
    Skip(LogIndex),
}

/// What can be looked at. Each costs what it returns, however much there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The names of an account's queues, in order.
    Queues {
        /// Whose.
        account: AccountId,
        /// What they begin with.
        prefix: Box<str>,
        /// Only those behind this name.
        behind: Option<Box<str>>,
        /// At most so many.
        names_max: usize,
    },
    /// The names of the queues whose dead letters go to one, in order.
    Sources {
        /// To which.
        queue: QueueName,
        /// Only those behind this name.
        behind: Option<Box<str>>,
        /// At most so many.
        names_max: usize,
    },
    /// The move tasks of a queue, the newest first.
    Moves {
        /// Of which.
        source: QueueName,
    },
    /// Whether a call of a client made its change already.
    Called(CallKey),
    /// A group's own weight and limit.
    Group {
        /// In which queue.
        queue: QueueName,
        /// Of which group.
        group: Box<str>,
    },
    /// Queues with their counts, in the order of account and name. Fewer than asked for may come although there are more: the last
    /// says where to go on.
    Rows {
        /// Of one account only.
        account: Option<AccountId>,
        /// Only those behind this one.
        behind: Option<QueueName>,
        /// At most so many.
        rows_max: usize,
    },
    /// One queue, as in a list.
    Row(QueueName),
    /// The groups of a queue, a page of them.
    Groups {
        /// Of which queue.
        queue: QueueName,
        /// Where the page before said that this one begins.
        from: Option<u32>,
        /// At most so many.
        rows_max: usize,
    },
    /// One group of a queue.
    GroupRow {
        /// Of which queue.
        queue: QueueName,
        /// Which.
        group: Box<str>,
    },
    /// The jobs that would be granted next.
    Next {
        /// Of which queue.
        queue: QueueName,
        /// At most so many.
        jobs_max: usize,
    },
    /// A job that is there, by where its body came in.
    Job {
        /// Its slot.
        slot: u32,
        /// The entry that brought it.
        index: LogIndex,
        /// The body's first byte in that entry.
        offset: u32,
    },
    /// A body, read from the disk if need be.
    Body(BodyRef),
    /// The engine itself.
    House,
    /// What is sent to a queue, waiting for it if there is nothing.
    Sent(Watch),
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Names of queues.
    Names(Vec<Arc<str>>),
    /// Move tasks.
    Moves(Vec<MoveView>),
    /// It did.
    Called(bool),
    /// A group's settings, if it has any of its own.
    Group(Option<GroupSettings>),
    /// Queues.
    Rows(Vec<Row>),
    /// Groups.
    Groups(GroupPage),
    /// Jobs that wait for their turn, in the order in which they would be granted.
    Next(Vec<Peeked>),
    /// A group, if it has jobs or settings of its own.
    GroupRow(Option<GroupRow>),
    /// A job, if it is there.
    Job(Option<Box<JobDetail>>),
    /// A body; `None` if it could not be read, or is no more.
    Body(Option<Bytes>),
    /// The engine.
    House(Box<House>),
    /// What was sent.
    Sent(Watched),
}

/// A queue in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the machine knows of it.
    pub queue: QueueRow,
    /// Leases given since this node began to serve.
    pub received: u64,
}

/// How the engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct House {
    /// Counts since the start.
    pub totals: Totals,
    /// Queues that there are.
    pub queues: u32,
    /// Lanes: groups with jobs or settings, and some that were left lately.
    pub lanes: u32,
    /// Jobs, those that were purged and are not freed yet included.
    pub jobs: u64,
    /// The bytes of their bodies.
    pub body_bytes: u64,
    /// De-duplication ids remembered.
    pub dedup_ids: u32,
    /// Receives that wait for a job.
    pub waiting: usize,
    /// Bytes collected or proposed and not durable yet.
    pub unsynced_bytes: usize,
    /// The disk is known to be full, so that sends are refused.
    pub is_full: bool,
    /// The last entry applied.
    pub applied: LogIndex,
}

/// An encoded command: made on the door's thread, copied once into the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    bytes: Vec<u8>,
    demand: Demand,
}

/// What a command adds to what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Jobs.
    pub jobs: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// De-duplication ids to be remembered.
    pub ids: u64,
}

impl Proposal {
    /// Encodes a command.
    #[must_use]
    pub fn new(command: &Command<'_>) -> Self {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        let demand = match command {
            Command::Enqueue { jobs, .. } => Demand {
                jobs: jobs.len() as u64,
                bytes: jobs.iter().map(|job| job.body.bytes.len() as u64).sum(),
                ids: jobs.iter().filter(|job| job.dedup.is_some()).count() as u64,
            },
            _ => Demand::default(),
        };
        Self { bytes, demand }
    }

    /// The encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it adds.
    #[must_use]
    pub fn demand(&self) -> Demand {
        self.demand
    }
}

/// Asks for jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receive {
    /// Where from.
    pub queue: QueueName,
    /// 1 to 10.
    pub jobs_max: u8,
    /// How long each is leased; the queue's own time if absent.
    pub lease: Option<Micros>,
    /// How long to wait for the first job; the queue's own time if absent.
    pub wait: Option<Micros>,
    /// By what a repetition is recognised.
    pub again: Again,
}

/// Asks what is sent to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Which queue.
    pub queue: QueueName,
    /// Behind what an answer before said; from now on if absent.
    pub after: Option<Place>,
    /// How long to wait for something to be sent.
    pub wait: Micros,
}

/// By what a repeated receive is recognised, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Which call of a client this is.
    pub call: Option<CallKey>,
    /// The attempt's id, on FIFO queues; empty for none.
    pub attempt: Box<str>,
}

impl Again {
    /// As the machine takes it.
    #[must_use]
    pub fn repeatable(&self) -> Repeatable<'_> {
        Repeatable { call: self.call, attempt: &self.attempt }
    }
}

/// A queue's name, owned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueName {
    /// Whose it is.
    pub account: AccountId,
    /// Its name within the account.
    pub name: Box<str>,
}

impl QueueName {
    /// As the machine takes it.
    #[must_use]
    pub fn key(&self) -> QueueKey<'_> {
        QueueKey { account: self.account, name: &self.name }
    }
}

/// The engine's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the command did, durable and applied.
    Reply(Reply),
    /// Leased jobs with their bodies; none if the wait ended.
    Received(Result<Received, ReceiveError>),
    /// What the queue is like.
    Described(Result<Description, NoSuchQueue>),
    /// What was looked at.
    Looked(Result<Looked, NoSuchQueue>),
    /// It was not done (or may have been done; then the error says so).
    Failed(EngineError),
}

/// Jobs that were leased together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The queue's number, which receipt handles carry.
    pub queue: QueueId,
    /// The jobs, in the order of turns.
    pub jobs: Vec<Delivery>,
}

/// A leased job and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The lease.
    pub grant: Grant,
    /// The bytes that the sender's door gave in.
    pub body: Bytes,
}

/// A queue as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its number.
    pub queue: QueueId,
    /// How it behaves.
    pub settings: QueueSettings,
    /// How many jobs are where.
    pub counts: Counts,
    /// When it was made.
    pub created_at: WallTime,
    /// When its settings or papers last changed.
    pub modified_at: WallTime,
    /// What is kept beside its settings, if there is anything.
    pub papers: Option<Arc<Papers>>,
}

/// Why the engine did not answer. All but `BodyUnreadable`, `BodyNotReadNow` and `Lost` mean that nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The server is about to stop. Retry elsewhere or a little later.
    #[error("the server is stopping")]
    Stopping,
    /// Another node leads now; this was not done.
    #[error("this node does not lead")]
    NotLeading,
    /// More is waiting for the disk than may be. Retry after a pause.
    #[error("the server is overloaded")]
    Overloaded,
    /// The disk has no room for more jobs. Receives and deletes still work, and make room.
    #[error("the disk is full: jobs can be received and deleted, which makes room, but not sent")]
    DiskFull,
    /// There are as many jobs, or bytes of them, as the server's settings allow.
    #[error("the server holds as many jobs as its settings allow (max_jobs, max_bytes): receive some first")]
    Full,
    /// As many de-duplication ids are remembered as the server's settings allow. They are forgotten after five minutes; retry.
    #[error("the server remembers as many de-duplication ids as its settings allow (max_dedup_ids): retry later")]
    TooManyIds,
    /// Jobs were leased but a body could not be read back. They return when their leases end.
    #[error("a job's body could not be read from the disk")]
    BodyUnreadable,
    /// Jobs were leased, but the process lacked something (descriptors, memory) to read their bodies. The same call gets them
    /// when it is made again; else they return when their leases end.
    #[error("a job's body could not be read for now")]
    BodyNotReadNow,
    /// An entry of the log cannot be applied, so that the engine stands before it. Nothing was done.
    #[error(
        "entry {0} of the log cannot be applied, and nothing is done before that is resolved: see the server's log"
    )]
    Halted(LogIndex),
    /// The engine has not halted before that entry, so that it is not passed over.
    #[error("the server has not halted before that entry")]
    NotHalted,
    /// The log failed while this was under way: it may or may not have been done.
    #[error("the log failed; this may or may not have been done")]
    Lost,
}
