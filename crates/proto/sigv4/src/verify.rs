//! Verification: from a request to the one who signed it.

use subtle::ConstantTimeEq as _;

use crate::authorization::Authorization;
use crate::cache::KeyCache;
use crate::canonical::{CanonicalError, Scratch};
use crate::key::SigningKey;
use crate::limits::{AUTHORIZATION_BYTES_MAX, CANONICAL_BYTES_MAX, SKEW_SECONDS_MAX};
use crate::presigned::{self, Presigned};
use crate::request::{Single, single};
use crate::{AmzDate, Headers, IncompleteSignature, Request, SigError, hex};

/// Who holds which access key. Asked once per request, so keep it in memory.
pub trait Secrets {
    /// What is kept for an access key.
    type Key: Keyed;

    /// The access key of that id; `None` if there is no such key, or no longer.
    fn find(&self, access_key_id: &str) -> Option<Self::Key>;
}

/// An access key's secrets; at most [`SECRET_BYTES_MAX`](crate::limits::SECRET_BYTES_MAX) bytes of each count.
pub trait Keyed {
    /// The secret access key.
    fn secret(&self) -> &[u8];

    /// The one before it, while that still counts.
    fn secret_before(&self) -> Option<&[u8]> {
        None
    }
}

/// A request that is what its signer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<K> {
    /// As given by [`Secrets::find`].
    pub key: K,
    /// When it was signed: within 15 minutes of now, or up to seven days ago if by a presigned URL.
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
    pub fn verify<S: Secrets + ?Sized, H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        secrets: &S,
        now: i64,
    ) -> Result<Verified<S::Key>, SigError> {
        let Self { service, cache, scratch, authorization: room } = self;
        let presigned = presigned::is_presigned(request.query);
        let Presigned { authorization, signed, expires_seconds } =
            if presigned { read_query(request, room)? } else { read_header(request.headers, room)? };
        let scope = &authorization.credential;
        check_coverage(request.headers, &authorization)?;
        let found = secrets.find(scope.access_key_id).ok_or(SigError::InvalidClientTokenId)?;
        if *scope.service != **service {
            return Err(SigError::WrongService { expected: service.clone() });
        }
        if scope.day.as_bytes() != signed.day() {
            return Err(SigError::ScopeDateMismatch);
        }
        check_time(signed, expires_seconds, now)?;

        let payload_sha256 = request.payload.sha256_hex();
        check_content_sha256(request.headers, &payload_sha256)?;
        let canonical_sha256 = scratch
            .canonical_sha256(request, authorization.signed_headers, &payload_sha256, presigned)
            .map_err(|error| match error {
                CanonicalError::HeaderAbsent => SigError::SignedHeaderAbsent,
                CanonicalError::TooLong => SigError::TooLong,
            })?;
        let matches = |key: &SigningKey| -> bool {
            let expected = key.sign(&signed, scope.scope.as_bytes(), &canonical_sha256);
            expected.ct_eq(&authorization.signature).into()
        };
        let mut holds = |secret: &[u8]| -> bool {
            if let Some(key) = cache.find(scope.whole.as_bytes(), secret) {
                return matches(key);
            }
            let [day, region] = [scope.day.as_bytes(), scope.region.as_bytes()];
            let key = SigningKey::derive(secret, day, region, service.as_bytes());
            let held = matches(&key);
            if held {
                cache.insert(scope.whole.as_bytes(), secret, key);
            }
            held
        };
        if holds(found.secret()) || found.secret_before().is_some_and(&mut holds) {
            Ok(Verified { key: found, signed })
        } else {
            Err(SigError::SignatureDoesNotMatch)
        }
    }
}

/// The access key that a request claims to be signed with, by its `Authorization` header or its query string. Nothing is checked:
/// good for deciding how much to take in before [`Verifier::verify`] can, and for nothing else.
pub fn claimed_key(authorization: Option<&str>, query: &str) -> Option<Box<str>> {
    let mut room = Vec::new();
    if presigned::is_presigned(query) {
        return Some(presigned::read(query, &mut room).ok()?.authorization.credential.access_key_id.into());
    }
    Some(Authorization::parse(authorization?.as_bytes()).ok()?.credential.access_key_id.into())
}

/// The signature in the `Authorization` header.
fn read_header<'a, H: Headers + ?Sized>(headers: &H, room: &'a mut Vec<u8>) -> Result<Presigned<'a>, SigError> {
    copy_authorization(headers, room)?;
    if has(headers, "x-amz-security-token") {
        return Err(SigError::SessionToken);
    }
    let authorization = Authorization::parse(room)?;
    Ok(Presigned { authorization, signed: signing_time(headers)?, expires_seconds: None })
}

/// The signature in the query string, which must be the only one.
fn read_query<'a, H: Headers + ?Sized>(
    request: &Request<'_, H>,
    room: &'a mut Vec<u8>,
) -> Result<Presigned<'a>, SigError> {
    if has(request.headers, "authorization") {
        return Err(IncompleteSignature::SignedTwice.into());
    }
    // The room is kept; it must not grow to what one stranger sent.
    if request.query.len() > CANONICAL_BYTES_MAX {
        return Err(SigError::TooLong);
    }
    presigned::read(request.query, room)
}

fn has<H: Headers + ?Sized>(headers: &H, name: &str) -> bool {
    let mut present = false;
    headers.each(name, &mut |_| present = true);
    present
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
    if !authorization.signed_headers.contains("x-amz-target") && has(headers, "x-amz-target") {
        return Err(IncompleteSignature::TargetNotSigned);
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

/// A signature counts from 15 minutes before its time, since clocks differ, until 15 minutes after it; one that says when it
/// expires, until then and no longer.
fn check_time(signed: AmzDate, expires_seconds: Option<i64>, now: i64) -> Result<(), SigError> {
    let (earliest, latest) = (now.saturating_sub(SKEW_SECONDS_MAX), now.saturating_add(SKEW_SECONDS_MAX));
    if let Some(expires_seconds) = expires_seconds {
        if signed.unix().saturating_add(expires_seconds) < now {
            return Err(SigError::RequestExpired { signed, expires_seconds, now: AmzDate::from_unix(now) });
        }
    } else if signed.unix() < earliest {
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
