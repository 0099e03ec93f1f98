//! The mark of an installation: which files of the snapshot take the place of those before.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 16 | XXH3-128 of the rest |
//! | 16 | 8 | `EVKLSNI` and a zero byte |
//! | 24 | 4 | format version: 1 |
//! | 28 | 4 | 0 |
//! | 32 | 8 | index |
//! | 40 | 8 | epoch of the entry at that index |
//! | 48 | 8 | checkpoint's files |
//! | 56 | 8 | body files |
//! | 64 | 9 + n each | the checkpoint's files, then the body files: bytes `u64`, length of the name `u8`, name |

use crate::{
    format::{FORMAT_VERSION, FormatError, Reader, check_head, put_name},
    limits::{FILES_MAX, PARTS_MAX},
};
use evenkeel_checkpoint::FileInfo;
use evenkeel_types::{Epoch, LogIndex};
use xxhash_rust::xxh3::xxh3_128;

const MAGIC: [u8; 8] = *b"EVKLSNI\0";
const CUT: FormatError = FormatError::Damaged("the mark is cut");

/// What is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) index: LogIndex,
    pub(crate) epoch: Epoch,
    pub(crate) checkpoint: Vec<FileInfo>,
    pub(crate) bodies: Vec<FileInfo>,
}

impl Mark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut rest = MAGIC.to_vec();
        rest.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        rest.extend_from_slice(&[0; 4]);
        for number in [self.index.0, self.epoch.0, self.checkpoint.len() as u64, self.bodies.len() as u64] {
            rest.extend_from_slice(&number.to_le_bytes());
        }
        for file in self.checkpoint.iter().chain(&self.bodies) {
            rest.extend_from_slice(&file.bytes.to_le_bytes());
            put_name(&file.name, &mut rest);
        }
        let mut bytes = xxh3_128(&rest).to_le_bytes().to_vec();
        bytes.append(&mut rest);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader(bytes);
        if reader.u128().ok_or(CUT)? != xxh3_128(reader.0) {
            return Err(FormatError::Damaged("the mark does not check"));
        }
        check_head(&mut reader, MAGIC)?;
        let zero = reader.u32();
        let (index, epoch) = (LogIndex(reader.u64().ok_or(CUT)?), Epoch(reader.u64().ok_or(CUT)?));
        let mut count = || reader.u64().and_then(|count| usize::try_from(count).ok()).ok_or(CUT);
        let (checkpoint, bodies) = (count()?, count()?);
        if zero != Some(0) || checkpoint > FILES_MAX || bodies > PARTS_MAX {
            return Err(FormatError::Damaged("the mark names too much"));
        }
        let mut files = |count: usize| (0..count).map(|_| decode_file(&mut reader)).collect::<Option<Vec<_>>>();
        let (checkpoint, bodies) = (files(checkpoint).ok_or(CUT)?, files(bodies).ok_or(CUT)?);
        if reader.0.is_empty() { Ok(Self { index, epoch, checkpoint, bodies }) } else { Err(CUT) }
    }
}

/// A file's name leads nowhere else.
fn decode_file(reader: &mut Reader<'_>) -> Option<FileInfo> {
    let (bytes, name) = (reader.u64()?, reader.name()?);
    let plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    (plain && !name.starts_with('.')).then(|| FileInfo { name: name.to_owned(), bytes })
}
