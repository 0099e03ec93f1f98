//! The root machine: batches in, replies and events out, the same on every node.

use crate::{
    account::Keys,
    batch::Batch,
    build::Build,
    codec::DecodeError,
    command::{Begin, Command},
    digest::Mixer,
    event::Event,
    fault::{self, Fault},
    queue::{JobDetail, Moment, Queues},
    reply::Reply,
};
use evenkeel_types::{LogIndex, LogTime, WallTime};

/// What a batch did. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One per command, in order.
    pub replies: Vec<Reply>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Why an entry could not be applied. The state is as before; the log cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The bytes are no batch of this version.
    #[error("entry {index} cannot be read: {error}")]
    Malformed {
        /// Which entry.
        index: LogIndex,
        /// Where and why.
        error: DecodeError,
    },
    /// An entry is missing or came twice.
    #[error("entry {given} came after entry {applied}")]
    OutOfOrder {
        /// The last one applied.
        applied: LogIndex,
        /// The one that came.
        given: LogIndex,
    },
    /// The entry asks for a feature level that this version does not have. Use a newer one.
    #[error("entry {index} needs feature level {level}, and this version knows {known}: use the newer version")]
    TooNew {
        /// Which entry.
        index: LogIndex,
        /// What it needs.
        level: u32,
        /// What this version knows.
        known: u32,
    },
    /// A log has to begin with `Begin`, and have no second one.
    #[error("entry {0} does not fit the beginning of the log")]
    Beginning(LogIndex),
}

/// A kind of record, as checkpoints number them. A number once given keeps its meaning for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Section {
    /// The queues' own records.
    Queues = 0,
    /// Lanes.
    Lanes = 1,
    /// Jobs.
    Jobs = 2,
    /// What was done lately.
    Recent = 3,
    /// What only few jobs have.
    Extras = 4,
    /// Move tasks.
    Moves = 5,
    /// Access keys.
    Keys = 16,
}

/// The state machine. No clock, no I/O, no threads, no hash order.
#[derive(Debug)]
pub struct Machine {
    pub(crate) build: Build,
    pub(crate) begin: Option<Begin>,
    pub(crate) feature_level: u32,
    pub(crate) applied: LogIndex,
    pub(crate) log_time: LogTime,
    pub(crate) wall_time: WallTime,
    pub(crate) queues: Queues,
    pub(crate) keys: Keys,
}

impl Default for Machine {
    fn default() -> Self {
        Self::of(Build::PRESENT)
    }
}

impl Machine {
    /// An empty state in a version of this program.
    #[must_use]
    pub fn of(build: Build) -> Self {
        Self {
            build,
            begin: None,
            feature_level: 0,
            applied: LogIndex::ZERO,
            log_time: LogTime::default(),
            wall_time: WallTime::default(),
            queues: Queues::new((0, 0)),
            keys: Keys::default(),
        }
    }

    /// Applies the next entry of the log.
    ///
    /// First ends what is due by then and frees what was purged, a bounded number each; then runs the commands in order. The whole batch is
    /// read before anything changes. `outcome` is cleared first.
    ///
    /// # Errors
    /// The entry cannot be applied here or on any node; nothing changed.
    pub fn apply(&mut self, index: LogIndex, bytes: &[u8], outcome: &mut Outcome) -> Result<(), ApplyError> {
        outcome.replies.clear();
        outcome.events.clear();
        if index != self.applied.next() {
            return Err(ApplyError::OutOfOrder { applied: self.applied, given: index });
        }
        let malformed = |error| ApplyError::Malformed { index, error };
        let mut batch = Batch::open(bytes).map_err(malformed)?;
        let mut commands = Vec::with_capacity(16);
        while let Some(command) = batch.next_command().map_err(malformed)? {
            commands.push(command);
        }
        self.check_beginning(index, &commands)?;
        self.check_feature_levels(index, &commands)?;

        self.applied = index;
        // Log time never falls, whatever a batch says.
        self.log_time = self.log_time.max(batch.log_time);
        self.wall_time = batch.wall_time;
        let at = Moment { index, log_time: self.log_time, wall_time: self.wall_time };
        self.queues.fire_timers(at, &mut outcome.events);
        self.queues.forget_lanes();
        self.queues.reap(&mut outcome.events);
        self.queues.forget_recent(self.log_time);
        self.queues.expire(at, &mut outcome.events);
        self.queues.run_moves(at, &mut outcome.events);
        for command in &commands {
            let reply = self.run(at, command, &mut outcome.events);
            outcome.replies.push(reply);
        }
        Ok(())
    }

