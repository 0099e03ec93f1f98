//! Reads: what may be looked at without a command, in the state as it is.

use crate::{
    request::{Description, House, Look, Looked, QueueName, Row},
    watches::Watched,
};
use evenkeel_machine::{Machine, command::QueueKey, queue::NoSuchQueue};

impl Description {
    /// A queue as it is now.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn of(machine: &Machine, key: QueueKey<'_>) -> Result<Self, NoSuchQueue> {
        let queues = machine.queues();
        let queue = queues.find(key).ok_or(NoSuchQueue)?;
        let settings = *queues.settings(queue).ok_or(NoSuchQueue)?;
        let counts = queues.counts(queue).ok_or(NoSuchQueue)?;
        let (created_at, modified_at) = queues.times(queue).ok_or(NoSuchQueue)?;
        Ok(Self { queue, settings, counts, created_at, modified_at, papers: queues.papers(queue) })
    }
}

impl Look {
    /// What is seen now.
    ///
    /// # Errors
    /// There is no such queue.
    pub fn at(&self, machine: &Machine) -> Result<Looked, NoSuchQueue> {
        let queues = machine.queues();
        Ok(match self {
            Self::Queues { account, prefix, behind, names_max } => {
                Looked::Names(queues.names(*account, prefix, behind.as_deref(), *names_max))
            }
            Self::Sources { queue, behind, names_max } => {
                queues.find(queue.key()).ok_or(NoSuchQueue)?;
                Looked::Names(queues.sources_of(queue.key(), behind.as_deref(), *names_max))
            }
            Self::Moves { source } => {
                queues.find(source.key()).ok_or(NoSuchQueue)?;
                Looked::Moves(queues.moves_of(source.key()))
            }
            Self::Called(call) => Looked::Called(queues.was_done(*call, machine.log_time())),
            Self::Group { queue, group } => {
                let queue = queues.find(queue.key()).ok_or(NoSuchQueue)?;
                Looked::Group(queues.group_settings(queue, group))
            }
            Self::Rows { account, behind, rows_max } => {
                let rows = queues.rows(*account, behind.as_ref().map(QueueName::key), *rows_max);
                Looked::Rows(rows.into_iter().map(|queue| Row { queue, received: 0 }).collect())
            }
            Self::Row(queue) => {
                let row = queues.row(queues.find(queue.key()).ok_or(NoSuchQueue)?).ok_or(NoSuchQueue)?;
                Looked::Rows(vec![Row { queue: row, received: 0 }])
            }
            Self::Next { queue, jobs_max } => {
                let queue = queues.find(queue.key()).ok_or(NoSuchQueue)?;
                Looked::Next(queues.peek(queue, *jobs_max, machine.wall_time()).ok_or(NoSuchQueue)?)
            }
            Self::Groups { queue, from, rows_max } => {
                let queue = queues.find(queue.key()).ok_or(NoSuchQueue)?;
                Looked::Groups(queues.groups(queue, *from, *rows_max).ok_or(NoSuchQueue)?)
            }
            Self::GroupRow { queue, group } => {
                let queue = queues.find(queue.key()).ok_or(NoSuchQueue)?;
                Looked::GroupRow(queues.group(queue, group))
            }
            Self::Job { slot, index, offset } => Looked::Job(machine.job_at(*slot, *index, *offset).map(Box::new)),
            // The engine alone has bodies.
            Self::Body(_) => Looked::Body(None),
            Self::House => Looked::House(Box::new(house(machine))),
            // What is sent is seen by the engine alone, as it goes by.
            Self::Sent(_) => Looked::Sent(Watched::default()),
        })
    }
}

/// What the state alone tells of the house.
pub(crate) fn house(machine: &Machine) -> House {
    let queues = machine.queues();
    let ((count, lanes, _), totals) = (queues.sizes(), queues.totals());
    House {
        queues: count,
        lanes,
        jobs: totals.jobs,
        body_bytes: totals.bytes,
        dedup_ids: queues.remembered_ids(),
        applied: machine.applied(),
        ..House::default()
    }
}
