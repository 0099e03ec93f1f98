//! The digest: one number that says whether two states are equal, kept up as they change.
//!
//! It is the wrapping sum of a mix of each record, so a changed record costs two mixes and the order
//! of changes does not matter. It finds divergence and bugs; it does not resist an adversary
//! who can choose the state.

/// A record that takes part in the digest.
pub(crate) trait Digested {
    /// A well-spread number of the whole record. `place` tells equal records apart.
    fn mix(&self, place: u64) -> u64;
}

/// Folds words into one, each step a 64 x 64 to 128-bit multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixer(u64);

impl Mixer {
    /// Begins with what tells this record from others.
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// Adds a word.
    #[must_use]
    pub(crate) fn word(self, word: u64) -> Self {
        Self(fold(self.0 ^ word, 0xD6E8_FEB8_6659_FD93))
    }

    /// Adds bytes.
    #[must_use]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        bytes.chunks(8).fold(self.word(bytes.len() as u64), |mixer, chunk| {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            mixer.word(u64::from_le_bytes(word))
        })
    }

    /// The number.
    #[must_use]
    pub(crate) fn finish(self) -> u64 {
        fold(self.0, 0xA076_1D64_78BD_642F)
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    // Both halves are wanted; the rotation keeps a zero half from erasing the input.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded together")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded ^ a.rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_changes_the_mix() {
        let words = [0u64, 1, u64::MAX, 7];
        let mix = |words: &[u64]| words.iter().fold(Mixer::new(3), |mixer, &word| mixer.word(word)).finish();
        let whole = mix(&words);
        for at in 0..words.len() {
            for bit in 0..64 {
                let mut changed = words;
                changed[at] ^= 1 << bit;
                assert_ne!(mix(&changed), whole, "word {at}, bit {bit}");
            }
        }
    }
}
