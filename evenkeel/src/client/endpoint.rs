//! Where a server is: `http://host[:port][/path]`.

use anyhow::bail;
use std::fmt;

/// The port of a URL that names none.
const HTTP_PORT: u16 = 80;

/// A server's address as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What a client sends as `Host`.
    authority: String,
    /// Before the paths of requests; empty, or begins with a slash and does not end with one.
    pub(crate) prefix: String,
}

impl Endpoint {
    /// Reads a URL. `localhost:9324` without a scheme will do.
    ///
    /// # Errors
    /// If it is no URL, or not an `http` one.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => bail!(
                "the endpoint {text} is https, and these commands speak plain http only; name the server's own port, \
                 such as http://127.0.0.1:9324"
            ),
            Some((scheme, _)) => bail!("the endpoint {text}: use http://, not {scheme}://"),
            None => text,
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte);
        let wrong = || anyhow::anyhow!("the endpoint {text:?} is no URL; it looks like http://127.0.0.1:9324");
        if authority.is_empty() || !rest.bytes().all(plain) {
            return Err(wrong());
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or_else(wrong)?) })
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(HTTP_PORT), |port| port.parse().map_err(|_| wrong()))?;
        if host.is_empty() {
            return Err(wrong());
        }
        let prefix = path.trim_end_matches('/').to_owned();
        Ok(Self { host: host.to_owned(), port, authority: authority.to_owned(), prefix })
    }

    /// What stands in the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let cases = [
            ("http://127.0.0.1:9324", "127.0.0.1", 9324, ""),
            ("http://127.0.0.1:9324/", "127.0.0.1", 9324, ""),
            ("localhost:9324", "localhost", 9324, ""),
            ("http://queues.example", "queues.example", 80, ""),
            ("http://[::1]:9324", "::1", 9324, ""),
            ("http://[::1]/sqs/", "::1", 80, "/sqs"),
        ];
        for (text, host, port, prefix) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port, endpoint.prefix.as_str()),
                (host, port, prefix),
                "{text}"
            );
        }
        assert_eq!(Endpoint::parse("http://[::1]:9324/a/").unwrap().to_string(), "http://[::1]:9324/a");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_would_be_one() {
        for text in ["", "http://", "http://:9324", "http://a:b", "http://a:99999", "http://a b", "http://u@h", "[::1"]
        {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:9324"), "{error}");
        }
        assert!(Endpoint::parse("https://a").unwrap_err().to_string().contains("plain http"));
        assert!(Endpoint::parse("ftp://a").unwrap_err().to_string().contains("use http://"));
    }
}
