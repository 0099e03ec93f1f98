//! Verification: from a request to the one who signed it.

use subtle::ConstantTimeEq as _;

use crate::authorization::Authorization;
use crate::cache::KeyCache;
use crate::canonical::{CanonicalError, Scratch};
use crate::key::SigningKey;
use crate::limits::{AUTHORIZATION_BYTES_MAX, SKEW_SECONDS_MAX};
use crate::request::{Single, single};
use crate::{AmzDate, Headers, IncompleteSignature, Request, SigError, hex};

/// Who holds which access key. Asked once per request, so keep it in memory.
pub trait Secrets {
    /// What the caller of [`Verifier::verify`] wants to know about whoever signed.
    type Account<'s>
    where
        Self: 's;

    /// The secret and the account of an access key; `None` if there is no such key, or no longer.
    fn find<'s>(&'s self, access_key_id: &str) -> Option<Credential<'s, Self::Account<'s>>>;
}

/// An access key's secret and owner.
#[derive(Clone, Copy)]
pub struct Credential<'s, A> {
    /// The secret access key; at most [`SECRET_BYTES_MAX`](crate::limits::SECRET_BYTES_MAX) bytes count.
    pub secret: &'s [u8],
    /// Whatever the caller keeps for it.
    pub account: A,
}

/// A request that is what its signer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<A> {
    /// As given by [`Secrets::find`].
    pub account: A,
    /// When it was signed, within 15 minutes of now.
    pub signed: AmzDate,
}

/// Verifies requests for one service; one per thread, kept from request to request.
pub struct Verifier {
    service: Box<str>,
    cache: KeyCache,
    scratch: Scratch,
    authorization: Vec<u8>,
}

impl Verifier {
    /// A verifier for credentials scoped to `service` (`sqs`), in any region.
    pub fn new(service: &str) -> Self {
        Self {
            service: service.into(),
            cache: KeyCache::new(),
            scratch: Scratch::default(),
            authorization: Vec::with_capacity(512),
        }
    }

    /// Who signed `request`, or why it must not be served. `now` is in Unix seconds.
    ///
    /// Costs a hash of the body and of the canonical request and one HMAC; the first request of a credential derives
    /// its signing key (four HMACs more). Checks go from cheap to dear: nothing is hashed for an unknown access key,
    /// a wrong service or an old signature.
    ///
    /// # Errors
    /// See [`SigError`]. Nothing is remembered of a request that is refused.
    pub fn verify<'s, S: Secrets + ?Sized, H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        secrets: &'s S,
        now: i64,
    ) -> Result<Verified<S::Account<'s>>, SigError> {
        let Self { service, cache, scratch, authorization: header } = self;
        copy_authorization(request.headers, header)?;
        let authorization = Authorization::parse(header)?;
        let scope = &authorization.credential;
        check_coverage(request.headers, &authorization)?;
        let signed = signing_time(request.headers)?;
        let Credential { secret, account } = secrets.find(scope.access_key_id).ok_or(SigError::InvalidClientTokenId)?;
        if *scope.service != **service {
            return Err(SigError::WrongService { expected: service.clone() });
        }
        if scope.day.as_bytes() != signed.day() {
            return Err(SigError::ScopeDateMismatch);
        }
        check_skew(signed, now)?;

        let payload_sha256 = request.payload.sha256_hex();
        check_content_sha256(request.headers, &payload_sha256)?;
        let canonical_sha256 = scratch
            .canonical_sha256(request, authorization.signed_headers, &payload_sha256)
            .map_err(|error| match error {
                CanonicalError::HeaderAbsent => SigError::SignedHeaderAbsent,
                CanonicalError::TooLong => SigError::TooLong,
            })?;
        let matches = |key: &SigningKey| -> bool {
            let expected = key.sign(&signed, scope.scope.as_bytes(), &canonical_sha256);
            expected.ct_eq(&authorization.signature).into()
        };
        let held = if let Some(key) = cache.find(scope.whole.as_bytes(), secret) {
            matches(key)
        } else {
            let [day, region] = [scope.day.as_bytes(), scope.region.as_bytes()];
            let key = SigningKey::derive(secret, day, region, service.as_bytes());
            let held = matches(&key);
            if held {
                cache.insert(scope.whole.as_bytes(), secret, key);
            }
            held
        };
        if held { Ok(Verified { account, signed }) } else { Err(SigError::SignatureDoesNotMatch) }
    }
}

fn copy_authorization<H: Headers + ?Sized>(headers: &H, out: &mut Vec<u8>) -> Result<(), SigError> {
    let found = single(headers, "authorization", |value| {
        out.clear();
        // One byte more than is allowed is enough to see that it is too long.
        out.extend(value.iter().take(AUTHORIZATION_BYTES_MAX + 1));
    });
    match found {
        Single::None => Err(SigError::MissingAuthenticationToken),
        Single::One(()) => Ok(()),
        Single::Many => Err(IncompleteSignature::AuthorizationRepeated.into()),
    }
}

/// What must not be changed on the way must be signed: whom the request is for, and which action it asks for.
fn check_coverage<H: Headers + ?Sized>(
    headers: &H,
    authorization: &Authorization<'_>,
) -> Result<(), IncompleteSignature> {
    if !authorization.signed_headers.contains("host") {
        return Err(IncompleteSignature::HostNotSigned);
    }
    if !authorization.signed_headers.contains("x-amz-target") {
        let mut present = false;
        headers.each("x-amz-target", &mut |_| present = true);
        if present {
            return Err(IncompleteSignature::TargetNotSigned);
        }
    }
    Ok(())
}

/// The time from `X-Amz-Date`, or, without one, from `Date`.
fn signing_time<H: Headers + ?Sized>(headers: &H) -> Result<AmzDate, IncompleteSignature> {
    let found = match single(headers, "x-amz-date", AmzDate::parse) {
        Single::None => single(headers, "date", |value| AmzDate::parse(value).or_else(|| AmzDate::parse_http(value))),
        found => found,
    };
    match found {
        Single::None => Err(IncompleteSignature::DateMissing),
        Single::One(Some(date)) => Ok(date),
        Single::One(None) | Single::Many => Err(IncompleteSignature::DateMalformed),
    }
}

fn check_skew(signed: AmzDate, now: i64) -> Result<(), SigError> {
    let (earliest, latest) = (now.saturating_sub(SKEW_SECONDS_MAX), now.saturating_add(SKEW_SECONDS_MAX));
    if signed.unix() < earliest {
        return Err(SigError::SignatureExpired {
            signed,
            earliest: AmzDate::from_unix(earliest),
            now: AmzDate::from_unix(now),
        });
    }
    if signed.unix() > latest {
        return Err(SigError::RequestTimeTooSkewed {
            signed,
            latest: AmzDate::from_unix(latest),
            now: AmzDate::from_unix(now),
        });
    }
    Ok(())
}

/// `x-amz-content-sha256`, if it came, must be the body's hash.
fn check_content_sha256<H: Headers + ?Sized>(headers: &H, payload_sha256: &[u8; 64]) -> Result<(), SigError> {
    let found = single(headers, "x-amz-content-sha256", |value| {
        if value == payload_sha256 {
            Ok(())
        } else if hex::decode(value).is_some() {
            Err(SigError::ContentSha256Mismatch)
        } else {
            Err(SigError::PayloadNotSigned)
        }
    });
    match found {
        Single::None => Ok(()),
        Single::One(result) => result,
        Single::Many => Err(SigError::ContentSha256Mismatch),
    }
}
