//! Request ids: unique enough to find a request in the log, made without a lock.

use http::HeaderValue;

/// A request's id: hex digits and dashes.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId([u8; 36]);

impl RequestId {
    /// As a text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As a header's value.
    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hex digits and dashes are a header's value")
    }
}

/// Draws ids of the form of a UUID. One per thread.
#[derive(Debug)]
pub(super) struct RequestIds {
    state: u128,
}

impl RequestIds {
    pub(super) fn new(seed: u128) -> Self {
        Self { state: seed | 1 }
    }

    pub(super) fn next(&mut self) -> RequestId {
        // A multiplicative generator of 128 bits: the ids tell nothing secret and decide nothing.
        self.state = self.state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
        let mixed = self.state ^ self.state >> 64;
        let mut text = [b'-'; 36];
        let mut digits = (0..32).map(|digit| {
            let nibble = u8::try_from(mixed >> (4 * digit) & 0xF).unwrap_or(0);
            if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
        });
        for (at, letter) in text.iter_mut().enumerate() {
            if !matches!(at, 8 | 13 | 18 | 23) {
                *letter = digits.next().unwrap_or(b'0');
            }
        }
        RequestId(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_uuids_and_differ() {
        let mut ids = RequestIds::new(42);
        let drawn: std::collections::BTreeSet<_> = (0..10_000).map(|_| ids.next().as_str().to_owned()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(drawn.iter().all(|id| id.len() == 36 && &id[8..9] == "-" && &id[23..24] == "-"));
    }
}
