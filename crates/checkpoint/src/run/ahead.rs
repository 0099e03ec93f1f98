//! Reading ahead: a thread reads and checks a large run while its records are taken in.

use super::reader::{Chunk, ReadAt, RunReader};
use crate::error::LoadError;
use std::{
    io,
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::{Builder, Scope},
};

/// Chunks that wait to be taken.
const WAITING: usize = 2;

/// The taker's end.
pub(crate) struct Ahead {
    full: Receiver<Result<Option<Chunk>, LoadError>>,
    empty: Sender<Chunk>,
}

impl Ahead {
    /// Starts the thread; it ends with the run, or when this is dropped.
    pub(crate) fn start<'scope, R: ReadAt + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        reader: RunReader<R>,
    ) -> io::Result<Self> {
        let (to_taker, full) = sync_channel(WAITING);
        let (empty, from_taker) = channel();
        Builder::new()
            .name("checkpoint-read".to_owned())
            .spawn_scoped(scope, move || read(reader, &to_taker, &from_taker))?;
        Ok(Self { full, empty })
    }

    /// The next chunk, in exchange for the one before; `false` after the last.
    pub(crate) fn next(&mut self, chunk: &mut Chunk) -> Result<bool, LoadError> {
        let next = self.full.recv().unwrap_or_else(|_| {
            let source = io::Error::other("the thread is gone");
            Err(LoadError::Io { doing: "reading a run ahead".to_owned(), source })
        })?;
        let Some(next) = next else { return Ok(false) };
        // If the thread has read all, nobody takes it.
        let _ = self.empty.send(std::mem::replace(chunk, next));
        Ok(true)
    }
}

fn read<R: ReadAt>(
    mut reader: RunReader<R>,
    full: &SyncSender<Result<Option<Chunk>, LoadError>>,
    empty: &Receiver<Chunk>,
) {
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        let result = reader.fill(&mut chunk).map(|more| more.then_some(chunk));
        let last = !matches!(result, Ok(Some(_)));
        if full.send(result).is_err() || last {
            return;
        }
    }
}
