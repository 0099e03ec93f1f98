//! What the formats of this room share: reading numbers, and what may be wrong.

/// The format that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// They are not those that were written: send or read them again.
    #[error("{0}")]
    Damaged(&'static str),
    /// A newer version wrote them.
    #[error("this is of format {0}, and this version reads up to 1: use a newer one")]
    TooNew(u32),
}

/// Reads forward through bytes; `None` beyond their end.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    /// A text behind its length in one byte.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let bytes = usize::from(self.u8()?);
        std::str::from_utf8(self.take(bytes)?).ok()
    }
}

/// Appends a text behind its length in one byte; longer ones are none of ours and are cut.
pub(crate) fn put_name(name: &str, out: &mut Vec<u8>) {
    let bytes = u8::try_from(name.len()).unwrap_or(u8::MAX);
    out.push(bytes);
    out.extend(name.bytes().take(bytes.into()));
}

/// Reads magic and format version.
pub(crate) fn check_head(reader: &mut Reader<'_>, magic: [u8; 8]) -> Result<(), FormatError> {
    if reader.take(8) != Some(&magic) {
        return Err(FormatError::Damaged("it does not begin as it should"));
    }
    match reader.u32() {
        Some(FORMAT_VERSION) => Ok(()),
        Some(newer) if newer > FORMAT_VERSION => Err(FormatError::TooNew(newer)),
        _ => Err(FormatError::Damaged("it is of a format that never was")),
    }
}
