//! Any bytes as what the other end of a connection between nodes says, and as a token for joining.

use evenkeel_peers::{Secret, Speaker, Token, limits, scan_frames_bytes};
use std::io::ErrorKind;

const SPEAKERS: [Speaker; 4] = [Speaker::Dialler, Speaker::Dialled, Speaker::Stranger, Speaker::Host];
const HEAD_BYTES: usize = 5;

/// The first byte says who speaks, the rest is what comes. Panics if reading does, if a frame is taken that is none of that speaker's or larger than it may
/// be, or if what was read is not what came.
pub fn judge_frames(bytes: &[u8]) {
    let Some((speaker, stream)) = bytes.split_first() else { return };
    let speaker = SPEAKERS.get(usize::from(*speaker) % SPEAKERS.len()).copied().unwrap_or(Speaker::Dialler);
    let (frames, end) = scan_frames_bytes(stream, speaker);
    let said = frames.concat();
    assert_eq!(stream.get(..said.len()), Some(said.as_slice()), "a frame has one encoding");
    for frame in &frames {
        let (head, payload) = frame.split_at(HEAD_BYTES);
        let kind = head.last().copied().unwrap_or(0);
        let bytes_max = match (speaker, kind) {
            (Speaker::Dialler, 1 | 2) | (Speaker::Dialled, 5) => limits::FRAME_BYTES_MAX,
            (Speaker::Dialler, 3) => 8,
            (Speaker::Dialler, 4) | (Speaker::Host, 7) => limits::TOLD_BYTES_MAX,
            (Speaker::Stranger, 6) | (Speaker::Host, 8) => limits::JOIN_BYTES_MAX,
            _ => panic!("{speaker:?} never says what is of kind {kind}"),
        };
        assert!(payload.len() <= bytes_max, "{} bytes of kind {kind}", payload.len());
    }
    match end {
        None => assert_eq!(said, stream, "the end came between two frames"),
        Some(ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => assert!(said.len() < stream.len()),
        Some(other) => panic!("bytes alone are no reason for {other}"),
    }
}

/// Panics if reading them as a token does, or if one is written in another way than it was read.
pub fn judge_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(token) = text.parse::<Token>() else { return };
    assert_eq!(token.to_string(), text.trim(), "a token has one spelling");
    assert!(!format!("{token:?}").contains(&token.to_string()), "it is not printed");
    let name = token.secret.name();
    assert!(name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
}

fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    let length = u32::try_from(payload.len()).expect("it is short").to_le_bytes();
    [&length[..], &[kind], &payload].concat()
}

/// Good frames of each speaker.
#[must_use]
pub fn corpus_of_frames() -> Vec<Vec<u8>> {
    let number = 7_u64.to_le_bytes();
    let mut corpus: Vec<_> =
        super::raft::corpus_of_messages().iter().map(|message| [&[0], &frame(1, &[message])[..]].concat()).collect();
    let places = br#"[{"node":1,"address":"a:1","http":"a:2","stamp":1}]"#;
    let of_dialler = [
        frame(4, &[places]),
        frame(2, &[&number, b"\x01what is there?"]),
        frame(2, &[&number]),
        frame(3, &[&number]),
        frame(4, &[]),
    ];
    corpus.push([&[0], &of_dialler.concat()[..]].concat());
    corpus.push([&[1], &[frame(5, &[&number, b"nothing"]), frame(5, &[&number])].concat()[..]].concat());
    corpus.push([&[2], &frame(6, &[&[3; 16], br#"{"address":"a:1"}"#])[..]].concat());
    corpus.push([&[3], &frame(7, &[br#"{"cluster":"00"}"#])[..]].concat());
    corpus.push([&[3], &frame(8, &["no, because \u{e9}".as_bytes()])[..]].concat());
    corpus
}

/// Good tokens.
#[must_use]
pub fn corpus_of_tokens() -> Vec<Vec<u8>> {
    [[0; 32], [0xFB; 32]]
        .map(|fingerprint| Token { fingerprint, secret: Secret::of([0xA7; 16]) }.to_string().into_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_is_read_to_its_end() {
        for bytes in corpus_of_frames() {
            let speaker = SPEAKERS[usize::from(bytes[0])];
            let (frames, end) = scan_frames_bytes(&bytes[1..], speaker);
            assert!(!frames.is_empty() && end.is_none(), "{speaker:?}: {end:?}");
        }
        assert!(corpus_of_tokens().into_iter().all(|text| String::from_utf8(text).unwrap().parse::<Token>().is_ok()));
    }
}
