//! Why a request was not accepted, and why one could not be signed.

/// Why a request was refused. Final for that request: signing it again, rightly, is the only cure.
///
/// The name of the AWS error each variant stands for is in its first line; a door maps it to the wire.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigError {
    /// `MissingAuthenticationToken`: the request carries no `Authorization` header. Sign it.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// `IncompleteSignature`: the `Authorization` header or the date is malformed or lacks a part.
    #[error("{0}")]
    IncompleteSignature(#[from] IncompleteSignature),
    /// `InvalidClientTokenId`: nobody has this access key (any more).
    #[error("The security token included in the request is invalid.")]
    InvalidClientTokenId,
    /// `SignatureDoesNotMatch`: the secret is wrong, or what arrived is not what was signed.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    SignatureDoesNotMatch,
    /// `SignatureDoesNotMatch`: the credential is scoped to another service.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    WrongService {
        /// The service this verifier stands for.
        expected: Box<str>,
    },
    /// `SignatureDoesNotMatch`: the credential's day is not the day of `X-Amz-Date` or `Date`.
    #[error("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")]
    ScopeDateMismatch,
    /// `SignatureDoesNotMatch`: a name in `SignedHeaders` is not among the request's headers; a proxy dropped it.
    #[error("A header named in SignedHeaders is absent from the request")]
    SignedHeaderAbsent,
    /// `SignatureDoesNotMatch`: the request was signed more than 15 minutes ago. Retry with the right time.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 15 min.)")]
    SignatureExpired {
        /// When the request says it was signed.
        signed: crate::AmzDate,
        /// The earliest time that would still do.
        earliest: crate::AmzDate,
        /// The server's time.
        now: crate::AmzDate,
    },
    /// `RequestTimeTooSkewed`: the request was signed more than 15 minutes in the future: a clock is wrong.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 15 min.)")]
    RequestTimeTooSkewed {
        /// When the request says it was signed.
        signed: crate::AmzDate,
        /// The latest time that would do.
        latest: crate::AmzDate,
        /// The server's time.
        now: crate::AmzDate,
    },
    /// `RequestExpired`: a presigned URL whose `X-Amz-Expires` is over. Make a new one.
    #[error("Request has expired: {signed} + {expires_seconds} s is now earlier than {now}")]
    RequestExpired {
        /// When the URL says it was signed.
        signed: crate::AmzDate,
        /// How long it was to be good.
        expires_seconds: i64,
        /// The server's time.
        now: crate::AmzDate,
    },
    /// `InvalidClientTokenId`: the request carries a session token, and no key here has one.
    #[error(
        "The security token included in the request is invalid: keys of this server have no session token; unset \
         AWS_SESSION_TOKEN"
    )]
    SessionToken,
    /// `XAmzContentSHA256Mismatch`: the header names another hash than the body's.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentSha256Mismatch,
    /// `InvalidRequest` or `SignatureDoesNotMatch`: `x-amz-content-sha256` asks for an unsigned or chunk-signed body
    /// (`UNSIGNED-PAYLOAD`, `STREAMING-...`), which only S3 takes.
    #[error("The payload must be signed: x-amz-content-sha256 must be the SHA-256 of the body in hexadecimal")]
    PayloadNotSigned,
    /// `InvalidRequest`: path, query and signed headers together exceed [`CANONICAL_BYTES_MAX`] or the query has more
    /// than [`QUERY_PARAMETERS_MAX`] parameters.
    ///
    /// [`CANONICAL_BYTES_MAX`]: crate::limits::CANONICAL_BYTES_MAX
    /// [`QUERY_PARAMETERS_MAX`]: crate::limits::QUERY_PARAMETERS_MAX
    #[error("The request's path, query string and signed headers are too long")]
    TooLong,
}

