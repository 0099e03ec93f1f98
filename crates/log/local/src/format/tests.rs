use super::*;
use proptest::prelude::*;

const LOG: LogId = LogId([7; 16]);

fn encode(payload: &[u8], offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let [index, synced_below] = [LogIndex(9), LogIndex(7)];
    let entry = NewEntry { kind: EntryKind::Batch, index, epoch: Epoch(3), chain: 5, synced_below, payload };
    encode_entry(LOG, &entry, offset, &mut bytes);
    bytes
}

#[test]
fn golden_bytes_of_format_1() {
    let bytes = encode(b"hello", 4096);
    assert_eq!(bytes.len(), 128);
    let hex: String = bytes.iter().take(72).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("golden_entry.hex").trim());
    let (first, epoch) = (LogIndex(2), Epoch(3));
    let header = encode_segment_header(&SegmentHeader { file_bytes: 8192, first, epoch, chain: 4, log: LOG });
    let hex: String = header.iter().take(72).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("golden_segment.hex").trim());
}

#[test]
fn another_log_s_entry_is_not_ours() {
    let bytes = encode(b"hello", 0);
    assert!(decode_entry_header(&bytes, LOG).is_some());
    assert_eq!(decode_entry_header(&bytes, LogId([8; 16])), None);
}

#[test]
fn every_flipped_bit_of_a_header_is_found() {
    let bytes = encode(b"hello", 0);
    for bit in 0..64 * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode_entry_header(&bytes, LOG), None, "bit {bit}");
    }
    let header = SegmentHeader { file_bytes: 8192, first: LogIndex(1), epoch: Epoch(3), chain: 4, log: LOG };
    let bytes = encode_segment_header(&header);
    assert_eq!(decode_segment_header(&bytes), Ok(header));
    for bit in (0..4096 * 8).step_by(3) {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode_segment_header(&bytes), Err(SegmentHeaderError::Damaged), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn an_entry_round_trips(payload in proptest::collection::vec(any::<u8>(), 0..3000), slot in 0u64..16) {
        let bytes = encode(&payload, slot * 64);
        prop_assert_eq!(bytes.len() as u64 % 64, 0);
        let header = decode_entry_header(&bytes, LOG).unwrap();
        prop_assert_eq!((header.index, header.epoch, header.chain, header.synced_below), (LogIndex(9), Epoch(3), 5, LogIndex(7)));
        prop_assert_eq!(header.extent(), bytes.len() as u64);
        prop_assert!(payload_checks(&header, &payload));
        prop_assert!(!is_torn(&header, &bytes, slot * 64));
    }

    // Payloads of few values make sectors of zeros, and sectors with a single bit, likely.
    #[test]
    fn any_lost_sectors_are_torn_and_no_flipped_bit_is(
        runs in proptest::collection::vec((prop_oneof![Just(0u8), Just(1), any::<u8>()], 1usize..700), 1..8),
        slot in 0u64..16, lost in any::<u64>(), flip in any::<prop::sample::Index>(),
    ) {
        let payload: Vec<u8> = runs.iter().flat_map(|(byte, count)| std::iter::repeat_n(*byte, *count)).collect();
        let bytes = encode(&payload, slot * 64);
        let header = decode_entry_header(&bytes, LOG).unwrap();
        let mut torn = bytes.clone();
        let own = usize::try_from(512 - slot * 64 % 512).unwrap();
        for (number, sector) in torn.get_mut(own..).unwrap_or(&mut []).chunks_mut(512).enumerate() {
            if lost >> number & 1 == 1 {
                sector.fill(0);
            }
        }
        // A sector with one bit that is lost alone looks like a flipped bit.
        let bits = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        if torn != bytes && bits(&torn) + 1 < bits(&bytes) {
            prop_assert!(is_torn(&header, &torn, slot * 64));
        }
        let mut flipped = bytes;
        let at = 64 * 8 + flip.index((flipped.len() - 64) * 8);
        flipped[at / 8] ^= 1 << (at % 8);
        prop_assert!(!is_torn(&header, &flipped, slot * 64));
    }

    #[test]
    fn decoding_arbitrary_bytes_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_entry_header(&bytes, LOG);
        let _ = decode_segment_header(&bytes);
    }
}
