//! Every body of every job that is there: read, and checked by its own checksum, as a worker would get it.

use crate::report::{BodiesReport, Finding, LosingQueue, Report, Severity};
use evenkeel_bodies::ShelfReader;
use evenkeel_disk::Disk;
use evenkeel_engine::BodyStore;
use evenkeel_log::{IndexRanges, LogReader};
use evenkeel_machine::queue::{JobView, Queues};
use evenkeel_types::{BodyRef, LogIndex, QueueId};
use std::collections::BTreeMap;

/// Slots looked at together: their bodies are read in the order in which they lie. Takes 40 MiB.
const SLOTS: u32 = 1 << 20;
/// Bodies read together, at most so many and of so many bytes (or one).
const BODIES_MAX: usize = 4_096;
const BYTES_MAX: u64 = 16 << 20;

/// Where bodies are read from.
pub(crate) enum Source<'a, R, D: Disk> {
    /// As the server reads them.
    Server(BodyStore<R, D>),
    /// The log does not open: what the entries that could be read hold, and the body files.
    Pieces(&'a IndexRanges, Option<ShelfReader<D>>),
}

impl<R: LogReader, D: Disk> Source<'_, R, D> {
    fn are_there(&self, bodies: &[BodyRef]) -> Vec<bool> {
        match self {
            Self::Server(store) => store.read_many(bodies).iter().map(Result::is_ok).collect(),
            Self::Pieces(readable, shelf) => {
                let in_log = |body: &BodyRef| readable.covers(body.index, body.index);
                let in_file = |body: &BodyRef| shelf.as_ref().is_some_and(|shelf| shelf.read(*body).is_ok());
                bodies.iter().map(|body| in_log(body) || in_file(body)).collect()
            }
        }
    }
}

/// The files that hold bodies, by the entries that they stand for.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// First and last entry, and the path. In order.
    pub(crate) files: Vec<(LogIndex, LogIndex, String)>,
}

/// Who has lost a body, as far as the files tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loser {
    /// This file is damaged.
    File(String),
    /// No file has these entries.
    Nobody(LogIndex, LogIndex),
}

impl Holders {
    /// Whose an entry's bodies are, and for which entries that holds, too. O(files).
    fn of(&self, index: LogIndex) -> (LogIndex, LogIndex, Loser) {
        let holds = |file: &&(LogIndex, LogIndex, String)| file.0 <= index && index <= file.1;
        if let Some((first, last, path)) = self.files.iter().find(holds) {
            return (*first, *last, Loser::File(path.clone()));
        }
        let before = self.files.iter().map(|file| file.1).filter(|last| *last < index).max();
        let after = self.files.iter().map(|file| file.0).filter(|first| *first > index).min();
        let first = before.map_or(LogIndex(1), LogIndex::next);
        // Without an end, so that all that is gone at the end of the log is one finding.
        let last = after.map_or(LogIndex(u64::MAX), |after| LogIndex(after.0 - 1));
        (first, last, Loser::Nobody(first, last))
    }
}

/// Reads all bodies. `progress` is told slots done and in all.
pub(crate) fn check<R: LogReader, D: Disk>(
    report: &mut Report,
    queues: &Queues,
    source: &Source<'_, R, D>,
    holders: &Holders,
    progress: &mut dyn FnMut(u64, u64),
) {
    let mut tally = Tally::default();
    let mut known = None;
    let all = queues.job_slots();
    let mut at = all.start;
    let total = u64::from(queues.sizes().2);
    while at < all.end {
        let end = at.saturating_add(SLOTS).min(all.end);
        let mut jobs: Vec<JobView> = queues.jobs(at..end).collect();
        jobs.sort_unstable_by_key(|job| (job.body.index, job.body.offset));
        let mut rest = jobs.as_slice();
        while !rest.is_empty() {
            let (some, behind) = rest.split_at_checked(count(rest)).unwrap_or((rest, &[]));
            let bodies: Vec<_> = some.iter().map(|job| job.body).collect();
            let there = source.are_there(&bodies);
            for (job, _) in some.iter().zip(there).filter(|(_, there)| !there) {
                let index = job.body.index;
                // Bodies come in order, so neighbours have the same file.
                if !known.as_ref().is_some_and(|(first, last, _)| (*first..=*last).contains(&index)) {
                    known = Some(holders.of(index));
                }
                if let Some((.., loser)) = &known {
                    tally.lost(job, loser);
                }
            }
            tally.report.checked += some.len() as u64;
            progress(tally.report.checked, total);
            rest = behind;
        }
        at = end;
    }
    tally.tell(report, queues);
}

/// How many of these are read together.
fn count(jobs: &[JobView]) -> usize {
    let mut bytes = 0;
    let fit = jobs.iter().take(BODIES_MAX).take_while(|job| {
        bytes += u64::from(job.body.bytes);
        bytes <= BYTES_MAX
    });
    fit.count().max(1)
}

#[derive(Default)]
struct Tally {
    report: BodiesReport,
    queues: BTreeMap<Option<QueueId>, (u64, u64)>,
    losers: BTreeMap<Loser, u64>,
}

impl Tally {
    fn lost(&mut self, job: &JobView, loser: &Loser) {
        let (missing, damaged) = self.queues.entry(job.queue).or_default();
        match loser {
            Loser::File(_) => {
                *damaged += 1;
                self.report.damaged += 1;
            }
            Loser::Nobody(..) => {
                *missing += 1;
                self.report.missing += 1;
            }
        }
        match self.losers.get_mut(loser) {
            Some(jobs) => *jobs += 1,
            None => _ = self.losers.insert(loser.clone(), 1),
        }
    }

    fn tell(mut self, report: &mut Report, queues: &Queues) {
        let mut losing = self.queues;
        for queue in queues.all() {
            let Some((missing, damaged)) = losing.remove(&Some(queue.id)) else { continue };
            let (account, name, jobs) = (queue.account.to_string(), queue.name.to_string(), queue.counts.present());
            self.report.queues.push(LosingQueue { account, name, jobs, missing, damaged });
        }
        for (missing, damaged) in losing.into_values() {
            let (account, name, jobs) = (String::new(), String::new(), missing + damaged);
            self.report.queues.push(LosingQueue { account, name, jobs, missing, damaged });
        }
        report.bodies = self.report;
        for (loser, jobs) in self.losers {
            tell(&mut report.findings, loser, jobs);
        }
    }
}

/// Blames a file that was found damaged already, or notes it.
fn tell(findings: &mut Vec<Finding>, loser: Loser, jobs: u64) {
    let lost = format!("the bodies of {jobs} jobs are lost by it.");
    let (file, what) = match loser {
        Loser::File(path) => {
            let known = findings.iter_mut().find(|finding| finding.file.as_deref() == Some(&*path));
            if let Some(finding) = known {
                finding.severity = Severity::Serious;
                finding.means = format!("{} Of the jobs that wait, {lost}", finding.means);
                return;
            }
            (Some(path), "bodies in it cannot be read".to_owned())
        }
        Loser::Nobody(first, last) => {
            let until = if last.0 == u64::MAX { "on".to_owned() } else { format!("to {last}") };
            let what = format!(
                "the entries from {first} {until} are in no file, and jobs need bodies of them: a segment in log/ or a body \
                 file in bodies/ whose name begins with {:016x} or a later entry is gone",
                first.0
            );
            (None, what)
        }
    };
    let means = format!("Of the jobs that wait, {lost} Put what is gone back from a copy.");
    findings.push(Finding { severity: Severity::Serious, file, offset: None, what, means });
}
