//! Writing a checkpoint: its records as they come, then the manifest.

use super::{Checkpoints, KEPT, install::Installed, prove};
use crate::{
    Part,
    error::misuse,
    fault::{self, Fault},
    format::{RunInfo, manifest::Manifest},
    limits::{META_BYTES_MAX, RUNS_MAX},
    names,
    run::writer::RunWriter,
};
use evenkeel_disk::{Disk, OpenMode};
use evenkeel_types::LogIndex;
use std::{io, sync::Arc};

/// What the parts of a checkpoint hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The records that changed since the newest kept checkpoint.
    Delta,
    /// All records; no older run is needed.
    Whole,
}

/// A checkpoint that is being written.
pub(super) struct Writing<D: Disk> {
    index: LogIndex,
    /// The checkpoint that a delta goes on from.
    base: Option<LogIndex>,
    pub(super) number: u64,
    writer: RunWriter<D::File>,
}

impl<D: Disk> Checkpoints<D> {
    /// Begins a checkpoint at `index`, above all that are kept. One that was begun before is abandoned.
    ///
    /// # Errors
    /// `InvalidInput` if the index is not above, or a delta has nothing to go on from; else the disk's.
    pub fn begin(&mut self, index: LogIndex, source: Source) -> io::Result<()> {
        self.abandon();
        let newest = self.kept_indexes.last().copied();
        if newest.is_some_and(|newest| index <= newest) || index == LogIndex::ZERO {
            return Err(misuse("a checkpoint must be above those that are kept"));
        }
        let base = match source {
            Source::Whole => None,
            Source::Delta if newest.is_some() => newest,
            Source::Delta => {
                return Err(misuse("no checkpoint is kept that a delta could go on from: write a whole one"));
            }
        };
        let (number, seed) = self.new_run(index);
        let path = self.folder.unfinished(&names::run(number));
        let file = self.ballast.give_way(|| self.folder.disk.open(&path, OpenMode::CreateNew))?;
        let writer = RunWriter::new(file, seed, self.options.sync_every_bytes);
        self.writing = Some(Writing { index, base, number, writer });
        Ok(())
    }

    /// Adds records. Writes when enough have come, and syncs now and then.
    ///
    /// # Errors
    /// `InvalidInput` if nothing was begun or the records do not ascend or are too long, else the disk's. In any
    /// case the checkpoint is abandoned.
    pub fn append(&mut self, part: &Part) -> io::Result<()> {
        let Some(writing) = &mut self.writing else { return Err(misuse("no checkpoint was begun")) };
        let mut records = part.records();
        let result = records.try_for_each(|record| match record {
            Some((section, slot, bytes)) => writing.writer.push(section, slot, bytes, &mut self.ballast),
            None => Err(misuse("a record is longer than RECORD_BYTES_MAX")),
        });
        result.inspect_err(|error| {
            self.abandon();
            self.ballast.make_way_for_the_next(error);
        })
    }

    /// The index of the checkpoint that is being written.
    #[must_use]
    pub fn writing(&self) -> Option<LogIndex> {
        self.writing.as_ref().map(|writing| writing.index)
    }

    /// Completes the checkpoint: syncs, reads back, and gives it its name. On `Ok` it survives a power cut, and
    /// of those before only the newest is kept.
    ///
    /// # Errors
    /// `InvalidInput` if nothing was begun or the meta is longer than [`crate::META_BYTES_MAX`],
    /// `InvalidData` if what was written does not read back, else the disk's. The checkpoints before
    /// still hold. If the error came while the folder was synced, this one may be found when the
    /// folder is opened the next time.
    pub fn finish(&mut self, meta: &[u8]) -> io::Result<()> {
        let Some(Writing { index, base, number, writer }) = self.writing.take() else {
            return Err(misuse("no checkpoint was begun"));
        };
        let result = self.finish_run(base, number, writer, meta.len());
        let runs = result.inspect_err(|error| {
            self.remove_run(number);
            self.ballast.make_way_for_the_next(error);
        })?;
        let manifest = Manifest { index, meta: meta.to_vec(), runs };
        let mut kept = self.kept.clone();
        kept.push(Arc::new(manifest.clone()));
        kept.drain(..kept.len().saturating_sub(KEPT));
        if fault::on(Fault::RemoveTooEarly) {
            std::mem::swap(&mut kept, &mut self.kept);
            self.sweep();
            std::mem::swap(&mut kept, &mut self.kept);
        }
        match self.install(&manifest) {
            Installed::Yes => {}
            Installed::No(error) => {
                self.remove_run(number);
                self.ballast.make_way_for_the_next(&error);
                return Err(error);
            }
            // The next one's sweep removes it, first the manifest and then the run.
            Installed::Perhaps(error) => return Err(error),
        }
        self.kept = kept;
        self.count_kept();
        self.unsettled = false;
        if base.is_none() {
            self.wants_whole = false;
            self.drop_merge();
        }
        self.sweep();
        self.ballast.make();
        Ok(())
    }

    /// Drops the checkpoint that is being written, if any.
    pub fn abandon(&mut self) {
        if let Some(Writing { number, writer, .. }) = self.writing.take() {
            drop(writer);
            self.remove_run(number);
        }
    }

    /// Completes and proves the run. Returns the runs that make up the new checkpoint.
    fn finish_run(
        &mut self,
        base: Option<LogIndex>,
        number: u64,
        writer: RunWriter<D::File>,
        meta_bytes: usize,
    ) -> io::Result<Vec<RunInfo>> {
        if meta_bytes > META_BYTES_MAX {
            return Err(misuse("the meta is longer than META_BYTES_MAX"));
        }
        // A merge may have changed the runs of the base meanwhile, never what they hold.
        let newest = self.kept.last().filter(|newest| Some(newest.index) == base);
        if base.is_some() && newest.is_none() {
            return Err(misuse("the checkpoint before it is gone: write a whole one"));
        }
        let mut runs = newest.map(|newest| newest.runs.clone()).unwrap_or_default();
        if writer.records() == 0 {
            drop(writer);
            self.remove_run(number);
            return Ok(runs);
        }
        if runs.len() >= RUNS_MAX {
            return Err(misuse("there are too many runs: merge, or write a whole checkpoint"));
        }
        let info = RunInfo { number, ..writer.finish(&mut self.ballast)? };
        if !fault::on(Fault::SkipProof) {
            let name = names::run(number);
            let file = self.folder.disk.open(&self.folder.unfinished(&name), OpenMode::Read)?;
            prove(Arc::new(file), &name, Some(&info), &mut |_| {})?;
        }
        self.name_run(number)?;
        runs.push(info);
        Ok(runs)
    }
}
