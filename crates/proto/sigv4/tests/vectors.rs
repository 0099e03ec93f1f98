//! Signatures made by others hold: AWS's published vectors, and SQS requests signed by botocore.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::vectors;

#[test]
fn aws_vectors_hold() {
    let vectors = vectors(include_str!("vectors/aws.txt"));
    assert_eq!(vectors.len(), 17);
    for vector in vectors {
        assert_eq!(vector.verify("service"), Ok(7), "{}", vector.name);
    }
}

#[test]
fn requests_signed_by_botocore_hold() {
    let vectors = vectors(include_str!("vectors/botocore.txt"));
    assert_eq!(vectors.len(), 14);
    for vector in vectors {
        assert_eq!(vector.verify("sqs"), Ok(7), "{}", vector.name);
    }
}
