//! The checks checked: each deliberate defect of the rooms below must be caught by some check.

use crate::{run, run_cluster};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};

/// A defect of one of the rooms.
#[derive(Clone, Copy, Debug)]
pub enum Defect {
    /// Of the machine.
    Machine(evenkeel_machine::fault::Fault),
    /// Of the engine.
    Engine(evenkeel_engine::fault::Fault),
    /// Of the log.
    Log(evenkeel_log_local::fault::Fault),
    /// Of the log on several nodes.
    Raft(evenkeel_log_raft::fault::Fault),
    /// Of the checkpoints.
    Checkpoint(evenkeel_checkpoint::fault::Fault),
    /// Of the body files.
    Bodies(evenkeel_bodies::fault::Fault),
}

/// How a defect showed.
#[derive(Clone, Debug)]
pub struct Caught {
    /// By which seed.
    pub seed: u64,
    /// The check, and what it saw.
    pub by: String,
}

/// The log's defects that a single node under this simulation can show. The others concern deposed owners, truncation,
/// snapshots and damage between segments; the log's own suite catches those.
const OF_THE_LOG: [evenkeel_log_local::fault::Fault; 8] = {
    use evenkeel_log_local::fault::Fault;
    [
        Fault::DropSync,
        Fault::AckBeforeSync,
        Fault::RetryFailedSync,
        Fault::SkipDirSync,
        Fault::SkipFence,
        Fault::SkipChecksum,
        Fault::TrimTooFar,
        Fault::ForgetRefusal,
    ]
};

/// Those of the checkpoints. The others concern transfers, proofs, and damage on top of a crash: its own suite catches
/// those, and all of the body files'.
const OF_THE_CHECKPOINTS: [evenkeel_checkpoint::fault::Fault; 5] = {
    use evenkeel_checkpoint::fault::Fault;
    [Fault::SkipRunSync, Fault::SkipManifestSync, Fault::SkipFolderSync, Fault::RemoveTooEarly, Fault::SkipSweepSync]
};

/// Those of the log on several nodes. That a proposal of an earlier reign is taken under the present one needs an engine that hears of neither, at one
/// moment of a step: the log's own suite has it.
const OF_THE_NODES: [evenkeel_log_raft::fault::Fault; 7] = {
    use evenkeel_log_raft::fault::Fault;
    [
        Fault::SendBeforeVoteSync,
        Fault::AckBeforeSync,
        Fault::ForgetVotes,
        Fault::ForgetRefusals,
        Fault::SkipTruncation,
        Fault::AnnounceEarly,
        Fault::ForgetMembers,
    ]
};

impl Defect {
    /// Whether several nodes are to show it: of some only they can.
    #[must_use]
    pub fn is_of_clusters(&self) -> bool {
        use evenkeel_engine::fault::Fault::{ProposeEarly, ReadUnproven};
        use evenkeel_machine::fault::Fault::{ApplyAnyLevel, ForgetChanges};
        matches!(
            self,
            Self::Raft(_) | Self::Engine(ReadUnproven | ProposeEarly) | Self::Machine(ApplyAnyLevel | ForgetChanges)
        )
    }
}

/// All that are tried.
#[must_use]
pub fn all() -> Vec<Defect> {
    let machine = evenkeel_machine::fault::ALL.into_iter().map(Defect::Machine);
    let engine = evenkeel_engine::fault::ALL.into_iter().map(Defect::Engine);
    let files = OF_THE_CHECKPOINTS.into_iter().map(Defect::Checkpoint);
    let nodes = OF_THE_NODES.into_iter().map(Defect::Raft);
    machine.chain(engine).chain(OF_THE_LOG.into_iter().map(Defect::Log)).chain(files).chain(nodes).collect()
}

fn choose(defect: Option<Defect>) {
    evenkeel_machine::fault::choose(None);
    evenkeel_engine::fault::choose(None);
    evenkeel_log_local::fault::choose(None);
    evenkeel_log_raft::fault::choose(None);
    evenkeel_checkpoint::fault::choose(None);
    evenkeel_bodies::fault::choose(None);
    match defect {
        Some(Defect::Machine(fault)) => evenkeel_machine::fault::choose(Some(fault)),
        Some(Defect::Engine(fault)) => evenkeel_engine::fault::choose(Some(fault)),
        Some(Defect::Log(fault)) => evenkeel_log_local::fault::choose(Some(fault)),
        Some(Defect::Raft(fault)) => evenkeel_log_raft::fault::choose(Some(fault)),
        Some(Defect::Checkpoint(fault)) => evenkeel_checkpoint::fault::choose(Some(fault)),
        Some(Defect::Bodies(fault)) => evenkeel_bodies::fault::choose(Some(fault)),
        None => {}
    }
}

/// A hunt that did not end in time: the defect made something go on for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endless {
    /// How long it was given.
    pub patience: Duration,
}

/// Runs seeds with a defect until one is caught; `None` if none is. An assertion that fires in the room itself counts.
///
/// The log's choice is of the whole process: let nothing else run beside it.
///
/// # Errors
/// It takes longer than that. A thread that loops cannot be stopped: it is left behind, and nothing more should be hunted.
pub fn hunt(defect: Defect, seeds: u64, patience: Duration) -> Result<Option<Caught>, Endless> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(hunted(defect, seeds)));
    told.recv_timeout(patience).map_err(|_| Endless { patience })
}

fn hunted(defect: Defect, seeds: u64) -> Option<Caught> {
    choose(Some(defect));
    let lived = |seed| {
        if defect.is_of_clusters() {
            run_cluster(seed, false, false).map(drop)
        } else {
            run(seed, false, false).map(drop)
        }
    };
    let caught = (0..seeds).find_map(|seed| {
        let by = match catch_unwind(AssertUnwindSafe(|| lived(seed))) {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) => failure.broken.to_string(),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().cloned();
                let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
                format!("assertion: {}", words.unwrap_or_default())
            }
        };
        Some(Caught { seed, by })
    });
    choose(None);
    caught
}
