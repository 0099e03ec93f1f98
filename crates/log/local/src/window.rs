//! A file's bytes for scanning: read in large pieces, whatever the entries' sizes.

use crate::{limits::SCAN_WINDOW_BYTES, scan::Source};
use evenkeel_disk::DiskFile;
use std::io;

/// A window that moves over a file. It holds at most the larger of its usual size and one entry.
pub(crate) struct Window<'a, F> {
    file: &'a F,
    len: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a, F: DiskFile> Window<'a, F> {
    pub(crate) fn new(file: &'a F) -> io::Result<Self> {
        Ok(Self { file, len: file.len()?, start: 0, buffer: Vec::new() })
    }
}

impl<F: DiskFile> Source for Window<'_, F> {
    fn len(&self) -> u64 {
        self.len
    }

    fn get(&mut self, offset: u64, bytes: u64) -> io::Result<&[u8]> {
        let end = offset.saturating_add(bytes).min(self.len);
        let offset = offset.min(end);
        if offset < self.start || end > self.start + self.buffer.len() as u64 {
            let wanted = (end - offset).max(SCAN_WINDOW_BYTES as u64).min(self.len - offset);
            self.buffer.clear();
            self.buffer.resize(usize::try_from(wanted).map_err(|_| io::ErrorKind::OutOfMemory)?, 0);
            self.start = offset;
            self.file.read_exact_at(&mut self.buffer, offset)?;
        }
        let at = |at: u64| usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(at(offset)..at(end)).unwrap_or(&[]))
    }
}
