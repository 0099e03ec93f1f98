//! What a check found: for people and, field by field, for programs (`docs/operations.md` lists the fields).

use serde::Serialize;

/// What it all comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every byte is as it was written.
    Sound,
    /// Something is damaged or left over, and a start loses nothing by it.
    Harmless,
    /// The server would not start, or jobs have lost their bodies.
    Damaged,
}

impl Verdict {
    /// For scripts: 0, 1 or 2.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A start loses nothing by it.
    Harmless,
    /// It keeps the server from starting, or jobs have lost their bodies by it.
    Serious,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The file, from the data folder; of a missing one the name that it had. None if it is no file's.
    pub file: Option<String>,
    /// Where in it the first bad piece begins.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What that means, and what can be recovered.
    pub means: String,
}

/// A kind of files, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FolderReport {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl FolderReport {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointReport {
    /// The index whose state it is.
    pub index: u64,
    /// Whether a server could start from it.
    pub usable: bool,
    /// Whether replaying the log from the checkpoint before gives the same state. None if there was nothing to
    /// compare with.
    pub agrees: Option<bool>,
}

/// The state that was replayed: what a start would find, or as far as it could be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateReport {
    /// The last entry in it.
    pub index: u64,
    /// The epoch of the last entry of the log.
    pub epoch: u64,
    /// The feature level in force.
    pub feature_level: u32,
    /// Queues.
    pub queues: u64,
    /// Groups with a lane of their own.
    pub groups: u64,
    /// Jobs, with those that were purged and are not freed yet.
    pub jobs: u64,
    /// The bytes of their bodies.
    pub body_bytes: u64,
    /// One number for all of it, in hexadecimal: equal states have equal digests.
    pub digest: String,
}

/// Bodies of the jobs that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BodiesReport {
    /// How many were looked at.
    pub checked: u64,
    /// How many are in no file.
    pub missing: u64,
    /// How many are there and damaged.
    pub damaged: u64,
    /// The queues whose jobs they are.
    pub queues: Vec<LosingQueue>,
}

impl BodiesReport {
    /// How many are lost, one way or the other.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.missing + self.damaged
    }
}

/// A queue in which jobs have lost their bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LosingQueue {
    /// Whose it is, twelve digits; empty for jobs that were purged and are not freed yet.
    pub account: String,
    /// Its name; empty likewise.
    pub name: String,
    /// All its jobs.
    pub jobs: u64,
    /// Those whose bodies are in no file.
    pub missing: u64,
    /// Those whose bodies are there and damaged.
    pub damaged: u64,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it all comes to.
    pub verdict: Verdict,
    /// Whether a server would start on it.
    pub starts: bool,
    /// Why not, in the words of the server.
    pub start_error: Option<String>,
    /// What is not as it should be, the serious first.
    pub findings: Vec<Finding>,
    /// The checkpoints, oldest first.
    pub checkpoints: Vec<CheckpointReport>,
    /// Files of `log/`.
    pub log_files: FolderReport,
    /// Files of `checkpoints/`.
    pub checkpoint_files: FolderReport,
    /// Files of `bodies/`.
    pub body_files: FolderReport,
    /// The first entry of the log that is there, 0 if none.
    pub log_first: u64,
    /// The last.
    pub log_last: u64,
    /// The state; none if there is nothing to begin with.
    pub state: Option<StateReport>,
    /// Bodies.
    pub bodies: BodiesReport,
}

impl Report {
    pub(crate) fn find(&mut self, file: Option<String>, offset: Option<u64>, what: impl Into<String>, means: &str) {
        let severity = Severity::Harmless;
        self.findings.push(Finding { severity, file, offset, what: what.into(), means: means.into() });
    }

    pub(crate) fn make_last_serious(&mut self) {
        if let Some(finding) = self.findings.last_mut() {
            finding.severity = Severity::Serious;
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self {
            verdict: Verdict::Sound,
            starts: false,
            start_error: None,
            findings: Vec::new(),
            checkpoints: Vec::new(),
            log_files: FolderReport::default(),
            checkpoint_files: FolderReport::default(),
            body_files: FolderReport::default(),
            log_first: 0,
            log_last: 0,
            state: None,
            bodies: BodiesReport::default(),
        }
    }
}
