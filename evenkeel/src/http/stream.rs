//! A connection's stream that remembers whether it broke.
//!
//! HTTP's side of a connection takes a reset on an idle connection for an ordinary end. To us it makes a difference: a
//! client that went without reading what was sent to it resets the connection, one that is done closes it.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Whether reading or writing failed.
pub(super) type Broke = Rc<Cell<bool>>;

pub(super) struct Watched {
    stream: TcpStream,
    broke: Broke,
}

impl Watched {
    pub(super) fn new(stream: TcpStream) -> (Self, Broke) {
        let broke = Broke::default();
        (Self { stream, broke: Rc::clone(&broke) }, broke)
    }

    fn note<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(polled, Poll::Ready(Err(_))) {
            self.broke.set(true);
        }
        polled
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A reset that came after the peer's end of stream shows only here.
        if matches!(self.stream.take_error(), Ok(Some(_)) | Err(_)) {
            self.broke.set(true);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(polled)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
