//! One run, record by record.

use super::{
    END,
    ahead::Ahead,
    key,
    reader::{Chunk, ReadAt, RunReader},
};
use crate::{
    error::LoadError,
    format::{self, BLOCK_HEADER_BYTES, BlockHeader},
};
use std::sync::Arc;

/// Where chunks come from.
pub(crate) enum Source<R> {
    /// Read here, when needed.
    Direct(Box<RunReader<R>>),
    /// Read by a thread, before they are needed.
    Ahead(Ahead),
}

/// A position in a run. At its end the key is [`END`].
pub(crate) struct Cursor<R> {
    source: Source<R>,
    name: Arc<str>,
    chunk: Chunk,
    /// Where in the chunk the next record begins.
    at: usize,
    /// Where in the chunk its block ends.
    block_end: usize,
    /// Records of the block still to come.
    left: u32,
    section: u8,
    /// The lowest slot that the next record can have.
    next_slot: u64,
    key: u64,
    slot: u32,
    start: usize,
    end: usize,
    started: bool,
}

impl<R: ReadAt> Cursor<R> {
    /// At the first record.
    pub(crate) fn new(source: Source<R>, name: &Arc<str>) -> Result<Self, LoadError> {
        let mut cursor = Self {
            source,
            name: Arc::clone(name),
            chunk: Chunk::default(),
            at: 0,
            block_end: 0,
            left: 0,
            section: 0,
            next_slot: 0,
            key: 0,
            slot: 0,
            start: 0,
            end: 0,
            started: false,
        };
        cursor.advance()?;
        Ok(cursor)
    }

    /// Reads when needed.
    pub(crate) fn direct(reader: RunReader<R>) -> Result<Self, LoadError> {
        let name = Arc::clone(reader.name());
        Self::new(Source::Direct(Box::new(reader)), &name)
    }

    /// Of the record here.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// The record here: section, slot, bytes.
    #[inline]
    pub(crate) fn record(&self) -> (u8, u32, &[u8]) {
        (self.section, self.slot, self.chunk.bytes().get(self.start..self.end).unwrap_or(&[]))
    }

    /// Where the present chunk begins in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.chunk.offset
    }

    /// To the next record.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<(), LoadError> {
        if self.left == 0 && !self.next_block()? {
            return Ok(());
        }
        let rest = self.chunk.bytes().get(self.at..self.block_end).unwrap_or(&[]);
        let (passed_over, len, head) = match rest {
            // Almost all: the next slot or one near it, and few bytes.
            [passed_over, len, ..] if (passed_over | len) < 0x80 => (u32::from(*passed_over), usize::from(*len), 2),
            _ => match long_head(rest) {
                Some(head) => head,
                None => return Err(self.misfit()),
            },
        };
        let slot = self.next_slot + u64::from(passed_over);
        let (start, end) = (self.at + head, self.at + head + len);
        let Some(slot) = u32::try_from(slot).ok().filter(|_| end <= self.block_end) else {
            return Err(self.misfit());
        };
        self.left -= 1;
        if self.left == 0 && end != self.block_end {
            return Err(self.misfit());
        }
        (self.start, self.end, self.at) = (start, end, end);
        self.slot = slot;
        self.next_slot = u64::from(slot) + 1;
        self.key = key(self.section, slot);
        Ok(())
    }

    /// To the next block; `false` if there is none.
    #[cold]
    fn next_block(&mut self) -> Result<bool, LoadError> {
        if self.key == END {
            return Ok(false);
        }
        if self.at >= self.chunk.bytes().len() {
            self.at = 0;
            let more = match &mut self.source {
                Source::Direct(reader) => reader.fill(&mut self.chunk)?,
                Source::Ahead(ahead) => ahead.next(&mut self.chunk)?,
            };
            if !more {
                self.key = END;
                return Ok(false);
            }
        }
        let rest = self.chunk.bytes().get(self.at..).unwrap_or(&[]);
        let header = BlockHeader::read(rest).filter(|header| header.records > 0);
        let Some((header, bytes)) = header.and_then(|header| Some((header, usize::try_from(header.bytes).ok()?)))
        else {
            return Err(self.misfit());
        };
        if self.started && key(header.section, header.slot) <= self.key {
            return Err(self.misfit());
        }
        self.started = true;
        self.block_end = self.at + bytes.min(rest.len());
        self.at += BLOCK_HEADER_BYTES;
        self.left = header.records;
        self.section = header.section;
        self.next_slot = header.slot.into();
        Ok(true)
    }

    /// A checksum is right and what it covers makes no sense: only a wrong writer does this.
    #[cold]
    fn misfit(&self) -> LoadError {
        let offset = self.chunk.offset + self.at as u64;
        LoadError::damaged(&self.name, offset, "a block checks, but its records make no sense")
    }
}

#[cold]
fn long_head(rest: &[u8]) -> Option<(u32, usize, usize)> {
    let (passed_over, first) = format::varint(rest)?;
    let (len, second) = format::varint(rest.get(first..)?)?;
    Some((passed_over, usize::try_from(len).ok()?, first + second))
}
