//! Frames and their bytes: the tables are in the room's header.

use crate::{
    limits::{FRAME_BYTES_MAX, JOIN_BYTES_MAX, TOLD_BYTES_MAX},
    token::Secret,
};
use bytes::{Buf, Bytes, BytesMut};
use evenkeel_log_raft::Message;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const HEAD_BYTES: usize = 5;
const NUMBER_BYTES: usize = 8;

/// One thing that is said.
#[derive(Debug)]
pub(crate) enum Frame {
    Log(Box<Message>),
    Ask(u64, Bytes),
    Cancel(u64),
    Note(Bytes),
    Answer(u64, Bytes),
    Join(Secret, Bytes),
    Joined(Bytes),
    NotJoined(String),
}

impl Frame {
    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        HEAD_BYTES
            + 8
            + match self {
                Self::Log(message) => message.bytes(),
                Self::Ask(_, bytes) | Self::Note(bytes) | Self::Answer(_, bytes) | Self::Joined(bytes) => bytes.len(),
                Self::Join(_, bytes) => 16 + bytes.len(),
                Self::Cancel(_) => 0,
                Self::NotJoined(why) => why.len(),
            }
    }

    /// Its bytes, behind those that are there.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        let mut put = |kind: u8, parts: [&[u8]; 2]| {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            // One that is too long for this is too long for the other side, which says so.
            into.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
            into.push(kind);
            parts.iter().for_each(|part| into.extend_from_slice(part));
        };
        match self {
            Self::Log(message) => put(1, [&message.encode(), &[]]),
            Self::Ask(number, bytes) => put(2, [&number.to_le_bytes(), bytes]),
            Self::Cancel(number) => put(3, [&number.to_le_bytes(), &[]]),
            Self::Note(bytes) => put(4, [bytes, &[]]),
            Self::Answer(number, bytes) => put(5, [&number.to_le_bytes(), bytes]),
            Self::Join(secret, bytes) => put(6, [secret.bytes(), bytes]),
            Self::Joined(bytes) => put(7, [bytes, &[]]),
            Self::NotJoined(why) => put(8, [why.as_bytes(), &[]]),
        }
    }
}

/// Who is at the other end of a connection, which decides what it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A member that dialled this node.
    Dialler,
    /// A member that this node dialled.
    Dialled,
    /// One that dialled this node and showed no certificate.
    Stranger,
    /// A node that this one, which is no member yet, asked to be let in.
    Host,
}

impl Speaker {
    /// How long the payload of a frame of that kind may be; `None` if it is not for this one to say.
    fn payload_bytes_max(self, kind: u8) -> Option<usize> {
        match (self, kind) {
            (Self::Dialler, 1 | 2) | (Self::Dialled, 5) => Some(FRAME_BYTES_MAX),
            (Self::Dialler, 3) => Some(NUMBER_BYTES),
            (Self::Dialler, 4) | (Self::Host, 7) => Some(TOLD_BYTES_MAX),
            (Self::Stranger, 6) | (Self::Host, 8) => Some(JOIN_BYTES_MAX),
            _ => None,
        }
    }
}

/// Reads a frame; `None` if the stream ended before one.
///
/// # Errors
/// The stream broke, or it is none.
pub(crate) async fn read<R: AsyncRead + Unpin>(stream: &mut R, speaker: Speaker) -> io::Result<Option<Frame>> {
    let mut head = [0; HEAD_BYTES];
    if stream.read(head.get_mut(..1).unwrap_or_default()).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(head.get_mut(1..).unwrap_or_default()).await?;
    let [a, b, c, d, kind] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let length_max = speaker
        .payload_bytes_max(kind)
        .ok_or_else(|| bad(format!("a frame of kind {kind}, which is not its to say")))?;
    if length > length_max {
        return Err(bad(format!("a frame of kind {kind} and {length} bytes, and {length_max} are the most")));
    }
    let mut payload = BytesMut::with_capacity(length);
    let mut rest = stream.take(length as u64);
    while payload.len() < length {
        if rest.read_buf(&mut payload).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    decode(kind, payload.freeze()).map(Some)
}

fn decode(kind: u8, mut payload: Bytes) -> io::Result<Frame> {
    let number = |payload: &mut Bytes| {
        let number = payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(|| bad("no number"))?;
        payload.advance(NUMBER_BYTES);
        Ok::<_, io::Error>(number)
    };
    Ok(match kind {
        1 => Frame::Log(Box::new(Message::decode(payload).map_err(|error| bad(error.to_string()))?)),
        2 => Frame::Ask(number(&mut payload)?, payload),
        3 => Frame::Cancel(number(&mut payload)?),
        4 => Frame::Note(payload),
        5 => Frame::Answer(number(&mut payload)?, payload),
        6 => {
            let secret = payload.first_chunk().copied().ok_or_else(|| bad("no secret"))?;
            payload.advance(16);
            Frame::Join(Secret::of(secret), payload)
        }
        7 => Frame::Joined(payload),
        8 => Frame::NotJoined(String::from_utf8(payload.into()).map_err(|_| bad("what is said is no text"))?),
        _ => return Err(bad(format!("a frame of kind {kind}"))),
    })
}

pub(crate) fn bad(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
