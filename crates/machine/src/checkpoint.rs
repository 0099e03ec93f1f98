//! The state as records: what a checkpoint is made of, and the way back.
//!
//! A checkpoint at an index has a head ([`Machine::begin_checkpoint`] returns it) and the records that changed since the
//! one before. They are handed out in slices, in the order of section and slot, as they were when the checkpoint began,
//! while the machine goes on. A [`Restorer`] takes the head and all records, each in its newest form.

use crate::{
    Build, Machine,
    account::{Keys, KeysOutline},
    codec::{DecodeError, Plain, Reader, put_bytes},
    command::Begin,
    fault::{self, Fault},
    machine::{Section, hash_keys},
    queue::{self, Queues, QueuesOutline},
    slab::Images,
};
use evenkeel_types::BodyRef;

impl Machine {
    /// Begins a checkpoint of the state as it is now and returns its head: of what changed since the last one began, or
    /// `whole`, of all records. The one before is over; if it was lost, [`Machine::abandon_checkpoint`] comes first.
    pub fn begin_checkpoint(&mut self, whole: bool) -> Vec<u8> {
        let mut head = Vec::new();
        self.begin.is_some().put(&mut head);
        if let Some(begin) = &self.begin {
            begin.feature_level.put(&mut head);
            head.extend_from_slice(&begin.secret);
        }
        self.feature_level.put(&mut head);
        self.applied.put(&mut head);
        self.log_time.put(&mut head);
        self.wall_time.put(&mut head);
        self.queues.outline().put(&mut head);
        self.keys.outline().put(&mut head);
        self.digest().put(&mut head);
        self.queues.begin_drain(whole);
        self.keys.begin_drain(whole);
        head
    }

    /// Hands out the next records of the checkpoint: section, slot, bytes; at most `records_max`. True once that was all.
    pub fn drain_checkpoint(&mut self, records_max: usize, sink: &mut impl FnMut(u8, u32, &[u8])) -> bool {
        let mut budget = records_max.max(1);
        self.queues.drain(&mut budget, &mut |section, slot, bytes| sink(section as u8, slot, bytes))
            && self.keys.drain(&mut budget, &mut |slot, bytes| sink(Section::Keys as u8, slot, bytes))
    }

    /// How many records the next checkpoint would have.
    #[must_use]
    pub fn changed_records(&self) -> u64 {
        self.queues.changed() + self.keys.changed()
    }

    /// Gives up the last checkpoint, whether or not all of it was handed out: its records count as changed again, and
    /// the next one has them. O(jobs / 1,000). Returns what it had put aside, which may take long to free.
    pub fn abandon_checkpoint(&mut self) -> Leftovers {
        Leftovers(self.queues.abandon_drain(), self.keys.abandon_drain())
    }

    /// Appends the whole state as bytes, all at once: for tests. It also is a checkpoint, so the one under way is over.
    pub fn encode(&mut self, out: &mut Vec<u8>) {
        let head = self.begin_checkpoint(true);
        put_bytes(&head, out);
        while !self.drain_checkpoint(usize::MAX, &mut |section, slot, bytes| {
            section.put(out);
            slot.put(out);
            put_bytes(bytes, out);
        }) {}
    }

    /// The state of these bytes.
    ///
    /// # Errors
    /// They are no state of this version, or its digest is another.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut restorer = Restorer::new(reader.bytes("the head of a checkpoint")?)?;
        while reader.remaining() > 0 {
            let (section, slot) = (u8::get(&mut reader)?, u32::get(&mut reader)?);
            restorer.record(section, slot, reader.bytes("a record")?)?;
        }
        restorer.finish()
    }
}

/// Where the body of the job in a record lies; `None` if it is no job's, or that of a free slot. Looks at nothing else.
///
/// # Errors
/// It is no record of this version.
pub fn checkpoint_body(section: u8, bytes: &[u8]) -> Result<Option<BodyRef>, DecodeError> {
    if section != Section::Jobs as u8 {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes);
    let body = queue::body_of_record(&mut reader)?;
    reader.finish()?;
    Ok(body)
}

