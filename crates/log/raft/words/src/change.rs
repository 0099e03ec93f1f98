//! Changes of membership, and their bytes: they are entries of the log.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 1 | how: 0 automatic, 1 implicit, 2 explicit |
//! | 1 | 1 | how many changes |
//! | 2 | 9 each | what changes (0 votes, 1 gone, 2 listens), and the node's number, little-endian |
//! | .. | n | what its proposer said beside |

use crate::eraftpb::{ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};
use protobuf::{Message, ProtobufError};
use std::borrow::Cow;

/// One change of one node.
#[must_use]
pub fn new_conf_change_single(node_id: u64, change_type: ConfChangeType) -> ConfChangeSingle {
    ConfChangeSingle { change_type, node_id }
}

/// Either form of a change.
pub trait ConfChangeI {
    /// As the newer form.
    fn into_v2(self) -> ConfChangeV2;
    /// As the newer form.
    fn as_v2(&self) -> Cow<'_, ConfChangeV2>;
    /// Itself, if it is of the older form.
    fn as_v1(&self) -> Option<&ConfChange>;
}

impl ConfChangeI for ConfChange {
    fn into_v2(self) -> ConfChangeV2 {
        let changes = vec![new_conf_change_single(self.node_id, self.change_type)];
        ConfChangeV2 { changes, context: self.context, ..ConfChangeV2::default() }
    }

    fn as_v2(&self) -> Cow<'_, ConfChangeV2> {
        Cow::Owned(self.clone().into_v2())
    }

    fn as_v1(&self) -> Option<&ConfChange> {
        Some(self)
    }
}

impl ConfChangeI for ConfChangeV2 {
    fn into_v2(self) -> ConfChangeV2 {
        self
    }

    fn as_v2(&self) -> Cow<'_, ConfChangeV2> {
        Cow::Borrowed(self)
    }

    fn as_v1(&self) -> Option<&ConfChange> {
        None
    }
}

impl ConfChangeV2 {
    /// Whether it goes through a time with both memberships, and if so whether that ends by itself.
    #[must_use]
    pub fn enter_joint(&self) -> Option<bool> {
        match self.transition {
            ConfChangeTransition::Auto if self.changes.len() <= 1 => None,
            ConfChangeTransition::Auto | ConfChangeTransition::Implicit => Some(true),
            ConfChangeTransition::Explicit => Some(false),
        }
    }

    /// Whether it ends such a time.
    #[must_use]
    pub fn leave_joint(&self) -> bool {
        self.transition == ConfChangeTransition::Auto && self.changes.is_empty()
    }
}

impl Message for ConfChangeV2 {
    fn compute_size(&self) -> u32 {
        u32::try_from(2 + 9 * self.changes.len() + self.context.len()).unwrap_or(u32::MAX)
    }

    fn write_to_bytes(&self) -> Result<Vec<u8>, ProtobufError> {
        let count = u8::try_from(self.changes.len()).map_err(|_| ProtobufError::NoEncoding)?;
        let mut bytes = vec![self.transition as u8, count];
        for change in &self.changes {
            bytes.push(change.change_type as u8);
            bytes.extend_from_slice(&change.node_id.to_le_bytes());
        }
        bytes.extend_from_slice(&self.context);
        Ok(bytes)
    }

    fn merge_from_bytes(&mut self, bytes: &[u8]) -> Result<(), ProtobufError> {
        *self = decode(bytes).ok_or(ProtobufError::Malformed)?;
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Option<ConfChangeV2> {
    // No bytes are the change that ends a time with both memberships: the consensus crate proposes it so.
    let Some(([transition, count], mut rest)) = bytes.split_first_chunk::<2>() else {
        return bytes.is_empty().then(ConfChangeV2::default);
    };
    let transition = ConfChangeTransition::from_number(*transition)?;
    let mut changes = Vec::new();
    for _ in 0..*count {
        let (change_type, behind) = rest.split_first()?;
        let (node_id, behind) = behind.split_first_chunk::<8>()?;
        let change_type = ConfChangeType::from_number(*change_type)?;
        changes.push(ConfChangeSingle { change_type, node_id: u64::from_le_bytes(*node_id) });
        rest = behind;
    }
    Some(ConfChangeV2 { transition, changes, context: rest.to_vec().into() })
}

/// The older form is never proposed here.
impl Message for ConfChange {
    fn compute_size(&self) -> u32 {
        self.as_v2().compute_size()
    }

    fn write_to_bytes(&self) -> Result<Vec<u8>, ProtobufError> {
        Err(ProtobufError::NoEncoding)
    }

    fn merge_from_bytes(&mut self, _: &[u8]) -> Result<(), ProtobufError> {
        Err(ProtobufError::NoEncoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_back_and_what_is_cut_short_is_refused() {
        let changes = [
            new_conf_change_single(7, ConfChangeType::AddLearnerNode),
            new_conf_change_single(u64::MAX, ConfChangeType::RemoveNode),
        ];
        let change = ConfChangeV2 {
            transition: ConfChangeTransition::Implicit,
            changes: changes.to_vec(),
            context: b"why".as_slice().into(),
        };
        let bytes = change.write_to_bytes().unwrap();
        let read = |bytes: &[u8]| {
            let mut read = ConfChangeV2::default();
            read.merge_from_bytes(bytes).map(|()| read)
        };
        assert_eq!(read(&bytes), Ok(change));
        assert_eq!(read(&[]), Ok(ConfChangeV2::default()));
        for len in 1..bytes.len() - 3 {
            assert_eq!(read(&bytes[..len]), Err(ProtobufError::Malformed));
        }
        assert_eq!(read(&[3, 0]), Err(ProtobufError::Malformed));
    }
}
