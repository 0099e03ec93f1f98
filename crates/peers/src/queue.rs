//! What waits for one connection, bounded in bytes. Filled from any thread, emptied by the one that writes.

use crate::{
    frame::Frame,
    limits::{QUEUE_BYTES_MAX, WRITE_BYTES},
};
use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
};

#[derive(Default)]
struct Inner {
    frames: VecDeque<Frame>,
    bytes: usize,
    is_open: bool,
    has_overflowed: bool,
}

/// The queue. Closed at first: what is pushed then is dropped.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
}

impl Queue {
    /// Leaves a frame. `false` if there is no connection, or no room.
    pub(crate) fn push(&self, frame: Frame) -> bool {
        let bytes = frame.bytes();
        {
            let mut inner = self.lock();
            if !inner.is_open || !inner.frames.is_empty() && inner.bytes + bytes > QUEUE_BYTES_MAX {
                return false;
            }
            inner.bytes += bytes;
            inner.frames.push_back(frame);
        }
        self.filled.notify_one();
        true
    }

    /// As [`Queue::push`], for what must not be missing: if there is no room, the connection ends.
    pub(crate) fn push_or_end(&self, frame: Frame) {
        if !self.push(frame) {
            self.lock().has_overflowed = true;
            self.filled.notify_one();
        }
    }

    /// Takes frames from now on.
    pub(crate) fn open(&self) {
        *self.lock() = Inner { is_open: true, ..Inner::default() };
    }

    /// Drops what there is, and all that comes.
    pub(crate) fn close(&self) {
        *self.lock() = Inner::default();
    }

    /// Waits for frames and encodes some of them behind what is in `buffer`: as many as are written at a time.
    ///
    /// # Errors
    /// Something that must not be missing is: the other side does not read.
    pub(crate) async fn fill(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        loop {
            if self.lock().has_overflowed {
                return Err(io::Error::new(io::ErrorKind::WriteZero, "it reads too slowly"));
            }
            if self.take(buffer) {
                return Ok(());
            }
            self.filled.notified().await;
        }
    }

    /// Writes all that comes, until the connection ends.
    ///
    /// # Errors
    /// How it ended.
    pub(crate) async fn write_to<W: AsyncWrite + Unpin>(&self, stream: &mut W) -> io::Result<Infallible> {
        let mut buffer = Vec::new();
        loop {
            self.fill(&mut buffer).await?;
            stream.write_all(&buffer).await?;
            stream.flush().await?;
            buffer.clear();
            // After something large, that much memory is not kept for ever.
            buffer.shrink_to(2 * WRITE_BYTES);
        }
    }

    fn take(&self, buffer: &mut Vec<u8>) -> bool {
        let mut any = false;
        while buffer.len() < WRITE_BYTES {
            let frame = {
                let mut inner = self.lock();
                let Some(frame) = inner.frames.pop_front() else { break };
                inner.bytes -= frame.bytes();
                frame
            };
            // Outside of the lock: a message may be a MiB, and the log's thread pushes.
            frame.encode(buffer);
            any = true;
        }
        any
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
