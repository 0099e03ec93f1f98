//! Packs records into blocks and writes them, a large piece at a time.

use super::key;
use crate::{
    error::misuse,
    fault::{self, Fault},
    format::{self, BLOCK_HEADER_BYTES, BlockHeader, FOOTER_BYTES, HEADER_BYTES, RunInfo},
    limits::{BLOCK_BYTES, RECORD_BYTES_MAX, WRITE_BYTES},
};
use evenkeel_disk::DiskFile;
use std::io;
use xxhash_rust::xxh3::Xxh3;

/// How bytes get into the file: the caller decides what a full disk means.
pub(crate) trait Write<F> {
    fn write(&mut self, file: &F, bytes: &[u8], offset: u64) -> io::Result<()>;
}

/// A run that is being written.
pub(crate) struct RunWriter<F> {
    file: F,
    seed: u64,
    sync_every_bytes: u64,
    /// Not yet written; the open block, if any, is at its end.
    out: Vec<u8>,
    /// Where `out` belongs in the file.
    offset: u64,
    unsynced: u64,
    open: Option<OpenBlock>,
    last_key: Option<u64>,
    blocks: u32,
    records: u64,
    sum: Xxh3,
}

struct OpenBlock {
    /// Where in `out` it begins.
    at: usize,
    section: u8,
    slot: u32,
    records: u32,
    next_slot: u64,
}

impl<F: DiskFile> RunWriter<F> {
    /// Writes to an empty file.
    pub(crate) fn new(file: F, seed: u64, sync_every_bytes: u64) -> Self {
        Self {
            file,
            seed,
            sync_every_bytes: sync_every_bytes.max(1),
            out: format::encode_header(seed),
            offset: 0,
            unsynced: 0,
            open: None,
            last_key: None,
            blocks: 0,
            records: 0,
            sum: format::sum_of_blocks(seed),
        }
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.offset + self.out.len() as u64
    }

    /// Adds a record above the last one.
    #[inline]
    pub(crate) fn push(&mut self, section: u8, slot: u32, bytes: &[u8], disk: &mut impl Write<F>) -> io::Result<()> {
        let record_key = key(section, slot);
        if self.last_key.is_some_and(|last| last >= record_key) {
            return Err(misuse("a checkpoint's records must ascend by section and slot, each at most once"));
        }
        let len = match u32::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= RECORD_BYTES_MAX => len,
            _ => return Err(misuse("a record is longer than RECORD_BYTES_MAX")),
        };
        if self.open.as_ref().is_some_and(|open| open.section != section) {
            self.close(disk)?;
        }
        let out = &mut self.out;
        let open = self.open.get_or_insert_with(|| {
            let at = out.len();
            out.resize(at + BLOCK_HEADER_BYTES, 0);
            OpenBlock { at, section, slot, records: 0, next_slot: slot.into() }
        });
        // Never negative and below 2^32, since keys ascend and the section is the same.
        let passed_over = u32::try_from(u64::from(slot) - open.next_slot).map_err(|_| misuse("slots must ascend"))?;
        if (passed_over | len) < 0x80 {
            let ([passed_over, ..], [len, ..]) = (passed_over.to_le_bytes(), len.to_le_bytes());
            out.extend_from_slice(&[passed_over, len]);
        } else {
            format::put_varint(out, passed_over);
            format::put_varint(out, len);
        }
        out.extend_from_slice(bytes);
        open.records += 1;
        open.next_slot = u64::from(slot) + 1;
        let full = out.len() - open.at >= BLOCK_BYTES;
        self.records += 1;
        self.last_key = Some(record_key);
        if full { self.close(disk) } else { Ok(()) }
    }

    /// Closes the open block, and writes when there is enough.
    fn close(&mut self, disk: &mut impl Write<F>) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let block = self.out.get_mut(open.at..).unwrap_or(&mut []);
        let header = BlockHeader {
            bytes: u32::try_from(block.len()).map_err(|_| misuse("a block is too long"))?,
            number: self.blocks,
            records: open.records,
            slot: open.slot,
            section: open.section,
        };
        let checksum = header.put(block, self.seed);
        self.sum.update(&checksum.to_le_bytes());
        self.blocks = self.blocks.checked_add(1).ok_or_else(|| misuse("a run is too long"))?;
        if self.out.len() as u64 >= self.sync_every_bytes.min(WRITE_BYTES) { self.write(disk) } else { Ok(()) }
    }

    fn write(&mut self, disk: &mut impl Write<F>) -> io::Result<()> {
        disk.write(&self.file, &self.out, self.offset)?;
        self.offset += self.out.len() as u64;
        self.unsynced += self.out.len() as u64;
        self.out.clear();
        if self.unsynced >= self.sync_every_bytes {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        if fault::on(Fault::SkipRunSync) {
            return Ok(());
        }
        match self.file.sync() {
            Err(_) if fault::on(Fault::RetryFailedSync) => self.file.sync(),
            result => result,
        }
    }

    /// Writes the rest and the footer, and syncs. What it returns has the number 0.
    pub(crate) fn finish(mut self, disk: &mut impl Write<F>) -> io::Result<RunInfo> {
        self.close(disk)?;
        let info = RunInfo {
            number: 0,
            seed: self.seed,
            bytes: self.bytes() + FOOTER_BYTES as u64,
            blocks: self.blocks.into(),
            records: self.records,
            checksum: self.sum.digest128(),
        };
        self.out.extend_from_slice(&format::encode_footer(&info));
        debug_assert!(info.bytes >= (HEADER_BYTES + FOOTER_BYTES) as u64);
        disk.write(&self.file, &self.out, self.offset)?;
        self.sync()?;
        Ok(info)
    }
}
