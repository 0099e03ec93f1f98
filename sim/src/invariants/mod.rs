//! The invariants: one file each, headed by the promise that it guards.
//!
//! Those in this list judge the stream of committed facts against the [`Book`]. The others are called by the world
//! at the moment they are about: [`durable`], [`conservation`], [`replay`], [`waiting`], and those of the
//! [`crate::oracle`], which knows what clients were told.

pub mod caps;
pub mod completion;
pub mod conservation;
pub mod dead_letters;
pub mod dedup;
pub mod delays;
pub mod durable;
pub mod fair_share;
pub mod fencing;
pub mod fifo;
pub mod group_limit;
pub mod group_order;
pub mod idle;
pub mod log_time;
pub mod one_lease;
pub mod purge;
pub mod receive_count;
pub mod repeats;
pub mod replay;
pub mod retention;
pub mod room;
pub mod told;
pub mod waiting;
pub mod work_conserving;

use crate::book::{Book, Fact};
use std::fmt;

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The check.
    pub check: &'static str,
    /// What it saw.
    pub what: String,
}

impl Broken {
    /// By this check, with these words.
    pub fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// A check on the stream of facts.
pub trait Invariant: fmt::Debug {
    /// Judges a fact against the book as it was before.
    ///
    /// # Errors
    /// The promise is broken.
    fn before(&mut self, _book: &Book, _fact: &Fact<'_>) -> Result<(), Broken> {
        Ok(())
    }

    /// Looks at the book after a fact was entered.
    ///
    /// # Errors
    /// The promise is broken.
    fn after(&mut self, _book: &Book, _fact: &Fact<'_>) -> Result<(), Broken> {
        Ok(())
    }
}

/// All checks on the stream of facts.
#[must_use]
pub fn of_the_stream() -> Vec<Box<dyn Invariant>> {
    let mut all = of_a_cluster();
    all.push(Box::<idle::Idle>::default());
    all
}

/// Those that hold in a cluster as well. There, a look at a queue is an entry without a command: it proves that its node still leads.
#[must_use]
pub fn of_a_cluster() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(one_lease::OneLease),
        Box::new(completion::Completion),
        Box::new(receive_count::ReceiveCount),
        Box::new(group_limit::GroupLimit),
        Box::new(caps::Caps),
        Box::new(purge::Purge),
        Box::new(fifo::Fifo),
        Box::<group_order::GroupOrder>::default(),
        Box::<dedup::Dedup>::default(),
        Box::new(repeats::Repeats),
        Box::<dead_letters::DeadLetters>::default(),
        Box::new(retention::Retention),
        Box::new(work_conserving::WorkConserving),
        Box::<delays::Delays>::default(),
        Box::<log_time::LogTimes>::default(),
        Box::<fair_share::FairShare>::default(),
    ]
}
