//! What the consensus crate asks of protocol buffers: three functions, and nothing that parses foreign bytes.
//!
//! The crate `raft` 0.7 names `protobuf` 2, which is not kept any more and has an advisory that will not be mended in it
//! (RUSTSEC-2024-0437). All it uses of it is this trait. Its messages are in `raft-proto`, ours as well, and what goes
//! over a wire or to a disk has its own encoding in `evenkeel-log-raft`.
#![warn(missing_docs)]

/// What the consensus crate does with its messages as bytes.
pub trait Message {
    /// About how many bytes it takes: for keeping messages and what is in flight within bounds.
    fn compute_size(&self) -> u32;

    /// Its bytes. Asked for by changes of membership alone.
    ///
    /// # Errors
    /// It has none.
    fn write_to_bytes(&self) -> Result<Vec<u8>, ProtobufError>;

    /// Becomes what the bytes say.
    ///
    /// # Errors
    /// They are not those of such a message.
    fn merge_from_bytes(&mut self, bytes: &[u8]) -> Result<(), ProtobufError>;
}

/// Why bytes were not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The bytes are not those of a change of membership.
    #[error("not a change of membership")]
    Malformed,
    /// Such a message has no encoding here.
    #[error("a message that is never encoded here")]
    NoEncoding,
}
