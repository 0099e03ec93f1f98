//! The only source of chance: a PCG (XSH-RR 64/32; O'Neill 2014), so that a seed decides everything.

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    stream: u64,
}

impl Rng {
    /// The stream of this number under this seed. Streams of one seed are independent of each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self { state: 0, stream: stream << 1 | 1 };
        rng.next_u32();
        rng.state = rng.state.wrapping_add(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        rng.next_u32();
        rng
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(self.stream);
        #[expect(clippy::cast_possible_truncation, reason = "the generator keeps 32 of the bits")]
        let folded = (((old >> 18) ^ old) >> 27) as u32;
        folded.rotate_right(u32::try_from(old >> 59).unwrap_or(0))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
    }

    /// A number below `bound` (0 if that is 0). The bias of the remainder does not matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A span from `low` to `high` whose logarithm is evenly spread: small ones are as likely as large ones.
    pub fn span(&mut self, low: u64, high: u64) -> u64 {
        let (from, to) = (low.max(1).ilog2(), high.max(1).ilog2());
        let bits = self.between(from.into(), to.into());
        let value = (1 << bits) + self.below(1 << bits);
        value.clamp(low, high)
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// Gives about half of these rates a value, from 1 to the most that goes with it.
    pub fn some_rates<'a>(&mut self, rates: impl IntoIterator<Item = (&'a mut u32, u64)>) {
        for (rate, most) in rates {
            if self.chance(500) {
                *rate = u32::try_from(self.between(1, most)).unwrap_or(1);
            }
        }
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(at).expect("there is something to pick from")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream_and_no_other() {
        let draw = |seed, stream| {
            let mut rng = Rng::new(seed, stream);
            [rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn spans_stay_inside() {
        let mut rng = Rng::new(7, 0);
        for _ in 0..1_000 {
            assert!((3..=5_000).contains(&rng.span(3, 5_000)));
            assert!((3..=5).contains(&rng.between(3, 5)));
        }
    }
}
