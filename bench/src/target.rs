//! Where the load goes: an address on this machine, and an access key.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};

#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub access_key: String,
    pub secret_key: String,
}

impl Target {
    /// # Errors
    /// If the endpoint is not `http://` with a loopback address and a port.
    pub fn new(endpoint: &str, access_key: &str, secret_key: &str) -> anyhow::Result<Self> {
        let Some(authority) = endpoint.strip_prefix("http://") else {
            bail!("the endpoint must begin with http://, not {endpoint}");
        };
        let authority = authority.trim_end_matches('/').replace("localhost", "127.0.0.1");
        let address: SocketAddr =
            authority.parse().with_context(|| format!("{authority} is not an address with a port"))?;
        // This tool sends as fast as it can; it must not be turned on somebody else's machine by a slip.
        ensure!(
            address.ip().is_loopback(),
            "{address} is not a loopback address: this tool loads its own machine only"
        );
        Ok(Self { address, access_key: access_key.to_owned(), secret_key: secret_key.to_owned() })
    }

    /// The value of `Host`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_taken() {
        for endpoint in ["http://127.0.0.1:9324", "http://localhost:9324/", "http://[::1]:9324"] {
            assert!(Target::new(endpoint, "a", "b").is_ok(), "{endpoint}");
        }
        for endpoint in ["http://192.0.2.1:80", "https://127.0.0.1:1", "http://127.0.0.1", "sqs.example.com:80"] {
            assert!(Target::new(endpoint, "a", "b").is_err(), "{endpoint}");
        }
    }
}
