//! Bytes to read a body file from: a file on a disk, or a slice.

use crate::error::{Flaw, damaged};
use bytes::Bytes;
use evenkeel_disk::DiskFile;
use std::io;

/// Where a file's bytes come from.
pub(crate) trait Source {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}

impl<F: DiskFile> Source for F {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.len()
    }
}

/// A whole file in memory.
pub(crate) struct Slice<'a>(pub(crate) &'a [u8]);

impl Source for Slice<'_> {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let found = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)?.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// Reads so many bytes at an offset. The caller has bounded `bytes` by the file's length or by a limit.
pub(crate) fn read(source: &impl Source, offset: u64, bytes: u64) -> Result<Bytes, Flaw> {
    let mut buffer = vec![0; usize::try_from(bytes).map_err(|_| Flaw::Io(io::ErrorKind::OutOfMemory.into()))?];
    match source.fill(&mut buffer, offset) {
        Ok(()) => Ok(buffer.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            damaged(offset, format!("the file ends within the {bytes} bytes that begin here"))
        }
        Err(error) => Err(Flaw::Io(error)),
    }
}
