//! One file of an overlay: pages that were changed, over what lies below.

use crate::DiskFile;
use std::{collections::BTreeMap, io};

/// The unit in which changes are kept, in bytes.
const PAGE_BYTES: usize = 65_536;

pub(super) struct Node<F> {
    below: Option<F>,
    /// How much of what lies below still shows.
    below_len: u64,
    len: u64,
    /// Changed pages; `None` is a page of zeros.
    pages: BTreeMap<u64, Option<Box<[u8]>>>,
}

/// A stretch of a page that a stretch of a file lies in.
struct Part {
    page: u64,
    /// Where it begins in the page.
    start: usize,
    bytes: usize,
}

/// The parts of pages that so many bytes from `offset` on lie in.
fn parts(offset: u64, bytes: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = usize::try_from(at % PAGE_BYTES as u64).unwrap_or(0);
        let part = Part { page: at / PAGE_BYTES as u64, start, bytes: (bytes - done).min(PAGE_BYTES - start) };
        done += part.bytes;
        (part.bytes > 0).then_some(part)
    })
}

impl<F: DiskFile> Node<F> {
    pub(super) fn empty() -> Self {
        Self { below: None, below_len: 0, len: 0, pages: BTreeMap::new() }
    }

    pub(super) fn below(file: F) -> io::Result<Self> {
        let len = file.len()?;
        Ok(Self { below: Some(file), below_len: len, len, pages: BTreeMap::new() })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.pages.is_empty() {
            return self.read_below(buffer, offset);
        }
        let mut done = 0;
        for Part { page, start, bytes } in parts(offset, buffer.len()) {
            let target = buffer.get_mut(done..done + bytes).unwrap_or_default();
            match self.pages.get(&page) {
                Some(Some(kept)) => target.copy_from_slice(kept.get(start..start + bytes).unwrap_or_default()),
                Some(None) => target.fill(0),
                None => self.read_below(target, offset + done as u64)?,
            }
            done += bytes;
        }
        Ok(())
    }

    /// What lies below, and zeros behind it.
    fn read_below(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let there = usize::try_from(self.below_len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (shown, behind) = buffer.split_at_mut(there);
        behind.fill(0);
        match &self.below {
            Some(file) if !shown.is_empty() => file.read_exact_at(shown, offset),
            _ => Ok(()),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut done = 0;
        for part in parts(offset, bytes.len()) {
            self.write_part(&part, bytes.get(done..done + part.bytes).unwrap_or_default())?;
            done += part.bytes;
        }
        self.len = self.len.max(end);
        Ok(())
    }

    fn write_part(&mut self, part: &Part, bytes: &[u8]) -> io::Result<()> {
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        let page_start = part.page * PAGE_BYTES as u64;
        let absent = !self.pages.contains_key(&part.page);
        if is_zero && absent && page_start >= self.below_len {
            return Ok(());
        }
        if is_zero && part.bytes == PAGE_BYTES {
            self.pages.insert(part.page, None);
            return Ok(());
        }
        if absent {
            let mut page = vec![0; PAGE_BYTES];
            self.read_below(&mut page, page_start)?;
            self.pages.insert(part.page, Some(page.into()));
        }
        let page = self.pages.entry(part.page).or_default();
        let page = page.get_or_insert_with(|| vec![0; PAGE_BYTES].into());
        if let Some(target) = page.get_mut(part.start..part.start + part.bytes) {
            target.copy_from_slice(bytes);
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.below_len = self.below_len.min(len);
            self.pages.split_off(&len.div_ceil(PAGE_BYTES as u64));
            let within = usize::try_from(len % PAGE_BYTES as u64).unwrap_or(0);
            if let Some(Some(page)) = self.pages.get_mut(&(len / PAGE_BYTES as u64)) {
                page.get_mut(within..).unwrap_or_default().fill(0);
            }
        }
        self.len = len;
    }
}
