//! Any bytes as a snapshot's manifest, a chunk of it, or the mark of its installation.

use evenkeel_snapshot::{Manifest, scan_chunk_bytes, scan_manifest_bytes, scan_mark_bytes};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Panics if reading them does, or if a manifest has two encodings. Checksums are made right, too, so that the rest is reached.
pub fn judge(bytes: &[u8]) {
    read(bytes);
    let with = |checksum: &[u8]| {
        let rest = bytes.get(checksum.len()..)?;
        Some([checksum, rest].concat())
    };
    let short = with(&xxh3_64(bytes.get(8..).unwrap_or(&[])).to_le_bytes());
    let long = with(&xxh3_128(bytes.get(16..).unwrap_or(&[])).to_le_bytes());
    short.into_iter().chain(long).for_each(|bytes| read(&bytes));
}

fn read(bytes: &[u8]) {
    let _ = scan_chunk_bytes(bytes);
    let _ = scan_mark_bytes(bytes);
    if let Ok(manifest) = scan_manifest_bytes(bytes) {
        check(&manifest, bytes);
    }
}

/// What a receiver relies on.
fn check(manifest: &Manifest, bytes: &[u8]) {
    assert_eq!(manifest.encode(), bytes, "a manifest has one encoding");
    let parts = manifest.body_parts();
    assert!(parts.iter().all(|part| part.first <= part.last && part.last <= manifest.index() && part.bodies > 0));
    assert!(parts.iter().zip(parts.iter().skip(1)).all(|(before, part)| before.last < part.first));
    assert!(!manifest.files().is_empty());
}

/// One of each, of format 1.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let golden: [&[u8]; 4] = [
        include_bytes!("../../../crates/snapshot/tests/golden/manifest-1.bin"),
        include_bytes!("../../../crates/snapshot/tests/golden/file-chunk-1.bin"),
        include_bytes!("../../../crates/snapshot/tests/golden/bodies-chunk-1.bin"),
        include_bytes!("../../../crates/snapshot/tests/golden/mark-1.bin"),
    ];
    golden.map(<[u8]>::to_vec).into()
}