impl SigError {
    /// HTTP's status and the name that AWS has for it (AWS API Reference, "Common errors"). What is wrong with a signature itself, its
    /// scope or its time has one name.
    #[must_use]
    pub fn code(&self) -> (u16, &'static str) {
        match self {
            Self::MissingAuthenticationToken => (403, "MissingAuthenticationToken"),
            Self::IncompleteSignature(_) | Self::TooLong => (400, "IncompleteSignature"),
            Self::RequestExpired { .. } => (400, "RequestExpired"),
            Self::InvalidClientTokenId | Self::SessionToken => (403, "InvalidClientTokenId"),
            Self::SignatureDoesNotMatch
            | Self::WrongService { .. }
            | Self::ScopeDateMismatch
            | Self::SignedHeaderAbsent
            | Self::SignatureExpired { .. }
            | Self::RequestTimeTooSkewed { .. }
            | Self::ContentSha256Mismatch
            | Self::PayloadNotSigned => (403, "SignatureDoesNotMatch"),
        }
    }
}

/// What is missing or malformed in a signature. Each is a client's bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteSignature {
    /// More than one `Authorization` header: which one counts would be a guess.
    #[error("Request carries more than one Authorization header.")]
    AuthorizationRepeated,
    /// The request is signed in its header and in its URL: which one counts would be a guess.
    #[error("Request carries a signature in the Authorization header and another one in the query string.")]
    SignedTwice,
    /// A part of a presigned URL came twice.
    #[error("Query string carries a part of the signature more than once.")]
    ParameterRepeated,
    /// `X-Amz-Expires` is not a number of seconds between 1 and 604800.
    #[error("X-Amz-Expires must be a number of seconds between 1 and 604800 (seven days).")]
    ExpiresMalformed,
    /// The header is longer than [`AUTHORIZATION_BYTES_MAX`](crate::limits::AUTHORIZATION_BYTES_MAX) or not ASCII.
    #[error("Authorization header is too long or not ASCII.")]
    AuthorizationUnreadable,
    /// The scheme is not `AWS4-HMAC-SHA256`.
    #[error("Unsupported AWS 'algorithm'; use AWS4-HMAC-SHA256.")]
    Algorithm,
    /// A part of the header is not `Name=value`, or a name came twice.
    #[error("Authorization header is malformed: each part must be one of Credential, SignedHeaders, Signature, once.")]
    Malformed,
    /// No `Credential`.
    #[error("Authorization header requires 'Credential' parameter.")]
    CredentialMissing,
    /// No `SignedHeaders`.
    #[error("Authorization header requires 'SignedHeaders' parameter.")]
    SignedHeadersMissing,
    /// No `Signature`.
    #[error("Authorization header requires 'Signature' parameter.")]
    SignatureMissing,
    /// `Credential` is not `key/yyyymmdd/region/service/aws4_request`, or longer than
    /// [`CREDENTIAL_BYTES_MAX`](crate::limits::CREDENTIAL_BYTES_MAX).
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request, with an \
         eight-digit date."
    )]
    CredentialMalformed,
    /// `SignedHeaders` is not a list of lower-case names in ascending order, without repetition.
    #[error("SignedHeaders must be lower-case header names, sorted, each once, separated by ';'.")]
    SignedHeadersMalformed,
    /// `SignedHeaders` has more than [`SIGNED_HEADERS_MAX`](crate::limits::SIGNED_HEADERS_MAX) names.
    #[error("SignedHeaders names too many headers.")]
    SignedHeadersTooMany,
    /// `host` is not signed: the request could have been meant for somebody else.
    #[error("'Host' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// `x-amz-target` is present and not signed: whoever carries the request could change what it does.
    #[error("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")]
    TargetNotSigned,
    /// `Signature` is not 64 lower-case hexadecimal digits.
    #[error("Signature must be 64 lower-case hexadecimal digits.")]
    SignatureMalformed,
    /// Neither `X-Amz-Date` nor `Date`.
    #[error("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")]
    DateMissing,
    /// The date is not `yyyymmddThhmmssZ` (or, in `Date`, an HTTP date), or the header came twice.
    #[error("Date must be in ISO-8601 'basic format', e.g. 20150830T123600Z.")]
    DateMalformed,
}

/// Why a request could not be signed. A mistake in the calling code or its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The list of headers to sign is empty, unsorted, has upper case, or is too long.
    #[error("headers to sign must be lower-case, sorted, each once")]
    SignedHeaders,
    /// A header to sign is not among the request's headers.
    #[error("a header to sign is absent from the request")]
    HeaderAbsent,
    /// Path, query and headers exceed the limits of [`limits`](crate::limits).
    #[error("the request's path, query string and signed headers are too long")]
    TooLong,
}
