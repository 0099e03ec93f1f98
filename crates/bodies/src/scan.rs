//! Checks every byte of a body file.

use crate::{
    cursor::Cursor,
    error::{Damage, Flaw},
    extent::Extent,
    source::{Slice, Source},
    table::Table,
};
use evenkeel_types::LogIndex;

/// What a sound file holds, as [`scan_body_file_bytes`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// Every byte checks.
    Sound(Extent),
    /// Some byte does not.
    Damaged(Damage),
    /// A newer version wrote it.
    TooNew(u32),
}

/// Checks the bytes of a whole body file, without a disk. Never panics; memory is bounded by the input's length.
#[must_use]
pub fn scan_body_file_bytes(bytes: &[u8]) -> Scanned {
    match scan(&Slice(bytes), &mut |_| {}) {
        Ok(table) => Scanned::Sound(table.extent()),
        Err(Flaw::Damaged(damage)) => Scanned::Damaged(damage),
        Err(Flaw::TooNew(version)) => Scanned::TooNew(version),
        Err(Flaw::Io(error)) => Scanned::Damaged(Damage { offset: 0, what: error.to_string() }),
    }
}

/// Checks every byte; `progress` is told how far it has come, in bytes.
pub(crate) fn scan(source: &impl Source, progress: &mut dyn FnMut(u64)) -> Result<Table, Flaw> {
    let table = Table::load(source)?;
    let mut cursor = Cursor::first();
    let mut told = 0;
    while cursor.next(&table, source, LogIndex(u64::MAX))?.is_some() {
        if cursor.position() > told {
            told = cursor.position();
            progress(told);
        }
    }
    Ok(table)
}

impl Table {
    pub(crate) fn extent(&self) -> Extent {
        let range = self.range;
        Extent { first: range.first, last: range.last, bytes: self.file_bytes, bodies: self.bodies }
    }
}
