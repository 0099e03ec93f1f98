//! What is signed: a request as it stands on the wire.

use crate::Headers;

/// A request, borrowed from wherever it was read into.
pub struct Request<'a, H: ?Sized> {
    /// `POST`, `GET`.
    pub method: &'a str,
    /// The path as it was sent, percent-encoded; up to the `?`, never decoded before. Empty counts as `/`.
    pub path: &'a str,
    /// What was sent after the `?`, without it; empty if there was none.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a H,
    /// The body, or its hash if somebody has it already.
    pub payload: Payload<'a>,
}

impl<H: ?Sized> Clone for Request<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: ?Sized> Copy for Request<'_, H> {}

/// A body, to be hashed or hashed already.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The whole body. Hashing it is most of a verification's cost: some 0.5 us per KiB with SHA instructions.
    Bytes(&'a [u8]),
    /// The SHA-256 of the body, as computed by the caller from the body itself (never taken from a header).
    Sha256(&'a [u8; 32]),
}

impl Payload<'_> {
    pub(crate) fn sha256_hex(&self) -> [u8; 64] {
        match self {
            Self::Bytes(bytes) => crate::hex::sha256_hex(bytes),
            Self::Sha256(hash) => crate::hex::encode(hash),
        }
    }
}

/// The one value of a header that must not be repeated.
pub(crate) enum Single<T> {
    None,
    One(T),
    Many,
}

/// Reads the header `name` by `read`, which sees each value trimmed of blanks.
pub(crate) fn single<H: Headers + ?Sized, T>(headers: &H, name: &str, mut read: impl FnMut(&[u8]) -> T) -> Single<T> {
    let mut found = Single::None;
    headers.each(name, &mut |value| {
        found = match found {
            Single::None => Single::One(read(value.trim_ascii())),
            Single::One(_) | Single::Many => Single::Many,
        };
    });
    found
}
