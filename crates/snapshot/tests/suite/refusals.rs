//! What a receiver does not take.

use super::harness::{Stream, Working, folder, options};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_snapshot::{FormatError, ReceiveError, Receiver, scan_chunk_bytes, scan_manifest_bytes};

fn made(seed: u64, rounds: u64) -> Stream {
    let mut working = Working::new(seed);
    (0..rounds).for_each(|_| working.round());
    Stream::of(working.sender(), 1_200)
}

#[test]
fn a_flipped_bit_anywhere_in_a_chunk_or_manifest_is_noticed() {
    let stream = made(20, 3);
    let (manifest, chunks) = (&stream.manifest, &stream.chunks);
    let disk = MemDisk::new(1);
    let mut receiver = stream.receiver(&disk).unwrap();
    for (number, chunk) in chunks.iter().enumerate() {
        let mut bytes = chunk.bytes.clone();
        // All of the first and last chunk, else the head and some of the rest.
        let whole = number == 0 || number + 1 == chunks.len();
        for at in (0..bytes.len()).filter(|at| whole || *at < 70 || at % 41 == 0) {
            bytes[at] ^= 1 << (at % 8);
            let refused = receiver.write(&bytes).unwrap_err();
            assert!(matches!(refused, ReceiveError::Format(FormatError::Damaged(_))), "byte {at}: {refused}");
            bytes[at] ^= 1 << (at % 8);
        }
        for length in [0, 7, 63, 64, bytes.len() - 1] {
            assert!(receiver.write(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert_eq!(receiver.have(), chunk.position);
        receiver.write(&bytes).unwrap();
    }
    receiver.finish().unwrap();
    let mut bytes = manifest.encode();
    for at in 0..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        assert!(scan_manifest_bytes(&bytes).is_err(), "byte {at}");
        assert!(scan_manifest_bytes(&bytes[..at]).is_err());
        bytes[at] ^= 1 << (at % 8);
    }
}

#[test]
fn chunks_out_of_turn_or_of_another_snapshot_change_nothing() {
    let stream = made(20, 3);
    let chunks = &stream.chunks;
    let others = made(21, 4).chunks;
    let disk = MemDisk::new(2);
    let mut receiver = stream.receiver(&disk).unwrap();
    for (at, chunk) in chunks.iter().enumerate() {
        for wrong in [0, at / 2, at + 1, chunks.len() - 1] {
            if let Some(wrong) = chunks.get(wrong).filter(|_| wrong != at) {
                let refused = receiver.write(&wrong.bytes).unwrap_err();
                assert!(matches!(refused, ReceiveError::OutOfTurn { expected, .. } if expected == chunk.position));
            }
        }
        let refused = receiver.write(&others[at % others.len()].bytes).unwrap_err();
        assert!(matches!(refused, ReceiveError::AnotherSnapshot), "{refused}");
        let refused = receiver.finish().unwrap_err();
        assert!(matches!(refused, ReceiveError::Incomplete(at) if at == chunk.position), "{refused}");
        assert_eq!(receiver.write(&chunk.bytes).unwrap(), chunk.next);
    }
    assert!(matches!(receiver.write(&chunks[0].bytes).unwrap_err(), ReceiveError::OutOfTurn { .. }));
    receiver.finish().unwrap();
    assert!(matches!(receiver.finish().unwrap_err(), ReceiveError::Unsettled));
    drop(receiver);
    assert!(matches!(stream.receiver(&disk), Err(ReceiveError::Unsettled)));
    assert!(matches!(Receiver::discard(disk, folder()), Err(ReceiveError::Unsettled)));
}

#[test]
fn what_came_of_another_snapshot_goes() {
    let stream = made(20, 3);
    let other = made(22, 4);
    let disk = MemDisk::new(3);
    let mut first = other.receiver(&disk).unwrap();
    other.feed(&mut first).unwrap();
    drop(first);
    let installed = stream.transfer(&disk).unwrap();
    assert_eq!(installed.index, stream.manifest.index());
    let sent: u64 = stream.chunks.iter().map(|chunk| scan_chunk_bytes(&chunk.bytes).unwrap().bodies).sum();
    let shelf = super::harness::found(&disk).shelf;
    assert_eq!(shelf.extents().iter().map(|extent| extent.bodies).sum::<u64>(), sent);
}

#[test]
fn a_chunk_that_contradicts_the_manifest_is_not_taken() {
    let stream = made(20, 3);
    let (manifest, chunks) = (&stream.manifest, &stream.chunks);
    let disk = MemDisk::new(4);
    let mut receiver = Receiver::open(disk.clone(), folder(), manifest, &options()).unwrap();
    let mut contradictions = 0;
    for (number, chunk) in chunks.iter().enumerate() {
        let scanned = scan_chunk_bytes(&chunk.bytes).unwrap();
        // The first body or the head, with a checksum that is right.
        let range = if scanned.bodies > 0 { 64..81 } else { 48..52 };
        for at in range {
            let mut bytes = chunk.bytes.clone();
            bytes[at] ^= if at == 80 { 2 } else { 0x40 };
            let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..]);
            bytes[..8].copy_from_slice(&checksum.to_le_bytes());
            // What is not impossible in itself is found at the end of its part.
            let mut result = receiver.write(&bytes);
            for next in chunks.iter().skip(number + 1) {
                if result.is_err() {
                    break;
                }
                result = receiver.write(&next.bytes);
            }
            match result {
                Err(ReceiveError::Contradiction(_)) => contradictions += 1,
                Err(ReceiveError::Format(_)) => {}
                other => panic!("byte {at}: {other:?}"),
            }
            // The part begins anew.
            let from = receiver.have();
            for again in chunks.iter().filter(|again| again.position >= from && again.position < chunk.position) {
                receiver.write(&again.bytes).unwrap();
            }
            assert_eq!(receiver.have(), chunk.position);
        }
        receiver.write(&chunk.bytes).unwrap();
    }
    assert!(contradictions > 20, "{contradictions}");
    receiver.finish().unwrap();
    assert!(disk.list(folder()).is_ok());
}
