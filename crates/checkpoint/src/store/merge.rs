//! Merging runs in the background, a step at a time.

use super::{Checkpoints, install::Installed};
use crate::{
    ballast::Plain,
    error::LoadError,
    fault::{self, Fault},
    format::{RunInfo, manifest::Manifest},
    names, policy,
    run::{END, cursor::Cursor, merged::Merged, reader::RunReader, writer::RunWriter},
};
use evenkeel_disk::{Disk, OpenMode};
use evenkeel_types::LogIndex;
use std::{io, sync::Arc};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// There is nothing to merge.
    Nothing,
    /// There is more to do.
    More,
    /// Merged runs have taken the place of others.
    Installed,
}

/// A merge under way.
pub(super) struct Merging<D: Disk> {
    /// The numbers of the runs that are merged: adjacent ones of the newest checkpoint.
    inputs: Vec<u64>,
    number: u64,
    stage: Stage<D>,
}

enum Stage<D: Disk> {
    Writing { merged: Merged<Arc<D::File>>, writer: Box<RunWriter<D::File>> },
    Proving { cursor: Box<Cursor<Arc<D::File>>>, info: RunInfo },
}

/// Why a step failed.
enum Failed {
    Load(LoadError),
    Io(io::Error),
}

impl From<LoadError> for Failed {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<D: Disk> Checkpoints<D> {
    /// Merges a little: writes or reads back about [`crate::Options::step_bytes`]. May be called between
    /// [`Checkpoints::begin`], [`Checkpoints::append`] and [`Checkpoints::finish`], or not at all.
    ///
    /// # Errors
    /// The disk's; or `InvalidData` if a run is damaged, after which [`Checkpoints::wants_whole`] is true and nothing is merged
    /// until a whole checkpoint was written. The merge is dropped and no checkpoint is lost. A full disk
    /// drops it too; the ballast is not touched for a merge. Wait before calling again.
    pub fn merge_step(&mut self) -> io::Result<Merge> {
        let result = self.try_step();
        result.map_err(|failed| match failed {
            Failed::Io(error) => error,
            Failed::Load(error) => {
                self.wants_whole |= error.is_damage();
                error.into()
            }
        })
    }

    /// Drops a merge under way.
    pub(super) fn drop_merge(&mut self) {
        if let Some(Merging { number, stage, .. }) = self.merging.take() {
            drop(stage);
            self.remove_run(number);
        }
    }

    fn try_step(&mut self) -> Result<Merge, Failed> {
        let Some(Merging { inputs, number, stage }) = self.merging.take() else { return self.begin_merge() };
        let step_bytes = self.options.step_bytes.max(1);
        // From here on an error leaves a file without an owner.
        let result = match stage {
            Stage::Writing { merged, writer } => self.write_some(number, merged, writer, step_bytes),
            Stage::Proving { mut cursor, info } => prove_some(&mut cursor, step_bytes)
                .map(|()| Stage::Proving { cursor, info })
                .map_err(|error| Failed::Io(error.into())),
        };
        let stage = result.inspect_err(|_| self.remove_run(number))?;
        if let Stage::Proving { cursor, info } = &stage
            && cursor.key() == END
        {
            let info = *info;
            drop(stage);
            return self.install_merge(&inputs, info).map_err(Failed::Io);
        }
        self.merging = Some(Merging { inputs, number, stage });
        Ok(Merge::More)
    }

    fn begin_merge(&mut self) -> Result<Merge, Failed> {
        let Some(newest) = self.kept.last().map(Arc::clone).filter(|_| !self.wants_whole && !self.unsettled) else {
            return Ok(Merge::Nothing);
        };
        let bytes: Vec<u64> = newest.runs.iter().map(|run| run.bytes).collect();
        let chosen = policy::choose(&bytes, &self.options).and_then(|range| newest.runs.get(range));
        let Some(chosen) = chosen else { return Ok(Merge::Nothing) };
        let mut cursors = Vec::with_capacity(chosen.len());
        for run in chosen {
            let file = self.folder.open_run(run.number)?;
            cursors.push(Cursor::direct(RunReader::open(file, &names::run(run.number), Some(run))?)?);
        }
        let (number, seed) = self.new_run(newest.index);
        let file = self.folder.disk.open(&self.folder.unfinished(&names::run(number)), OpenMode::CreateNew)?;
        let writer = Box::new(RunWriter::new(file, seed, self.options.sync_every_bytes));
        let inputs = chosen.iter().map(|run| run.number).collect();
        self.merging = Some(Merging { inputs, number, stage: Stage::Writing { merged: Merged::new(cursors), writer } });
        Ok(Merge::More)
    }

