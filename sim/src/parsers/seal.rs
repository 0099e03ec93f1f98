//! Seals: puts the right checksums into bytes, as far as their structure allows. Behind a checksum no mutation gets any
//! further, and what lies behind must not be trusted either: whoever can write the disk can write checksums.
//!
//! Written from `docs/format.md` alone, so that it also checks the document: what was written by the house is left as it is.

use xxhash_rust::xxh3::{Xxh3Builder, xxh3_64, xxh3_64_with_seed, xxh3_128};

const HEADER: usize = 512;
const FOOTER: usize = 64;

/// A manifest's.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let checksum = xxh3_128(bytes.get(16..).unwrap_or_default());
    put(&mut bytes, 0, &checksum.to_le_bytes());
    bytes
}

/// Those of a run.
#[must_use]
pub fn run(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    seal_8(&mut bytes, 0, HEADER, 0);
    let seed = u64_at(&bytes, 24);
    let end = bytes.len().saturating_sub(FOOTER);
    let mut all = Xxh3Builder::new().with_seed(seed).build();
    let mut at = HEADER;
    while at + 32 <= end {
        let len = u32_at(&bytes, at + 8);
        if len < 32 || len > end - at {
            break;
        }
        seal_8(&mut bytes, at, len, seed);
        all.update(bytes.get(at..at + 8).unwrap_or_default());
        at += len;
    }
    put(&mut bytes, end + 40, &all.digest128().to_le_bytes());
    seal_8(&mut bytes, end, FOOTER, seed);
    bytes
}

/// Those of a body file.
#[must_use]
pub fn body_file(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    seal_8(&mut bytes, 0, HEADER, 0);
    let end = bytes.len().saturating_sub(FOOTER);
    let mut left = u64_at(&bytes, end + 16);
    let sparse = usize::try_from(u64_at(&bytes, end + 24)).unwrap_or(end).min(end);
    let groups: Vec<usize> =
        bytes.get(sparse..end).unwrap_or_default().chunks_exact(20).map(|group| position(group, 12)).collect();
    let mut frame = HEADER;
    for block in groups {
        let bodies = usize::try_from(left.min(64)).unwrap_or(0);
        left -= left.min(64);
        for body in 0..bodies {
            let len = u32_at(&bytes, block.saturating_add(8 + body * 16 + 12));
            let Some(checksum) = bytes.get(frame.saturating_add(12)..).and_then(|rest| rest.get(..len)).map(xxh3_64)
            else {
                break;
            };
            put(&mut bytes, frame, &checksum.to_le_bytes());
            frame += 12 + len;
        }
        seal_8(&mut bytes, block, 8 + bodies * 16, 0);
        frame = block.saturating_add(8 + bodies * 16);
    }
    let checksum = xxh3_64(bytes.get(sparse..end).unwrap_or_default());
    put(&mut bytes, end + 32, &checksum.to_le_bytes());
    seal_8(&mut bytes, end, FOOTER, 0);
    bytes
}

/// Those of a segment of the log, and the links of its entries to those before.
#[must_use]
pub fn segment(bytes: &[u8]) -> Vec<u8> {
    const ENTRY: usize = 64;
    let mut bytes = bytes.to_vec();
    seal_8(&mut bytes, 0, 4_096, 0);
    let seed = xxh3_64(bytes.get(56..72).unwrap_or_default());
    let mut before = u64_at(&bytes, 48);
    let mut at = 4_096;
    while bytes.get(at + 8..at + 11) == Some(b"EVK") {
        let len = u32_at(&bytes, at + 12);
        let Some(checksum) = bytes.get(at + ENTRY..).and_then(|rest| rest.get(..len)).map(xxh3_128) else { break };
        put(&mut bytes, at + 32, &before.to_le_bytes());
        put(&mut bytes, at + 40, &checksum.to_le_bytes());
        seal_8(&mut bytes, at, ENTRY, seed);
        before = u64_at(&bytes, at);
        // One to 64 bytes of a trailer follow the payload.
        at += ENTRY + (len / ENTRY + 1) * ENTRY;
    }
    bytes
}

/// Those of a sidecar.
#[must_use]
pub fn sidecar(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    seal_8(&mut bytes, 0, 128, 0);
    let seed = u64_at(&bytes, 0);
    for (number, at) in (0..).zip((128..bytes.len()).step_by(64)) {
        let Some(entries) = bytes.get(at..at + 60) else { break };
        let checksum = xxh3_64_with_seed(entries, seed.wrapping_add(number)).to_le_bytes();
        put(&mut bytes, at + 60, checksum.get(..4).unwrap_or_default());
    }
    bytes
}

/// The first 8 of so many bytes are the checksum of the others.
fn seal_8(bytes: &mut [u8], at: usize, len: usize, seed: u64) {
    let end = at.saturating_add(len);
    let Some(checksum) = bytes.get(at.saturating_add(8)..end).map(|rest| xxh3_64_with_seed(rest, seed)) else { return };
    put(bytes, at, &checksum.to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes.iter_mut().skip(at).zip(what).for_each(|(to, from)| *to = *from);
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u32::from_le_bytes(*chunk));
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn position(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64_at(bytes, at)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{body_file, checkpoint, log_segment};

    #[test]
    fn what_the_house_wrote_has_the_right_seals() {
        for bytes in checkpoint::corpus_of_runs() {
            assert!(super::run(&bytes) == bytes);
        }
        for bytes in checkpoint::corpus_of_manifests() {
            assert!(super::manifest(&bytes) == bytes);
        }
        for bytes in body_file::corpus() {
            assert!(super::body_file(&bytes) == bytes);
        }
        for bytes in log_segment::corpus() {
            assert!(super::segment(&bytes) == bytes);
        }
        for bytes in log_segment::corpus_of_sidecars() {
            assert!(super::sidecar(&bytes) == bytes);
        }
    }
}
