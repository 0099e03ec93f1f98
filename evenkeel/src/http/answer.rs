//! An answer's body: in one piece, and counted as long as the system has not taken all of it.

use super::unread::Ticket;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    io::IoSlice,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// All bytes of an answer.
#[derive(Debug)]
pub(super) struct Answer(Option<Piece>);

/// Bytes on their way. Dropped with the last of them.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _unread: Option<Rc<Ticket>>,
}

impl Answer {
    pub(super) fn new(bytes: Bytes, unread: Option<Rc<Ticket>>) -> Self {
        Self((!bytes.is_empty()).then_some(Piece { bytes, _unread: unread }))
    }
}

impl Body for Answer {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        Poll::Ready(self.0.take().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |piece| piece.bytes.len() as u64))
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
