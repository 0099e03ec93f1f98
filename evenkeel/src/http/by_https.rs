//! Whether a client came by `https`: TLS ends at a proxy before us, and that says so.
//!
//! `X-Forwarded-Proto`, as nearly all of them do, or `Forwarded` (RFC 7239, section 5.4). Where several proxies said theirs the first is the client's.

use http::{HeaderMap, header};

const PROTO: &str = "x-forwarded-proto";

/// Whether the first proxy was asked by `https`. Anybody can send such a header: nobody may be let in by it.
pub(super) fn is_said(headers: &HeaderMap) -> bool {
    let first = |name| headers.get(name)?.to_str().ok()?.split(',').next();
    let said = first(PROTO).or_else(|| first(header::FORWARDED.as_str()).and_then(proto));
    said.is_some_and(|said| said.trim().eq_ignore_ascii_case("https"))
}

/// `proto` of one element of `Forwarded`.
fn proto(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("proto")).map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_proxy_was_asked_by_counts() {
        for (name, value, expected) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "HTTPS", true),
            ("x-forwarded-proto", "https, http", true),
            ("x-forwarded-proto", "http, https", false),
            ("x-forwarded-proto", "http", false),
            ("x-forwarded-proto", "", false),
            ("x-forwarded-proto", "wss", false),
            ("forwarded", "for=192.0.2.60;proto=https;by=203.0.113.43", true),
            ("forwarded", "For=\"[2001:db8::1]:4711\"; Proto=\"https\"", true),
            ("forwarded", "for=192.0.2.43, for=198.51.100.17;proto=https", false),
            ("forwarded", "proto=http;host=a, proto=https", false),
            ("forwarded", "proto", false),
            ("x-forwarded-for", "https", false),
        ] {
            let headers = [(name, value)].map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            assert_eq!(is_said(&HeaderMap::from_iter(headers)), expected, "{name}: {value}");
        }
        assert!(!is_said(&HeaderMap::new()));
    }
}