    fn write_some(
        &self,
        number: u64,
        mut merged: Merged<Arc<D::File>>,
        mut writer: Box<RunWriter<D::File>>,
        step_bytes: u64,
    ) -> Result<Stage<D>, Failed> {
        let enough = writer.bytes() + step_bytes;
        while writer.bytes() < enough {
            let more = merged.stretch(|section, slot, bytes| -> Result<bool, Failed> {
                writer.push(section, slot, bytes, &mut Plain)?;
                Ok(writer.bytes() < enough)
            })?;
            if !more {
                let info = RunInfo { number, ..writer.finish(&mut Plain)? };
                let name = names::run(number);
                let file = Arc::new(self.folder.disk.open(&self.folder.unfinished(&name), OpenMode::Read)?);
                // Damage in what was just written is the disk's failure, and costs no checkpoint.
                let reader = RunReader::open(file, &name, Some(&info)).map_err(io::Error::from)?;
                let cursor = Box::new(Cursor::direct(reader).map_err(io::Error::from)?);
                return Ok(Stage::Proving { cursor, info });
            }
        }
        Ok(Stage::Writing { merged, writer })
    }

    fn install_merge(&mut self, inputs: &[u64], info: RunInfo) -> io::Result<Merge> {
        let number = info.number;
        let replaced = self.kept.last().and_then(|newest| replace(newest, inputs, info));
        let Some(manifest) = replaced else {
            // The newest checkpoint is another one by now, a whole one.
            self.remove_run(number);
            return Ok(Merge::More);
        };
        if let Err(error) = self.name_run(number) {
            self.remove_run(number);
            return Err(error);
        }
        let manifest = Arc::new(manifest);
        if fault::on(Fault::RemoveTooEarly) {
            self.replace_newest(&manifest);
            self.sweep();
        }
        match self.install(&manifest) {
            Installed::Yes => {
                self.replace_newest(&manifest);
                self.sweep();
                Ok(Merge::Installed)
            }
            Installed::No(error) => {
                self.remove_run(number);
                Err(error)
            }
            Installed::Perhaps(error) => {
                self.doubt(manifest.index, number);
                Err(error)
            }
        }
    }

    fn replace_newest(&mut self, manifest: &Arc<Manifest>) {
        if let Some(newest) = self.kept.last_mut() {
            *newest = Arc::clone(manifest);
        }
    }

    fn doubt(&mut self, index: LogIndex, number: u64) {
        if !fault::on(Fault::ForgetDoubt) {
            self.doubtful.push((index, number));
        }
    }
}

/// Reads back until enough was read or the end, where the key says so.
fn prove_some<F: evenkeel_disk::DiskFile>(cursor: &mut Cursor<Arc<F>>, step_bytes: u64) -> Result<(), LoadError> {
    let enough = cursor.offset() + step_bytes;
    while cursor.key() != END && cursor.offset() < enough {
        cursor.advance()?;
    }
    Ok(())
}

/// The manifest with the merged run in the place of its inputs.
fn replace(newest: &Manifest, inputs: &[u64], info: RunInfo) -> Option<Manifest> {
    let numbers: Vec<u64> = newest.runs.iter().map(|run| run.number).collect();
    let at = numbers.windows(inputs.len()).position(|window| window == inputs)?;
    let mut manifest = newest.clone();
    manifest.runs.splice(at..at + inputs.len(), [info]);
    Some(manifest)
}
