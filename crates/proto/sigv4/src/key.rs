//! Signing keys: derived from a secret for one day, region and service, and kept ready for use.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

/// A signing key with both of HMAC's pads already hashed, so that using it costs only the text.
#[derive(Clone)]
pub(crate) struct SigningKey(HmacSha256);

impl SigningKey {
    /// Derives the key; four HMACs, about a microsecond.
    pub(crate) fn derive(secret: &[u8], day: &[u8], region: &[u8], service: &[u8]) -> Self {
        let mut seeded = [0; 4 + crate::limits::SECRET_BYTES_MAX];
        let length = 4 + secret.len().min(crate::limits::SECRET_BYTES_MAX);
        for (to, from) in seeded.iter_mut().zip(b"AWS4".iter().chain(secret)) {
            *to = *from;
        }
        let mut key = keyed(seeded.get(..length).unwrap_or_default());
        for part in [day, region, service, b"aws4_request"] {
            key.update(part);
            key = keyed(&key.finalize().into_bytes());
        }
        Self(key)
    }

    /// The signature of the string to sign: algorithm, time, scope (`day/region/service/aws4_request`) and the hash of
    /// the canonical request.
    pub(crate) fn sign(&self, date: &crate::AmzDate, scope: &[u8], canonical_sha256: &[u8; 64]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [b"AWS4-HMAC-SHA256\n", date.as_bytes().as_slice(), b"\n", scope, b"\n", canonical_sha256] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}
