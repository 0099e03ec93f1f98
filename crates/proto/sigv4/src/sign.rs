//! Signing, for clients: tests, load tools, callbacks.

use crate::canonical::{CanonicalError, Scratch, SignedHeaders};
use crate::key::SigningKey;
use crate::{AmzDate, Headers, Request, SignError, hex, presigned};

/// Signs requests as one access key, for one region and service; keeps the day's signing key.
pub struct Signer {
    access_key_id: String,
    secret: String,
    region: String,
    service: String,
    scratch: Scratch,
    today: Option<Today>,
}

/// What changes at midnight.
struct Today {
    day: Vec<u8>,
    scope: String,
    key: SigningKey,
}

impl Signer {
    /// A signer for credentials scoped to `region` and `service`.
    pub fn new(access_key_id: &str, secret: &str, region: &str, service: &str) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret: secret.into(),
            region: region.into(),
            service: service.into(),
            scratch: Scratch::default(),
            today: None,
        }
    }

    /// The signature of `request` at `date`, 64 hexadecimal digits, over the headers named in `signed_headers`
    /// (lower case, sorted, separated by `;`). They must be in `request` already, among them `host` and `x-amz-date`
    /// (or `date`) with this very time.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn sign<H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        signed_headers: &str,
        date: &AmzDate,
    ) -> Result<[u8; 64], SignError> {
        let signed_headers = SignedHeaders::parse(signed_headers).map_err(|_| SignError::SignedHeaders)?;
        let payload_sha256 = request.payload.sha256_hex();
        let canonical_sha256 = self.scratch.canonical_sha256(request, signed_headers, &payload_sha256, false).map_err(
            |error| match error {
                CanonicalError::HeaderAbsent => SignError::HeaderAbsent,
                CanonicalError::TooLong => SignError::TooLong,
            },
        )?;
        let today = self.today(date);
        Ok(hex::encode(&today.key.sign(date, today.scope.as_bytes(), &canonical_sha256)))
    }

    /// The whole `Authorization` value for `request`; see [`Signer::sign`].
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn authorization<H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        signed_headers: &str,
        date: &AmzDate,
    ) -> Result<String, SignError> {
        let signature = self.sign(request, signed_headers, date)?;
        let signature = std::str::from_utf8(&signature).unwrap_or_default();
        let credential = self.credential(date);
        Ok(format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"))
    }

    /// The query string that makes `request` a presigned one, good for `expires_seconds` from `date`: the request's own with
    /// the parts of the signature behind it. See [`Signer::sign`]; no date header is needed, and `host` alone will do.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn presign<H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        signed_headers: &str,
        date: &AmzDate,
        expires_seconds: u32,
    ) -> Result<String, SignError> {
        let credential = self.credential(date);
        let mut query = presigned::parts(request.query, &credential, date, expires_seconds, signed_headers);
        let signature = self.sign(&Request { query: &query, ..*request }, signed_headers, date)?;
        query.push('&');
        query.push_str(presigned::SIGNATURE);
        query.push('=');
        query.push_str(std::str::from_utf8(&signature).unwrap_or_default());
        Ok(query)
    }

    /// `key/yyyymmdd/region/service/aws4_request`, as it stands in the header.
    pub fn credential(&mut self, date: &AmzDate) -> String {
        let scope = &self.today(date).scope;
        let scope = scope.clone();
        format!("{}/{scope}", self.access_key_id)
    }

    fn today(&mut self, date: &AmzDate) -> &Today {
        let Self { secret, region, service, today, .. } = self;
        match today {
            Some(held) if held.day == date.day() => {}
            _ => *today = None,
        }
        today.get_or_insert_with(|| Today {
            day: date.day().to_vec(),
            scope: format!("{}/{region}/{service}/aws4_request", String::from_utf8_lossy(date.day())),
            key: SigningKey::derive(secret.as_bytes(), date.day(), region.as_bytes(), service.as_bytes()),
        })
    }
}
