//! The golden folder, packed: files one behind the other, their runs of zeros left out.
//!
//! ```text
//! each file:   u16 length of the name, the name (from the data folder), u64 bytes
//! then, until that many bytes are there:   u32 zeros, u32 length, the bytes
//! ```
//! All numbers are little-endian.

/// Shorter runs of zeros are kept: leaving one out costs eight bytes.
const ZEROS_MIN: usize = 16;

/// Appends a file.
pub(crate) fn pack(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    let mut rest = bytes;
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = &rest[zeros..];
        let mut length = 0;
        while length < rest.len() && rest[length..].iter().take(ZEROS_MIN).any(|&byte| byte != 0) {
            length += 1;
        }
        out.extend_from_slice(&u32::try_from(zeros).unwrap().to_le_bytes());
        out.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}
