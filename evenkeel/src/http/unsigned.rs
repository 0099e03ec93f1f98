//! Where no key is asked for (`--insecure-no-auth`, `--metrics-listen`), whoever reaches the address is let in. What may still not come in
//! is a web page.
//!
//! The server listens on a loopback address then (for metrics: unless it was told otherwise), so that only programs of this machine reach it. A browser is one of them, and runs
//! what strangers wrote: a page may send a form to any address (its request names the page in `Origin`), and a stranger's
//! name may be made to lead here (DNS rebinding; its request has that name in `Host`). Both are refused. Programs send no
//! `Origin`, and call this machine by its own names.

use http::{HeaderMap, Uri, header};
use std::net::IpAddr;

/// Why a request cannot be from a program of this machine; `None` if it may be.
pub(super) fn refusal(headers: &HeaderMap, target: &Uri) -> Option<&'static str> {
    if headers.contains_key(header::ORIGIN) {
        return Some("requests from web pages are refused where no key is asked for\n");
    }
    let host = target.host().or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let is_ours =
        host.is_some_and(|host| host.parse::<http::uri::Authority>().is_ok_and(|host| is_loopback(host.host())));
    (!is_ours).then_some("where no key is asked for, call the server localhost, 127.0.0.1 or [::1]\n")
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let host = host.to_ascii_lowercase();
    // `localhost` and all names below it are loopback (RFC 6761, section 6.3).
    host == "localhost" || host.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        refusal(&headers, &Uri::from_static("/")).is_some()
    }

    #[test]
    fn programs_of_this_machine_come_in() {
        for host in
            ["localhost", "LOCALHOST:9324", "sqs.us-east-1.localhost:1", "127.0.0.1:9324", "127.9.9.9", "[::1]:80"]
        {
            assert!(!refused(Some(host), None), "{host}");
        }
    }

    #[test]
    fn web_pages_and_foreign_names_do_not() {
        for host in
            ["evil.example", "localhost.evil.example:9324", "192.0.2.1", "10.0.0.1", "", "a b", "[::2]", "notlocalhost"]
        {
            assert!(refused(Some(host), None), "{host}");
        }
        assert!(refused(None, None));
        for origin in ["https://evil.example", "null", "http://localhost:3000"] {
            assert!(refused(Some("localhost"), Some(origin)), "{origin}");
        }
    }
}
