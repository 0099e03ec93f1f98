//! Several runs as one: in ascending order, the newest record of each slot.

use super::{
    END,
    ahead::Ahead,
    cursor::{Cursor, Source},
    reader::{ReadAt, RunReader},
};
use crate::{
    error::LoadError,
    fault::{self, Fault},
    limits::AHEAD_BYTES_MIN,
};
use std::{sync::Arc, thread};

/// Takes a checkpoint in.
pub trait Sink {
    /// The meta, once, before all records.
    ///
    /// # Errors
    /// Why it cannot be taken; the load ends with that.
    fn meta(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// A record, above all before.
    ///
    /// # Errors
    /// Why it cannot be taken; the load ends with that.
    fn record(&mut self, section: u8, slot: u32, bytes: &[u8]) -> Result<(), String>;
}

/// Cursors over runs, the oldest first.
pub(crate) struct Merged<R> {
    cursors: Vec<Cursor<R>>,
}

impl<R: ReadAt> Merged<R> {
    pub(crate) fn new(cursors: Vec<Cursor<R>>) -> Self {
        Self { cursors }
    }

    /// Hands out the next stretch that comes from one run; `false` at the end.
    ///
    /// `taken` says whether to go on. A stretch is what lies below the next key of all other runs, so
    /// the comparison of all of them is paid once per stretch.
    #[inline]
    pub(crate) fn stretch<E: From<LoadError>>(
        &mut self,
        mut take: impl FnMut(u8, u32, &[u8]) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Some((who, limit)) = self.lowest()? else { return Ok(false) };
        let Some(cursor) = self.cursors.get_mut(who) else { return Ok(false) };
        while cursor.key() < limit {
            let (section, slot, bytes) = cursor.record();
            let go_on = take(section, slot, bytes)?;
            cursor.advance()?;
            if !go_on {
                break;
            }
        }
        Ok(true)
    }

    /// The run with the lowest key and the lowest key of the others, after older records of it are passed over.
    #[inline]
    fn lowest(&mut self) -> Result<Option<(usize, u64)>, LoadError> {
        let (mut who, mut lowest, mut limit) = (0, END, END);
        let oldest_wins = fault::on(Fault::MergeOldestWins);
        let count = self.cursors.len();
        for nth in 0..count {
            let at = if oldest_wins { nth } else { count - 1 - nth };
            let Some(cursor) = self.cursors.get_mut(at) else { continue };
            // A newer run has said what the slot holds.
            if cursor.key() == lowest && lowest != END {
                cursor.advance()?;
            }
            let key = cursor.key();
            if key < lowest {
                (who, limit, lowest) = (at, lowest, key);
            } else {
                limit = limit.min(key);
            }
        }
        Ok((lowest != END).then_some((who, limit)))
    }
}

/// Streams runs, the oldest first, to a sink; with a reading thread for each large one.
pub(crate) fn load<R: ReadAt, S: Sink>(runs: Vec<RunReader<R>>, meta: &[u8], sink: &mut S) -> Result<(), LoadError> {
    sink.meta(meta).map_err(LoadError::Refused)?;
    thread::scope(|scope| {
        let mut cursors = Vec::with_capacity(runs.len());
        for reader in runs {
            if reader.info().bytes < AHEAD_BYTES_MIN {
                cursors.push(Cursor::direct(reader)?);
                continue;
            }
            let name = Arc::clone(reader.name());
            let ahead = Ahead::start(scope, reader);
            let ahead = ahead.map_err(|source| LoadError::Io { doing: "starting a thread".to_owned(), source })?;
            cursors.push(Cursor::new(Source::Ahead(ahead), &name)?);
        }
        let mut merged = Merged::new(cursors);
        while merged.stretch(|section, slot, bytes| {
            sink.record(section, slot, bytes).map(|()| true).map_err(LoadError::Refused)
        })? {}
        Ok(())
    })
}
