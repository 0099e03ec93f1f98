//! AWS Signature Version 4, both sides, without sockets: who signed this request, and is it whole?
//!
//! Follows the AWS General Reference, "Create a signed AWS API request" (`reference_sigv-create-signed-request`),
//! in the form used by every service but S3: the path is normalised and percent-encoded once more, the body is always
//! hashed, `UNSIGNED-PAYLOAD` is refused.
//!
//! ```text
//! canonical request             string to sign                 signing key (cached per credential)
//!   METHOD \n                     AWS4-HMAC-SHA256 \n            k = HMAC("AWS4" secret, yyyymmdd)
//!   /encoded/path \n              20150830T123600Z \n            k = HMAC(k, region)
//!   a=1&b=2 \n                    20150830/region/sqs/           k = HMAC(k, service)
//!   name:value \n  (each)             aws4_request \n            k = HMAC(k, "aws4_request")
//!   \n                            hex(SHA-256(canonical          signature = hex(HMAC(k, string to sign))
//!   name;name \n                      request))
//!   hex(SHA-256(body))
//! ```
//!
//! Rules the room keeps:
//!
//! 1. Everything here comes from a stranger: no input panics, and each size has a limit in [`limits`].
//! 2. Signatures are compared in constant time; an unknown access key costs no HMAC.
//! 3. A verification allocates nothing once its [`Verifier`] is warm: one scratch buffer and a bounded cache of
//!    signing keys, which only a request whose signature held may enter.
//! 4. A secret that is changed or withdrawn counts from the next request on: the cache remembers which secret a key
//!    was derived from, and the caller's [`Secrets`] is asked each time.
//!
//! A signature comes in the `Authorization` header or in the query string (a presigned URL, `presigned.rs`), never in both.
//!
//! What is deliberately not here: chunked payload signatures (`STREAMING-...`), session tokens (there are no temporary
//! keys), signature version 4A, and any memory of requests already seen.
#![warn(missing_docs)]

mod authorization;
mod cache;
mod canonical;
mod date;
mod error;
mod headers;
mod hex;
mod key;
pub mod limits;
mod path;
mod presigned;
mod query;
mod request;
mod sign;
mod verify;

pub use date::AmzDate;
pub use error::{IncompleteSignature, SigError, SignError};
pub use headers::Headers;
pub use request::{Payload, Request};
pub use sign::Signer;
pub use verify::{Keyed, Secrets, Verified, Verifier, claimed_key};
