//! Reads a run's blocks, and checks every byte before anyone sees it.

use crate::{
    error::LoadError,
    fault::{self, Fault},
    format::{self, BLOCK_HEADER_BYTES, Bad, BlockHeader, FOOTER_BYTES, HEADER_BYTES, RunInfo},
    limits::{BLOCK_BYTES_MAX, CHUNK_BYTES},
};
use evenkeel_disk::DiskFile;
use std::{io, sync::Arc};
use xxhash_rust::xxh3::Xxh3;

/// What can be read at positions.
pub(crate) trait ReadAt: Send {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
}

impl<F: DiskFile> ReadAt for Arc<F> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        F::read_exact_at(self, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        F::len(self)
    }
}

/// Bytes in memory.
pub(crate) struct Slice<'a>(pub(crate) &'a [u8]);

impl ReadAt for Slice<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let found = self.0.get(offset..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// Whole blocks that check, one behind the other.
#[derive(Default)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    used: usize,
    /// Where it begins in the file.
    pub(crate) offset: u64,
}

impl Chunk {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or(&[])
    }
}

/// A run from its first block to its last.
pub(crate) struct RunReader<R> {
    file: R,
    name: Arc<str>,
    info: RunInfo,
    offset: u64,
    blocks: u64,
    records: u64,
    sum: Xxh3,
}

impl<R: ReadAt> RunReader<R> {
    /// Checks length, header and footer, and that it is the run `expected`, if that is given.
    pub(crate) fn open(file: R, name: &str, expected: Option<&RunInfo>) -> Result<Self, LoadError> {
        let bad = |bad, offset| match bad {
            Bad::Damaged(what) => LoadError::damaged(name, offset, what),
            Bad::TooNew(version) => LoadError::TooNew { file: name.to_owned(), version },
        };
        let len = file.len().map_err(|source| LoadError::reading(name, source))?;
        let footer_at = len.saturating_sub(FOOTER_BYTES as u64);
        let read = |buffer: &mut [u8], offset| {
            file.read_exact_at(buffer, offset).map_err(|source| LoadError::reading(name, source))
        };
        if footer_at < HEADER_BYTES as u64 {
            return Err(LoadError::damaged(name, len, "it is cut"));
        }
        let (mut header, mut footer) = ([0; HEADER_BYTES], [0; FOOTER_BYTES]);
        read(&mut header, 0)?;
        let seed = format::decode_header(&header).map_err(|what| bad(what, 0))?;
        if let Some(expected) = expected
            && expected.bytes != len
        {
            let what = format!("it has {len} bytes, and the manifest says {}", expected.bytes);
            return Err(LoadError::damaged(name, len.min(expected.bytes), what));
        }
        read(&mut footer, footer_at)?;
        let info = format::decode_footer(&footer, seed).map_err(|what| bad(what, footer_at))?;
        if info.bytes != len {
            return Err(LoadError::damaged(name, footer_at, "the footer says another length"));
        }
        if let Some(expected) = expected
            && (RunInfo { number: expected.number, ..info }) != *expected
            && !fault::on(Fault::SkipRunIdentity)
        {
            return Err(LoadError::damaged(name, footer_at, "it is not the run that the manifest names"));
        }
        let sum = format::sum_of_blocks(seed);
        Ok(Self { file, name: name.into(), info, offset: HEADER_BYTES as u64, blocks: 0, records: 0, sum })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What header and footer say; the number is 0.
    pub(crate) fn info(&self) -> &RunInfo {
        &self.info
    }

    fn end(&self) -> u64 {
        self.info.bytes - FOOTER_BYTES as u64
    }

    fn damaged(&self, what: &str) -> LoadError {
        LoadError::damaged(&self.name, self.offset, what)
    }

    /// Fills the chunk with the next blocks; `false` after the last, when all of them together check too.
    pub(crate) fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, LoadError> {
        chunk.used = 0;
        chunk.offset = self.offset;
        let left = self.end() - self.offset;
        if left == 0 {
            return self.check_totals().map(|()| false);
        }
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        self.read(chunk, want)?;
        let mut missing = 0;
        while let Some(rest) = chunk.buffer.get(chunk.used..want).filter(|rest| rest.len() >= BLOCK_HEADER_BYTES) {
            let bytes = self.block_bytes(rest)?;
            let Some(block) = rest.get(..bytes) else {
                missing = bytes;
                break;
            };
            self.check(block)?;
            chunk.used += bytes;
        }
        if chunk.used > 0 {
            return Ok(true);
        }
        // Only one with a long record is longer than a chunk.
        if missing == 0 {
            return Err(self.damaged("a block is cut"));
        }
        self.read(chunk, missing)?;
        self.check(chunk.buffer.get(..missing).unwrap_or(&[]))?;
        chunk.used = missing;
        Ok(true)
    }

    fn read(&self, chunk: &mut Chunk, want: usize) -> Result<(), LoadError> {
        if chunk.buffer.len() < want {
            chunk.buffer.resize(want, 0);
        }
        let buffer = chunk.buffer.get_mut(..want).unwrap_or(&mut []);
        self.file.read_exact_at(buffer, self.offset).map_err(|source| LoadError::reading(&self.name, source))
    }

    /// The length that a block claims, if it can be.
    fn block_bytes(&self, rest: &[u8]) -> Result<usize, LoadError> {
        let claimed = BlockHeader::read(rest).and_then(|header| usize::try_from(header.bytes).ok());
        let possible = |bytes: &usize| {
            (BLOCK_HEADER_BYTES + 1..=BLOCK_BYTES_MAX).contains(bytes) && *bytes as u64 <= self.end() - self.offset
        };
        claimed.filter(possible).ok_or_else(|| self.damaged("a block has an impossible length"))
    }

    /// Checks the block at `offset` and goes on behind it.
    fn check(&mut self, block: &[u8]) -> Result<(), LoadError> {
        let stored = format::u64_at(block, 0).unwrap_or(0);
        if stored != format::block_checksum(block, self.info.seed) && !fault::on(Fault::SkipBlockChecksum) {
            return Err(self.damaged("a block does not check"));
        }
        let Some(header) = BlockHeader::read(block).filter(|header| u64::from(header.number) == self.blocks) else {
            return Err(self.damaged("a block lies where another belongs"));
        };
        self.sum.update(&stored.to_le_bytes());
        self.blocks += 1;
        self.records += u64::from(header.records);
        self.offset += block.len() as u64;
        Ok(())
    }

    fn check_totals(&self) -> Result<(), LoadError> {
        let same = self.blocks == self.info.blocks
            && self.records == self.info.records
            && self.sum.digest128() == self.info.checksum;
        if same { Ok(()) } else { Err(self.damaged("the blocks are not those that the footer counts")) }
    }
}
