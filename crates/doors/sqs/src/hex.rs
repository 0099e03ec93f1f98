//! Lower-case hexadecimal.

/// A byte as two digits.
pub(crate) fn pair(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 15)]
}

/// Sixteen bytes as 32 digits, as MD5 sums are written.
pub(crate) fn encode(bytes: &[u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (two, &byte) in text.chunks_exact_mut(2).zip(bytes) {
        two.copy_from_slice(&pair(byte));
    }
    text
}

/// The value of a digit of either case.
pub(crate) fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_lower_case_and_read_back() {
        assert_eq!(encode(&[0, 1, 9, 10, 15, 16, 255, 0xAB, 0, 0, 0, 0, 0, 0, 0, 0x7F])[..16], *b"0001090a0f10ffab");
        assert_eq!((value(b'0'), value(b'f'), value(b'F'), value(b'g')), (Some(0), Some(15), Some(15), None));
    }
}
