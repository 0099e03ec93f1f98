//! Small changes to good inputs: what a fuzzer does, for a few seconds, from a seed.

use crate::rng::Rng;

/// One of the inputs, changed a little or a lot.
#[must_use]
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.pick(corpus).clone();
    for _ in 0..rng.between(1, 4) {
        let at = usize::try_from(rng.below(bytes.len() as u64 + 1)).unwrap_or(0);
        let odd = *rng.pick(&[0, 1, 0x7F, 0x80, 0xFF, b'"', b'{', b'\\', b'%', b'&']);
        match rng.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = odd;
                }
            }
            2 => bytes.truncate(at),
            3 => bytes.insert(at, odd),
            4 => {
                let end = (at + usize::try_from(rng.span(1, 64)).unwrap_or(1)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let other = rng.pick(corpus).clone();
                let from = usize::try_from(rng.below(other.len() as u64 + 1)).unwrap_or(0);
                bytes.truncate(at);
                bytes.extend(other.get(from..).unwrap_or_default());
            }
            _ => {
                let number = rng.next_u32().to_le_bytes();
                bytes.iter_mut().skip(at).zip(number).for_each(|(to, from)| *to = from);
            }
        }
    }
    bytes
}
