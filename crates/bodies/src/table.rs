//! A file's sparse table, which stays in memory, and the blocks it leads to, which do not.

use crate::{
    error::{Flaw, damaged},
    extent::Range,
    format::{Footer, block_bytes, decode_block, decode_footer, decode_header, decode_sparse, frame_bytes},
    limits::{BODY_BYTES_MAX, FOOTER_BYTES, FRAME_HEADER_BYTES, GROUP_BODIES, HEADER_BYTES, SPARSE_ENTRY_BYTES},
    source::{Source, read},
};
use evenkeel_types::{BodyRef, LogIndex};
use xxhash_rust::xxh3::xxh3_64;

/// What bodies are sorted by: index and offset.
pub(crate) type Key = (LogIndex, u32);

pub(crate) fn key(body: BodyRef) -> Key {
    (body.index, body.offset)
}

/// The first body of a group, and where the group's block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) index: u64,
    pub(crate) offset: u32,
    pub(crate) block_at: u64,
}

impl Group {
    pub(crate) fn key(&self) -> Key {
        (LogIndex(self.index), self.offset)
    }
}

/// A body and where its frame lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) body: BodyRef,
    pub(crate) at: u64,
}

impl Place {
    pub(crate) fn end(&self) -> u64 {
        self.at + frame_bytes(self.body.bytes)
    }
}

/// What is known of a file while it is open.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) range: Range,
    pub(crate) bodies: u64,
    pub(crate) file_bytes: u64,
    /// Where the last block ends.
    pub(crate) sparse_at: u64,
    groups: Box<[Group]>,
}

impl Table {
    /// Reads and checks header, footer and sparse table, and that they fit the file's length.
    pub(crate) fn load(source: &impl Source) -> Result<Self, Flaw> {
        let file_bytes = source.length().map_err(Flaw::Io)?;
        if file_bytes < HEADER_BYTES {
            return damaged(file_bytes, "the file ends within its header");
        }
        let range = decode_header(&read(source, 0, HEADER_BYTES)?)?;
        let footer_at = file_bytes - FOOTER_BYTES;
        let footer = decode_footer(&read(source, footer_at, FOOTER_BYTES)?, footer_at)?;
        if footer.range != range {
            return damaged(footer_at, "header and footer name different ranges");
        }
        let sparse_bytes = footer.bodies.div_ceil(GROUP_BODIES).checked_mul(SPARSE_ENTRY_BYTES);
        // Held against the file's length before anything is allocated by it.
        let fits = sparse_bytes.and_then(|bytes| footer.sparse_at.checked_add(bytes)) == Some(footer_at);
        let Some(sparse_bytes) = sparse_bytes.filter(|_| fits && footer.bodies > 0) else {
            return damaged(footer_at, "the footer does not fit the file's length");
        };
        let sparse = read(source, footer.sparse_at, sparse_bytes)?;
        if xxh3_64(&sparse) != footer.sparse_checksum {
            return damaged(footer.sparse_at, "the sparse table's checksum does not match");
        }
        let table = Self {
            range,
            bodies: footer.bodies,
            file_bytes,
            sparse_at: footer.sparse_at,
            groups: decode_sparse(&sparse),
        };
        table.check_groups(&footer)?;
        Ok(table)
    }

    /// That the groups follow each other, and lie between header and sparse table.
    fn check_groups(&self, footer: &Footer) -> Result<(), Flaw> {
        let mut frames_at = HEADER_BYTES;
        let mut before = None;
        for (number, group) in self.groups.iter().enumerate() {
            let bodies = self.bodies_in(number);
            let at_least = bodies.saturating_mul(FRAME_HEADER_BYTES);
            let room = group.block_at.checked_sub(frames_at).is_some_and(|frames| frames >= at_least);
            let end = group.block_at.checked_add(block_bytes(bodies)).filter(|end| room && *end <= footer.sparse_at);
            let in_order = before < Some(group.key()) && self.range.holds(LogIndex(group.index));
            let Some(end) = end.filter(|_| in_order) else {
                return damaged(footer.sparse_at, format!("group {number} of the sparse table is impossible"));
            };
            (frames_at, before) = (end, Some(group.key()));
        }
        if frames_at != footer.sparse_at {
            return damaged(footer.sparse_at, "the last block does not end where the sparse table begins");
        }
        Ok(())
    }

    /// How many bytes the sparse table takes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.groups)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    fn bodies_in(&self, group: usize) -> u64 {
        self.bodies.saturating_sub((group as u64).saturating_mul(GROUP_BODIES)).min(GROUP_BODIES)
    }

    /// Where a group's frames begin, and where they end and its block begins.
    fn frames_of(&self, group: usize) -> Option<(u64, u64)> {
        let before = group.checked_sub(1).and_then(|before| self.groups.get(before));
        let start = before.map_or(HEADER_BYTES, |before| before.block_at + block_bytes(GROUP_BODIES));
        Some((start, self.groups.get(group)?.block_at))
    }

    /// The group in which a body lies if it is there at all: the last that does not begin behind it.
    pub(crate) fn group_of(&self, key: Key) -> Option<usize> {
        self.groups.partition_point(|group| group.key() <= key).checked_sub(1)
    }

    /// The place and length of a group's block.
    pub(crate) fn block_of(&self, group: usize) -> Option<(u64, u64)> {
        Some((self.groups.get(group)?.block_at, block_bytes(self.bodies_in(group))))
    }

    /// The bodies of a group, read from its block, in order, with their places.
    pub(crate) fn places(&self, group: usize, block: &[u8]) -> Result<Vec<Place>, Flaw> {
        let (Some((start, block_at)), Some(own)) = (self.frames_of(group), self.groups.get(group)) else {
            return damaged(self.sparse_at, format!("there is no group {group}"));
        };
        let Some(bodies) = decode_block(block) else {
            return damaged(block_at, "the checksum of this block of the table does not match");
        };
        let next = self.groups.get(group + 1).map(Group::key);
        let mut places = Vec::with_capacity(64);
        let mut at = start;
        let mut before = None;
        for body in bodies {
            let in_order = before < Some(key(body)) && next.is_none_or(|next| key(body) < next);
            let possible = self.range.holds(body.index) && body.bytes as usize <= BODY_BYTES_MAX;
            if !in_order || !possible {
                return damaged(block_at, "this block of the table has impossible contents");
            }
            before = Some(key(body));
            let place = Place { body, at };
            at = place.end();
            places.push(place);
        }
        let first = places.first().map(|place| key(place.body));
        if first != Some(own.key()) || places.len() as u64 != self.bodies_in(group) || at != block_at {
            return damaged(block_at, "this block of the table does not fit the sparse table");
        }
        Ok(places)
    }

    /// Reads a group's block.
    pub(crate) fn read_places(&self, source: &impl Source, group: usize) -> Result<Vec<Place>, Flaw> {
        let Some((at, bytes)) = self.block_of(group) else {
            return damaged(self.sparse_at, format!("there is no group {group}"));
        };
        self.places(group, &read(source, at, bytes)?)
    }
}
