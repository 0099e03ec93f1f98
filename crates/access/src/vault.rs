//! Sealing: secrets as the log, the checkpoints and the snapshots have them.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under one key of 32 bytes, with a random nonce of 24 bytes before the sealed
//! secret: so many nonces can be drawn at random without meeting one twice. The access key's id is authenticated with it, so
//! that no secret can be put under another id.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use std::fmt;
use zeroize::Zeroizing;

/// The sealing key's size.
pub const SEALING_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// A secret access key. Shown by nothing but [`Secret::reveal`].
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a secret in.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was sealed by another key, for another id, or is damaged.
    #[error("the secret was not sealed by this key")]
    NotOurs,
    /// The system gave no randomness.
    #[error("the system's random source failed")]
    NoRandomness,
}

/// Seals and opens.
pub struct Vault(XChaCha20Poly1305);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault with this sealing key.
    #[must_use]
    pub fn new(key: &[u8; SEALING_KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals the secret of the access key `id`.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn seal(&self, id: &str, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        let payload = Payload { msg: secret.reveal(), aad: id.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::NotOurs)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `id`.
    ///
    /// # Errors
    /// It was not sealed so.
    pub fn open(&self, id: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::NotOurs)?;
        let payload = Payload { msg: sealed, aad: id.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map(Secret::new).map_err(|_| VaultError::NotOurs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_for_the_same_id_only() {
        let (vault, secret) = (Vault::new(&[7; 32]), Secret::new(b"the secret".to_vec()));
        let sealed = vault.seal("AKIA1", &secret).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, vault.seal("AKIA1", &secret).unwrap(), "each sealing has a nonce of its own");
        assert_eq!(vault.open("AKIA1", &sealed).unwrap().reveal(), b"the secret");
        assert_eq!(vault.open("AKIA2", &sealed).unwrap_err(), VaultError::NotOurs);
        assert_eq!(Vault::new(&[8; 32]).open("AKIA1", &sealed).unwrap_err(), VaultError::NotOurs);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(vault.open("AKIA1", &damaged).is_err());
            assert!(vault.open("AKIA1", &sealed[..at]).is_err());
        }
        assert_eq!(format!("{secret:?} {vault:?}"), "Secret Vault");
    }
}
