//! What stands in a job: printable, different in each, with the time it should have been sent and a tag in front.
//!
//! ```text
//! t<16 hex digits: intended nanoseconds><tag><random letters and digits ...>
//! ```

use crate::limits::BODY_BYTES;
use crate::rng::Rng;

const POOL_BYTES: usize = 64 << 10;
const HEAD_BYTES: usize = 18;

/// Bodies cut out of a pool of random text at random places: a copy each, nothing to compute.
pub struct Payloads {
    pool: Vec<u8>,
    rng: Rng,
    bytes: usize,
}

impl Payloads {
    /// Bodies of `bytes` bytes, at least 18, in a sequence given by `seed`.
    pub fn new(seed: u64, bytes: usize) -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut rng = Rng::new(seed);
        let bytes = bytes.clamp(HEAD_BYTES, POOL_BYTES);
        let letter = |rng: &mut Rng| LETTERS.get(rng.below(64)).copied().unwrap_or(b'x');
        let pool = (0..POOL_BYTES + bytes).map(|_| letter(&mut rng)).collect();
        Self { pool, rng, bytes }
    }

    /// Bodies of the usual size.
    pub fn usual(seed: u64) -> Self {
        Self::new(seed, BODY_BYTES)
    }

    pub fn write(&mut self, out: &mut Vec<u8>, intended: u64, tag: u8) {
        out.push(b't');
        for shift in (0..16).rev() {
            let nibble = usize::try_from(intended >> (4 * shift) & 15).unwrap_or(0);
            out.push(b"0123456789abcdef".get(nibble).copied().unwrap_or(b'0'));
        }
        out.push(tag);
        let at = self.rng.below(POOL_BYTES);
        out.extend_from_slice(self.pool.get(at..at + self.bytes - HEAD_BYTES).unwrap_or_default());
    }
}

/// The intended time and the tag in a body; `None` if it is not one of ours.
pub fn read(body: &[u8]) -> Option<(u64, u8)> {
    let digits = std::str::from_utf8(body.get(1..17)?).ok()?;
    let intended = u64::from_str_radix(digits, 16).ok()?;
    (body.first() == Some(&b't')).then_some((intended, *body.get(17)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_differ_have_their_size_and_tell_their_time() {
        let mut payloads = Payloads::usual(1);
        let bodies: Vec<Vec<u8>> = (0..100u64)
            .map(|at| {
                let mut out = Vec::new();
                payloads.write(&mut out, at << 40, b'b');
                assert_eq!(out.len(), BODY_BYTES);
                assert_eq!(read(&out), Some((at << 40, b'b')));
                out.split_off(18)
            })
            .collect();
        assert!(bodies.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(read(b"short"), None);
    }
}
