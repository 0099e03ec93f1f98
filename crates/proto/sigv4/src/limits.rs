//! Bounds on what a stranger may send, and on what is kept for it.

/// Longest `Authorization` value, bytes. 64 header names of a common length and a credential fit twice.
pub const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// Most names in `SignedHeaders`. SDKs sign 4 to 12.
pub const SIGNED_HEADERS_MAX: usize = 64;

/// Longest canonical request, bytes: path, query and signed headers, without the body. Twice the 32 KiB that common
/// servers allow for a request's head, because percent-encoding makes it longer.
pub const CANONICAL_BYTES_MAX: usize = 64 * 1024;

/// Most query parameters. The SQS Query protocol sends batches in the body, so that a URL carries a handful.
pub const QUERY_PARAMETERS_MAX: usize = 1_024;

/// Longest credential (`key/yyyymmdd/region/service/aws4_request`), bytes. AWS access key ids have at most 128.
pub const CREDENTIAL_BYTES_MAX: usize = 256;

/// Longest secret, bytes. AWS's have 40.
pub const SECRET_BYTES_MAX: usize = 256;

/// How far a request's time may be from the server's, seconds, either way. AWS allows 15 minutes.
pub const SKEW_SECONDS_MAX: i64 = 15 * 60;

/// Longest life of a presigned URL, seconds: seven days, as AWS allows.
pub const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Signing keys kept per verifier: sets times ways. An entry is about 600 bytes, and one is made per access key, day
/// and region, so that 1,024 of them serve some 1,000 active callers on a thread.
pub const CACHE_SETS: usize = 256;

/// Keys that share a set; the one used longest ago gives way.
pub const CACHE_WAYS: usize = 4;
