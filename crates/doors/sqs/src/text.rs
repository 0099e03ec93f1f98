//! Which characters a message may consist of, and how much of a refused value is repeated.
//!
//! AWS API Reference, SendMessage: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`. In
//! valid UTF-8 that leaves the control characters below `#x20` but three, and `#xFFFE` and `#xFFFF`, to be refused.

use crate::limits::ECHO_BYTES_MAX;

/// The characters that it may, in AWS's words.
pub(crate) const VALID_CHARACTERS: &str =
    "Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";

/// Bytes looked at together; the loop over them has no branch, so that it becomes vector code.
const BLOCK_BYTES: usize = 64;

/// Whether a message may hold this text. One pass, seldom two over a block.
pub(crate) fn is_allowed(text: &str) -> bool {
    let suspicious = |byte: u8| (byte < 0x20) & (byte != 9) & (byte != 10) & (byte != 13) | (byte == 0xEF);
    for (at, block) in text.as_bytes().chunks(BLOCK_BYTES).enumerate() {
        if block.iter().fold(false, |any, &byte| any | suspicious(byte)) && !is_allowed_from(text, at * BLOCK_BYTES) {
            return false;
        }
    }
    true
}

/// The careful look at one block; reads two bytes beyond it, as a character may straddle its end.
fn is_allowed_from(text: &str, start: usize) -> bool {
    let bytes = text.as_bytes();
    let end = bytes.len().min(start + BLOCK_BYTES);
    (start..end).all(|at| match bytes.get(at) {
        Some(0xEF) => !matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        Some(byte) => *byte >= 0x20 || matches!(byte, 9 | 10 | 13),
        None => true,
    })
}

/// The beginning of a value, for an error message.
pub(crate) fn echo(value: &str) -> String {
    let mut end = value.len().min(ECHO_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let kept = value.get(..end).unwrap_or_default();
    if end < value.len() { format!("{kept}...") } else { kept.to_owned() }
}

/// Whether a `Content-Type` is of a media type, whatever its parameters.
pub(crate) fn is_media_type(given: &str, media_type: &str) -> bool {
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_allowed_or_not_as_documented_wherever_it_stands() {
        for padding in [0, 1, 61, 62, 63, 64, 130] {
            for character in (0..=0x11_000).filter_map(char::from_u32).chain(['\u{10FFFF}']) {
                let expected = matches!(character,
                    '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
                if padding > 0 && (0x80..0xF000).contains(&u32::from(character)) {
                    continue;
                }
                let text = format!("{}{character}ä", "x".repeat(padding));
                assert_eq!(is_allowed(&text), expected, "{character:?} after {padding}");
            }
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(echo("short"), "short");
        let cut = echo(&"ä".repeat(1_000));
        assert_eq!(cut, format!("{}...", "ä".repeat(128)));
        assert!(echo(&format!("x{}", "ä".repeat(1_000))).len() < 260);
    }
}