/// The feature level that was in force in the state of which this is the head, whether or not this version knows it.
///
/// # Errors
/// It is no head.
pub fn feature_level_of(head: &[u8]) -> Result<u32, DecodeError> {
    levels(&mut Reader::new(head)).map(|(_, level)| level)
}

/// What every head begins with, whatever the level.
fn levels(reader: &mut Reader<'_>) -> Result<(Option<Begin>, u32), DecodeError> {
    let begin = if bool::get(reader)? {
        Some(Begin { feature_level: u32::get(reader)?, secret: reader.array("a secret of 32 bytes")? })
    } else {
        None
    };
    Ok((begin, u32::get(reader)?))
}

/// What a checkpoint that was given up had put aside. To be dropped where nobody waits.
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be dropped")]
pub struct Leftovers([Images; 6], Images);

/// Makes a machine of a checkpoint's head and records.
#[derive(Debug)]
pub struct Restorer {
    machine: Machine,
    outline: QueuesOutline,
    keys: KeysOutline,
    digest: u64,
}

impl Restorer {
    /// Begins with the head.
    ///
    /// # Errors
    /// It is none of this version.
    pub fn new(head: &[u8]) -> Result<Self, DecodeError> {
        Self::of(Build::PRESENT, head)
    }

    /// As [`Restorer::new`], in a version of this program.
    ///
    /// # Errors
    /// As there.
    pub fn of(build: Build, head: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(head);
        let reader = &mut reader;
        let newer = reader.malformed("a feature level of this version; use a newer one");
        let (begin, feature_level) = levels(reader)?;
        if feature_level > build.feature_level && !fault::is(Fault::ApplyAnyLevel) {
            return Err(newer);
        }
        let machine = Machine {
            build,
            begin,
            feature_level,
            applied: Plain::get(reader)?,
            log_time: Plain::get(reader)?,
            wall_time: Plain::get(reader)?,
            queues: Queues::new(begin.as_ref().map_or((0, 0), hash_keys)),
            keys: Keys::new(begin.as_ref().map_or((0, 0), hash_keys)),
        };
        let restorer = Self {
            machine,
            outline: QueuesOutline::get(reader)?,
            keys: KeysOutline::get(reader)?,
            digest: u64::get(reader)?,
        };
        reader.finish()?;
        Ok(restorer)
    }

    /// Takes in a record. They come in the order of section and slot, and none is left out.
    ///
    /// # Errors
    /// It is none of this version, or not the next one.
    pub fn record(&mut self, section: u8, slot: u32, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        let section = match section {
            0 => Section::Queues,
            1 => Section::Lanes,
            2 => Section::Jobs,
            3 => Section::Recent,
            4 => Section::Extras,
            5 => Section::Moves,
            16 => Section::Keys,
            _ => return Err(reader.malformed("a section of this version; use a newer one")),
        };
        let is_next = match section {
            Section::Keys => self.machine.keys.restore(slot, &mut reader)?,
            _ => self.machine.queues.restore(section, slot, &mut reader)?,
        };
        if !is_next {
            return Err(reader.malformed("the record of the next slot"));
        }
        reader.finish()
    }

    /// The machine.
    ///
    /// # Errors
    /// Records are missing or do not fit together, or the state's digest is not the one in the head.
    pub fn finish(mut self) -> Result<Machine, DecodeError> {
        self.machine.queues.restored(self.outline).map_err(|wanted| DecodeError { at: 0, wanted })?;
        if !self.machine.keys.restored(self.keys) {
            return Err(DecodeError { at: 0, wanted: "as many access keys as the checkpoint counts" });
        }
        if self.machine.digest() == self.digest {
            Ok(self.machine)
        } else {
            Err(DecodeError { at: 0, wanted: "records whose digest is the one in the head" })
        }
    }
}
