//! Sign-ins that fail: so many from one address, then it has to wait.
//!
//! Only failures count, so that nobody is kept out by a stranger at another address. Behind a proxy all have one address, and
//! then a stranger can; a session that is there goes on.

use crate::limits::{FAILING_ADDRESSES_MAX, FAILURE_LIFE, FAILURES_MAX};
use evenkeel_types::Micros;
use std::{collections::BTreeMap, net::IpAddr};

/// Who failed lately.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When all failures of an address are forgotten.
    clear_at: BTreeMap<IpAddr, Micros>,
}

impl Throttle {
    /// How long an address has to wait before it may try.
    pub(crate) fn wait(&self, peer: IpAddr, now: Micros) -> Option<Micros> {
        let clear_at = self.clear_at.get(&source(peer))?.0;
        let allowed_at = clear_at.saturating_sub(FAILURE_LIFE.0 * u64::from(FAILURES_MAX - 1));
        (allowed_at > now.0).then(|| Micros(allowed_at - now.0))
    }

    /// An address failed.
    pub(crate) fn failed(&mut self, peer: IpAddr, now: Micros) {
        self.clear_at.retain(|_, clear_at| *clear_at > now);
        let peer = source(peer);
        if self.clear_at.len() >= FAILING_ADDRESSES_MAX && !self.clear_at.contains_key(&peer) {
            let first = self.clear_at.iter().min_by_key(|(_, clear_at)| **clear_at).map(|(peer, _)| *peer);
            first.map(|first| self.clear_at.remove(&first));
        }
        let clear_at = self.clear_at.entry(peer).or_insert(now);
        *clear_at = Micros(clear_at.0.max(now.0) + FAILURE_LIFE.0);
    }
}

/// Whoever has one address of IPv6 has the 64 bits behind it as well.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => peer.into(),
        IpAddr::V6(peer) => std::net::Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_fails_too_often_waits_and_nobody_else_does() {
        let mut throttle = Throttle::default();
        let (stranger, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..FAILURES_MAX {
            assert_eq!(throttle.wait(stranger, Micros(5)), None);
            throttle.failed(stranger, Micros(5));
        }
        let wait = throttle.wait(stranger, Micros(5)).unwrap();
        assert_eq!(wait, FAILURE_LIFE);
        assert_eq!(throttle.wait(other, Micros(5)), None);
        assert_eq!(throttle.wait(stranger, Micros(5 + wait.0)), None, "one more try");
        throttle.failed(stranger, Micros(5 + wait.0));
        assert!(throttle.wait(stranger, Micros(5 + wait.0)).is_some());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let mut throttle = Throttle::default();
        for at in 0..FAILURES_MAX {
            throttle.failed(address(&format!("2001:db8::{at}")), Micros(0));
        }
        assert!(throttle.wait(address("2001:db8::ffff"), Micros(0)).is_some());
        assert_eq!(throttle.wait(address("2001:db8:0:1::1"), Micros(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut throttle = Throttle::default();
        for at in 0..u32::try_from(FAILING_ADDRESSES_MAX).unwrap() + 9 {
            throttle.failed(std::net::Ipv4Addr::from_bits(at).into(), Micros(at.into()));
        }
        assert_eq!(throttle.clear_at.len(), FAILING_ADDRESSES_MAX);
        throttle.failed(address("2001:db8::1"), Micros(u64::from(u32::MAX)));
        assert_eq!(throttle.clear_at.len(), 1, "the others are forgotten");
    }
}
