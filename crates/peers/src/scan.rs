//! Bytes of unknown origin, read as what the other end of a connection says: for fuzzing.

use crate::frame::{self, Frame, Speaker};
use std::{
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// The frames at the beginning of a stream, each as its writer writes it, and why there are no more; `None` if the stream ends behind the last.
#[must_use]
pub fn scan_frames_bytes(mut bytes: &[u8], speaker: Speaker) -> (Vec<Vec<u8>>, Option<io::ErrorKind>) {
    let mut frames = Vec::new();
    loop {
        match next(&mut bytes, speaker) {
            Ok(Some(frame)) => {
                let mut written = Vec::new();
                frame.encode(&mut written);
                frames.push(written);
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.kind())),
        }
    }
}

fn next(bytes: &mut &[u8], speaker: Speaker) -> io::Result<Option<Frame>> {
    match pin!(frame::read(bytes, speaker)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        // What is in memory is always there.
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
