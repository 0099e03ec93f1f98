//! A checkpoint held open, to be sent or read while newer ones come and its files go.

use crate::{
    LoadError, Sink,
    error::misuse,
    format::manifest::Manifest,
    names,
    run::{merged, reader::RunReader},
};
use evenkeel_disk::{Disk, DiskFile};
use evenkeel_types::LogIndex;
use std::{io, sync::Arc};

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its name, without the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// A checkpoint's files, open. Clones share the handles.
pub struct Pinned<D: Disk> {
    manifest: Arc<Manifest>,
    /// The manifest's bytes.
    bytes: Arc<[u8]>,
    runs: Arc<[Arc<D::File>]>,
}

impl<D: Disk> Clone for Pinned<D> {
    fn clone(&self) -> Self {
        Self { manifest: Arc::clone(&self.manifest), bytes: Arc::clone(&self.bytes), runs: Arc::clone(&self.runs) }
    }
}

impl<D: Disk> Pinned<D> {
    pub(crate) fn new(manifest: Arc<Manifest>, runs: Vec<Arc<D::File>>) -> Self {
        Self { bytes: manifest.encode().into(), manifest, runs: runs.into() }
    }

    /// The index whose state it is.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.manifest.index
    }

    /// Its files: the manifest, then the runs. [`Pinned::read`] names them by their place here.
    #[must_use]
    pub fn files(&self) -> Vec<FileInfo> {
        let manifest = FileInfo { name: names::manifest(self.manifest.index), bytes: self.bytes.len() as u64 };
        let runs = self.manifest.runs.iter().map(|run| FileInfo { name: names::run(run.number), bytes: run.bytes });
        std::iter::once(manifest).chain(runs).collect()
    }

    /// Fills `buffer` with a file's bytes from `offset`. They are not checked; the receiver does.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond its end, `InvalidInput` without such a file, else the disk's.
    pub fn read(&self, file: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let Some(run) = file.checked_sub(1) else {
            let from = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..));
            let found = from.and_then(|from| from.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(found);
            return Ok(());
        };
        let run = self.runs.get(run).ok_or_else(|| misuse("the checkpoint has no such file"))?;
        run.read_exact_at(buffer, offset)
    }

    /// Streams the state to `sink`, like [`crate::Checkpoints::load`].
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, sink: &mut impl Sink) -> Result<(), LoadError> {
        merged::load(readers(&self.manifest, &self.runs)?, &self.manifest.meta, sink)
    }
}

/// Readers of a manifest's runs, from their open files.
pub(crate) fn readers<F: DiskFile>(manifest: &Manifest, files: &[Arc<F>]) -> Result<Vec<RunReader<Arc<F>>>, LoadError> {
    let open = |(run, file): (_, &Arc<F>)| {
        let run: &crate::format::RunInfo = run;
        RunReader::open(Arc::clone(file), &names::run(run.number), Some(run))
    };
    manifest.runs.iter().zip(files).map(open).collect()
}
