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
    /// Their keys, side by side: they are compared for every stretch.
    keys: Vec<u64>,
}

impl<R: ReadAt> Merged<R> {
    pub(crate) fn new(cursors: Vec<Cursor<R>>) -> Self {
        let keys = cursors.iter().map(Cursor::key).collect();
        Self { cursors, keys }
    }

    /// Hands out the next stretch that comes from one run; `false` at the end.
    ///
    /// What `take` returns says whether to go on. A stretch is what lies below the next key of all other runs, so
    /// the comparison of all of them is paid once per stretch.
    #[inline]
    pub(crate) fn stretch<E: From<LoadError>>(
        &mut self,
        mut take: impl FnMut(u8, u32, &[u8]) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let (who, limit) = self.lowest()?;
        let (Some(cursor), Some(key)) = (self.cursors.get_mut(who), self.keys.get_mut(who)) else { return Ok(false) };
        if *key == END {
            return Ok(false);
        }
        while cursor.key() < limit {
            let (section, slot, bytes) = cursor.record();
            let go_on = take(section, slot, bytes)?;
            cursor.advance()?;
            if !go_on {
                break;
            }
        }
        *key = cursor.key();
        Ok(true)
    }

    /// The run with the lowest key, and the lowest key of the others. Older records of the same slot are passed over.
    #[inline]
    fn lowest(&mut self) -> Result<(usize, u64), LoadError> {
        let (mut who, mut lowest, mut limit) = (0, END, END);
        let mut consider = |at: usize, key: &mut u64, cursors: &mut [Cursor<R>]| {
            // A newer run has said what the slot holds.
            if *key == lowest
                && *key != END
                && let Some(cursor) = cursors.get_mut(at)
            {
                cursor.advance()?;
                *key = cursor.key();
            }
            if *key < lowest {
                (who, limit, lowest) = (at, lowest, *key);
            } else {
                limit = limit.min(*key);
            }
            Ok::<_, LoadError>(())
        };
        if fault::on(Fault::MergeOldestWins) {
            for (at, key) in self.keys.iter_mut().enumerate() {
                consider(at, key, &mut self.cursors)?;
            }
        } else {
            for (at, key) in self.keys.iter_mut().enumerate().rev() {
                consider(at, key, &mut self.cursors)?;
            }
        }
        Ok((who, limit))
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