    /// Passes over an entry that holds no batch: a fence.
    ///
    /// # Errors
    /// It is not the next entry.
    pub fn skip(&mut self, index: LogIndex) -> Result<(), ApplyError> {
        if index != self.applied.next() {
            return Err(ApplyError::OutOfOrder { applied: self.applied, given: index });
        }
        self.applied = index;
        Ok(())
    }

    fn check_beginning(&self, index: LogIndex, commands: &[Command<'_>]) -> Result<(), ApplyError> {
        let begins = commands.iter().filter(|command| matches!(command, Command::Begin(_))).count();
        let begins_first = matches!(commands.first(), Some(Command::Begin(_)));
        let fits = match self.begin {
            None => begins == 1 && begins_first,
            Some(_) => begins == 0,
        };
        if fits { Ok(()) } else { Err(ApplyError::Beginning(index)) }
    }

    pub(crate) fn run(&mut self, at: Moment, command: &Command<'_>, events: &mut Vec<Event>) -> Reply {
        if self.build.level_of(command) > self.feature_level {
            return Reply::FeatureLevelRefused { present: self.feature_level };
        }
        match command {
            Command::Begin(begin) => {
                self.begin = Some(*begin);
                self.feature_level = begin.feature_level;
                self.queues = Queues::new(hash_keys(begin));
                self.keys = Keys::new(hash_keys(begin));
                Reply::Done
            }
            Command::RaiseFeatureLevel { level } => {
                if *level < self.feature_level {
                    return Reply::FeatureLevelRefused { present: self.feature_level };
                }
                self.feature_level = *level;
                Reply::Done
            }
            Command::Skip { .. } => Reply::Done,
            Command::Once { call, change } => self.once(at, *call, change, events),
            Command::CreateQueue { queue, settings, papers, tags } => {
                Reply::QueueCreated(self.queues.create(at, *queue, *settings, papers, tags, events))
            }
            Command::ConfigureQueue { queue, edit } => {
                Reply::Configured(self.queues.configure(at, *queue, edit, events))
            }
            Command::ReplaceNote { queue, note, before, after } => {
                Reply::NoteReplaced(self.queues.replace_note(at, *queue, note, *before, *after, events))
            }
            Command::TagQueue { queue, tags } => Reply::Tagged(self.queues.tag(*queue, tags)),
            Command::UntagQueue { queue, keys } => Reply::Tagged(self.queues.untag(*queue, keys)),
            Command::StartMove { source, destination, rate } => {
                Reply::MoveStarted(self.queues.start_move(at, *source, *destination, *rate))
            }
            Command::CancelMove { source, number } => Reply::MoveCancelled(self.queues.cancel_move(*source, *number)),
            Command::ConfigureGroup { queue, group, settings } => {
                Reply::Configured(self.queues.configure_group(*queue, group, *settings, events))
            }
            Command::PurgeQueue { queue } => Reply::Purged(self.queues.purge(*queue)),
            Command::DeleteQueue { queue, call, keep_name } => {
                Reply::QueueDeleted(self.queues.delete(at, *queue, *call, *keep_name, events))
            }
            Command::Enqueue { queue, jobs, call } => {
                Reply::Enqueued(self.queues.enqueue(at, *queue, jobs, *call, events))
            }
            Command::Receive { queue, jobs_max, lease, again } => {
                Reply::Received(self.queues.receive(at, *queue, *jobs_max, *lease, *again, events))
            }
            Command::Ack { queue, jobs } => Reply::Acked(self.queues.ack(at, *queue, jobs, events)),
            Command::ChangeLease { queue, jobs } => {
                Reply::LeaseChanged(self.queues.change_lease(at, *queue, jobs, events))
            }
            Command::CreateKey(new) => Reply::KeyCreated(self.keys.create(at.wall_time, new, events)),
            Command::RotateKey { id, sealed, grace } => {
                Reply::KeyChanged(self.keys.rotate(at.wall_time, id, sealed, *grace, events))
            }
            Command::RevokeKey { id } => Reply::KeyChanged(self.keys.revoke(id, events)),
        }
    }

    /// The queues, for reading.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The job in a slot, if it is there and its body came in at that place of the log.
    #[must_use]
    pub fn job_at(&self, slot: u32, index: LogIndex, offset: u32) -> Option<JobDetail> {
        self.queues.job_at(slot, index, offset, self.log_time, self.wall_time)
    }

    /// When something next needs attention, on the log's clock.
    #[must_use]
    pub fn next_due(&self) -> Option<LogTime> {
        self.queues.next_due(self.log_time, self.wall_time)
    }

    /// The access keys, for reading.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The last entry applied.
    #[must_use]
    pub fn applied(&self) -> LogIndex {
        self.applied
    }

    /// The log's own time.
    #[must_use]
    pub fn log_time(&self) -> LogTime {
        self.log_time
    }

    /// The calendar as the last batch had it.
    #[must_use]
    pub fn wall_time(&self) -> WallTime {
        self.wall_time
    }

    /// What was fixed when the log began; `None` before.
    #[must_use]
    pub fn begin(&self) -> Option<&Begin> {
        self.begin.as_ref()
    }

    /// A committed entry that asks for a level beyond this version must stop it: going on would be another state than that
    /// of the nodes that understood.
    fn check_feature_levels(&self, index: LogIndex, commands: &[Command<'_>]) -> Result<(), ApplyError> {
        let levels = commands.iter().map(|command| match command {
            Command::Begin(begin) => begin.feature_level,
            Command::RaiseFeatureLevel { level } => *level,
            other => self.build.level_of(other),
        });
        let known = self.build.feature_level;
        match levels.max() {
            Some(level) if level > known && !fault::is(Fault::ApplyAnyLevel) => {
                Err(ApplyError::TooNew { index, level, known })
            }
            _ => Ok(()),
        }
    }

    /// What this version knows.
    #[must_use]
    pub fn build(&self) -> Build {
        self.build
    }

    /// The feature level in force.
    #[must_use]
    pub fn feature_level(&self) -> u32 {
        self.feature_level
    }

    /// One number for the whole state: equal states have equal digests, on every node.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let words = [
            self.applied.0,
            self.log_time.0,
            self.wall_time.0,
            u64::from(self.feature_level),
            self.queues.digest(),
            self.keys.digest(),
        ];
        let mixer = words.into_iter().fold(Mixer::new(0), Mixer::word);
        self.begin.map_or(mixer, |begin| mixer.word(begin.feature_level.into()).bytes(&begin.secret)).finish()
    }

    /// Whether every accepted job is accounted for. O(queues).
    ///
    /// # Errors
    /// Says which count does not add up.
    pub fn check_conservation(&self) -> Result<(), String> {
        self.queues.conserved()
    }

    /// Recounts everything. O(everything): for tests and checks off line.
    ///
    /// # Errors
    /// Says what does not add up.
    pub fn audit(&self) -> Result<(), String> {
        self.keys.audit()?;
        self.queues.audit()
    }
}

/// The part of the secret that keys hash tables. The doors use the rest.
pub(crate) fn hash_keys(begin: &Begin) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = begin.secret;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]))
}
