//! An answer's body: in one piece, and counted as long as the system has not taken all of it.

use super::{body::Whole, unread::Ticket};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    io::IoSlice,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A body that is sent, and that may count as unread.
#[derive(Debug)]
pub(super) struct Answer {
    whole: Whole,
    unread: Option<Rc<Ticket>>,
}

/// Bytes on their way. Dropped with the last of them.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _unread: Option<Rc<Ticket>>,
}

impl Answer {
    pub(super) fn new(whole: Whole, unread: Option<Rc<Ticket>>) -> Self {
        Self { whole, unread }
    }
}

impl Body for Answer {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        let frame = Pin::new(&mut self.whole).poll_frame(context);
        frame.map_ok(|frame| frame.map_data(|bytes| Piece { bytes, _unread: self.unread.take() }))
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.whole.size_hint()
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
