//! Writes one body file, from its first body to its place among the others.

use crate::{
    body_file::BodyFile,
    error::misuse,
    extent::{Extent, Range},
    fault::{self, Fault},
    format::{Footer, encode_block, encode_footer, encode_frame_header, encode_header, encode_sparse},
    limits::{BODY_BYTES_MAX, GROUP_BODIES, SYNC_BYTES, WRITE_BYTES},
    names::unfinished_name,
    scan::scan,
    shared::Shared,
    table::{Group, Key, Table, key},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::BodyRef;
use std::{io, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// A body file being written. Until [`Carry::finish`] nobody sees it; dropping it removes it.
///
/// Holds at most 256 KiB and one body beside 24 bytes for each 64 bodies.
pub struct Carry<D: Disk> {
    shared: Arc<Shared<D>>,
    range: Range,
    /// Absent once a write or sync failed: what the file holds is not known then.
    file: Option<D::File>,
    buffer: Vec<u8>,
    written: u64,
    unsynced: u64,
    last: Option<Key>,
    bodies: u64,
    /// The group that is not full yet.
    group: Vec<BodyRef>,
    groups: Vec<Group>,
    installed: bool,
}

impl<D: Disk> Carry<D> {
    pub(crate) fn begin(shared: &Arc<Shared<D>>, range: Range) -> io::Result<Self> {
        shared.reserve(range)?;
        // From here on dropping gives the range back and removes the file.
        let mut carry = Self {
            shared: shared.clone(),
            range,
            file: None,
            buffer: Vec::new(),
            written: 0,
            unsynced: 0,
            last: None,
            bodies: 0,
            group: Vec::new(),
            groups: Vec::new(),
            installed: false,
        };
        let path = shared.path(unfinished_name(range));
        carry.file = Some(match shared.disk.open(&path, OpenMode::CreateNew) {
            // One that was abandoned and could not be removed then.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                shared.disk.remove(&path)?;
                shared.disk.open(&path, OpenMode::CreateNew)?
            }
            other => other?,
        });
        carry.buffer = encode_header(range);
        carry.flush()?;
        Ok(carry)
    }

    /// How many bodies were pushed.
    #[must_use]
    pub fn bodies(&self) -> u64 {
        self.bodies
    }

    /// Adds a body. Now and then it writes, and syncs after every 4 MiB.
    ///
    /// # Errors
    /// `InvalidInput` if the body does not come behind the last by (index, offset), is of no entry of the range, is not as
    /// long as its reference says, or is longer than [`BODY_BYTES_MAX`]; the carry can go on without it. After any other
    /// error, of which `StorageFull` is one, it can only be abandoned; all files are as before.
    pub fn push(&mut self, body: BodyRef, bytes: &[u8]) -> io::Result<()> {
        let BodyRef { index, offset, .. } = body;
        if self.file.is_none() {
            return Err(failed());
        }
        if !self.range.holds(index) {
            let Range { first, last } = self.range;
            return Err(misuse(format!("a body of entry {index} is not one of entries {first} to {last}")));
        }
        if bytes.len() != body.bytes as usize || bytes.len() > BODY_BYTES_MAX {
            return Err(misuse(format!("a body of {} bytes came as one of {}", bytes.len(), body.bytes)));
        }
        if self.last >= Some(key(body)) && !fault::on(Fault::AcceptAnyOrder) {
            return Err(misuse(format!(
                "the body of entry {index}, offset {offset}, does not come behind the last one"
            )));
        }
        self.last = Some(key(body));
        self.bodies += 1;
        self.group.push(body);
        self.buffer.extend_from_slice(&encode_frame_header(bytes, body.bytes));
        self.buffer.extend_from_slice(bytes);
        if self.group.len() as u64 == GROUP_BODIES {
            self.end_group();
        }
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Makes the file durable, reads all of it back, puts it in the place of the older files within its range, and shows
    /// it to readers. With no bodies it only removes the older files, one by one; dying half way leaves some of them, and
    /// as none of their bodies was needed, carrying nothing again (or [`crate::Shelf::remove`]) is all there is to do.
    ///
    /// After a power cut at any moment there are the older files or the new one, each whole; the next opening removes what
    /// is too much.
    ///
    /// # Errors
    /// `StorageFull`, and `InvalidData` if the file does not read back as written: it is gone, and all is as before.
    /// After another error it may or may not be in place; the shelf then refuses changes until it is opened anew, unless
    /// the error came before the file was complete. Readers go on in all cases.
    pub fn finish(mut self) -> io::Result<Option<Extent>> {
        let new = if self.bodies == 0 { None } else { Some(self.complete()?) };
        let extent = new.as_ref().map(|new| new.table.extent());
        self.shared.replace(self.range, new)?;
        self.installed = extent.is_some();
        Ok(extent)
    }

    /// Gives up and removes the unfinished file, as dropping does. All is as before.
    pub fn abandon(self) {}

    /// Writes the rest, makes it durable, and proves it.
    fn complete(&mut self) -> io::Result<BodyFile<D::File>> {
        self.end_group();
        let sparse = encode_sparse(&self.groups);
        let sparse_at = self.written + self.buffer.len() as u64;
        let footer = Footer { bodies: self.bodies, sparse_at, sparse_checksum: xxh3_64(&sparse), range: self.range };
        self.buffer.extend_from_slice(&sparse);
        self.buffer.extend_from_slice(&encode_footer(&footer));
        self.flush()?;
        self.sync()?;
        let name = unfinished_name(self.range);
        let file = self.shared.disk.open(&self.shared.path(name.clone()), OpenMode::Read)?;
        let read = if fault::on(Fault::SkipProof) { Table::load(&file) } else { scan(&file, &mut |_| {}) };
        let table = read.map_err(|flaw| flaw.proving(&name))?;
        if (table.bodies, table.file_bytes, table.range) != (self.bodies, self.written, self.range) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} reads back as another file")));
        }
        Ok(BodyFile { file, table })
    }

    fn end_group(&mut self) {
        let Some(first) = self.group.first() else { return };
        let block_at = self.written + self.buffer.len() as u64;
        self.groups.push(Group { index: first.index.0, offset: first.offset, block_at });
        self.buffer.extend_from_slice(&encode_block(&self.group));
        self.group.clear();
    }

    /// Writes what was collected, in pieces that end where a sync is due.
    fn flush(&mut self) -> io::Result<()> {
        let mut rest = &*self.buffer;
        while !rest.is_empty() {
            let until_sync = usize::try_from(SYNC_BYTES.saturating_sub(self.unsynced)).unwrap_or(usize::MAX);
            let (piece, behind) = rest.split_at_checked(until_sync).unwrap_or((rest, &[]));
            let file = self.file.as_ref().ok_or_else(failed)?;
            if let Err(error) = file.write_all_at(piece, self.written) {
                self.file = None;
                return Err(error);
            }
            self.written += piece.len() as u64;
            self.unsynced += piece.len() as u64;
            rest = behind;
            if self.unsynced >= SYNC_BYTES {
                self.unsynced = 0;
                let file = self.file.as_ref().ok_or_else(failed)?;
                if let Err(error) = if fault::on(Fault::OneLargeSync) { Ok(()) } else { file.sync() } {
                    self.file = None;
                    return Err(error);
                }
            }
        }
        self.buffer.clear();
        Ok(())
    }

    /// A failed sync is final: the file is never synced again.
    fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        let file = self.file.as_ref().ok_or_else(failed)?;
        if fault::on(Fault::SkipSync) {
            return Ok(());
        }
        file.sync().inspect_err(|_| self.file = None)
    }
}

fn failed() -> io::Error {
    io::Error::other("this body file failed before; abandon it and begin anew")
}

impl<D: Disk> Drop for Carry<D> {
    fn drop(&mut self) {
        // Its room is free only once nothing holds it open.
        self.file = None;
        self.shared.give_back(self.range, self.installed);
    }
}
