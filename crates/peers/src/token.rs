//! The token that lets a new node in: whom it may trust, and by what it is trusted, once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const PREFIX: &str = "evk1-";
const FINGERPRINT_BYTES: usize = 32;
const SECRET_BYTES: usize = 16;
const NAME_BYTES: usize = 12;

/// 128 random bits that let one node in. Compared in constant time, never printed.
#[derive(Clone)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self(secret))
    }

    /// The one of these bytes, which somebody claims to know.
    #[must_use]
    pub fn of(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// What it may be called where others read it: 96 bits, in hexadecimal digits, of which it does not follow.
    #[must_use]
    pub fn name(&self) -> String {
        let digest = Sha256::digest([b"evenkeel join token ".as_slice(), &self.0].concat());
        digest.iter().take(NAME_BYTES).map(|byte| format!("{byte:02X}")).collect()
    }

    /// What proves that the same one spends it again: 64 hexadecimal digits, from which neither it follows nor `who`, which only that one knows.
    #[must_use]
    pub fn spent_by(&self, who: &[u8]) -> String {
        let digest = Sha256::digest([b"evenkeel join token spent by ".as_slice(), &self.0, who].concat());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its bytes, for a connection that is proved.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a new node is given to join with. Its text is `evk1-` and 64 characters of base64url: it needs no quotes anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Of the certificate of the cluster's authority, SHA-256.
    pub fingerprint: [u8; FINGERPRINT_BYTES],
    /// What lets it in.
    pub secret: Secret,
}

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no token for joining: one begins with {PREFIX}, has 69 characters, and comes from `evenkeel cluster add`"
)]
pub struct TokenError;

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.fingerprint.as_slice(), self.secret.bytes()].concat();
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(TokenError)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError)?;
        let (fingerprint, secret) = bytes.split_first_chunk().ok_or(TokenError)?;
        let secret = secret.try_into().map_err(|_| TokenError)?;
        Ok(Self { fingerprint: *fingerprint, secret: Secret::of(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let token = Token { fingerprint: [0xfb; 32], secret: Secret::draw().unwrap() };
        let text = token.to_string();
        assert_eq!((text.len(), text.parse()), (69, Ok(token.clone())));
        assert_ne!(Secret::draw().unwrap(), token.secret);
        assert_eq!(token.secret.name(), token.secret.clone().name());
        assert_ne!(token.secret.name(), Secret::draw().unwrap().name());
        let longer = format!("{text}AAAA");
        for wrong in ["", "evk1-", &text[..68], &longer, &text[5..], &text.replace("evk1", "evk2")] {
            assert_eq!(wrong.parse::<Token>(), Err(TokenError), "{wrong}");
        }
    }
}
