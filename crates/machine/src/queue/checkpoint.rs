//! The queues as bytes, and back: bit for bit the same state, free lists and links included.
//!
//! This is the plain form: all at once. `docs/format.md` lists the bytes.

use super::{Job, Lane, Queue, Queues, Standing, state::Counts, wheel::Wheel};
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    command::{GroupSettings, QueueKey, QueueSettings},
    limits,
    slab::{Record, Slab},
};
use evenkeel_types::AccountId;

/// The fewest bytes that each kind of record takes.
const QUEUE_BYTES_MIN: usize = 60;
const LANE_BYTES_MIN: usize = 4;
const JOB_BYTES: usize = 64;

impl Queues {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_slab(&self.queues, out, |queue, out| queue.encode(out));
        put_slab(&self.lanes, out, |lane, out| lane.encode(out));
        put_slab(&self.jobs, out, |job, out| job.words().into_iter().for_each(|word| word.put(out)));
        self.wheel.tick().put(out);
    }

    pub(crate) fn decode(hash_keys: (u64, u64), reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut queues = get_slab(reader, QUEUE_BYTES_MIN, Queue::decode)?;
        let mut lanes = get_slab(reader, LANE_BYTES_MIN, Lane::decode)?;
        let jobs = get_slab(reader, JOB_BYTES, |reader| {
            let mut words = [0; 8];
            for word in &mut words {
                *word = u64::get(reader)?;
            }
            Ok(Job::from_words(words))
        })?;
        let error = reader.malformed("jobs that hang in slots of the wheel");
        let wheel = Wheel::restore(u64::get(reader)?, &jobs).ok_or(error)?;

        let mut this = Self { wheel, jobs, ..Self::new(hash_keys) };
        // Keyed hashes are not stored; they are recomputed and with them the tables.
        for slot in 0..queues.used() {
            let hash = this.hash_of_queue(QueueKey { account: queues.at(slot).account, name: &queues.at(slot).name });
            queues.edit(slot).hash = hash;
            this.queue_names.insert(&mut queues, slot);
        }
        for slot in 0..lanes.used() {
            let lane = lanes.at(slot);
            if lane.standing == Standing::Free {
                continue;
            }
            let inside = lane.queue < queues.used();
            let hash = this.hash_of_lane(lane.queue, &lane.group);
            if !inside {
                return Err(reader.malformed("lanes of queues that exist"));
            }
            lanes.edit(slot).hash = hash;
            this.lane_names.insert(&mut lanes, slot);
            let lane = lanes.at(slot);
            queues.edit(lane.queue).turns.restore(slot, lane);
        }
        this.queues = queues;
        this.lanes = lanes;
        for slot in 0..this.lanes.used() {
            let lane = this.lanes.at(slot);
            if lane.standing != Standing::Free {
                let (queue, grantable) = (lane.queue, this.grantable_of(lane));
                this.lanes.edit(slot).grantable = grantable;
                this.queues.edit(queue).grantable += u64::from(grantable);
            }
        }
        for queue in 0..this.queues.used() {
            this.note_forgettable(queue);
        }
        Ok(this)
    }
}

fn put_slab<T: Record>(slab: &Slab<T>, out: &mut Vec<u8>, mut put: impl FnMut(&T, &mut Vec<u8>)) {
    slab.used().put(out);
    slab.live().put(out);
    let (head, tail) = slab.free_list();
    head.put(out);
    tail.put(out);
    for slot in 0..slab.used() {
        put(slab.at(slot), out);
    }
}

fn get_slab<T: Record>(
    reader: &mut Reader<'_>,
    bytes_each: usize,
    mut get: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Slab<T>, DecodeError> {
    let error = reader.malformed("records and a free list that fit together");
    let used = reader.count(bytes_each, "as many records as counted")?;
    let live = u32::get(reader)?;
    let free_list = (u32::get(reader)?, u32::get(reader)?);
    let mut failed = None;
    let records = (0..used).map_while(|_| get(reader).map_err(|error| failed = Some(error)).ok());
    let slab = Slab::restore(records, live, free_list);
    match failed {
        Some(error) => Err(error),
        None => slab.ok_or(error),
    }
}

impl Queue {
    fn encode(&self, out: &mut Vec<u8>) {
        self.account.put(out);
        put_bytes(self.name.as_bytes(), out);
        self.settings.put(out);
        for count in
            [self.counts.ready, self.counts.delayed, self.counts.leased, self.counts.enqueued, self.counts.acked]
        {
            count.put(out);
        }
        self.turns.virtual_time.put(out);
        self.turns.turn.put(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let account = AccountId::get(reader)?;
        let name = reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?;
        let settings = QueueSettings::get(reader)?;
        let mut queue = Self::new(account, name, 0, settings);
        queue.counts = Counts {
            ready: u64::get(reader)?,
            delayed: u64::get(reader)?,
            leased: u64::get(reader)?,
            enqueued: u64::get(reader)?,
            acked: u64::get(reader)?,
        };
        queue.turns.virtual_time = u64::get(reader)?;
        queue.turns.turn = u64::get(reader)?;
        Ok(queue)
    }
}

impl Lane {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.standing as u8).put(out);
        self.head.put(out);
        if self.standing == Standing::Free {
            return;
        }
        self.queue.put(out);
        put_bytes(self.group.as_bytes(), out);
        for number in [self.tail, self.ready, self.delayed, self.leased] {
            number.put(out);
        }
        self.since_millis.put(out);
        self.charged_millis.put(out);
        self.estimate_millis.put(out);
        self.pass.put(out);
        self.turn.put(out);
        self.own.put(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.malformed("a lane's standing");
        let standing = match u8::get(reader)? {
            0 => Standing::Free,
            1 => Standing::InTurns,
            2 => Standing::Resting,
            3 => Standing::Idle,
            _ => return Err(error),
        };
        let head = u32::get(reader)?;
        if standing == Standing::Free {
            return Ok(Self { head, ..Self::default() });
        }
        let queue = u32::get(reader)?;
        let group = reader.text(limits::GROUP_NAME_BYTES_MAX, "a group's name")?;
        let mut lane = Self::new(queue, group, 0);
        lane.standing = standing;
        lane.head = head;
        for number in [&mut lane.tail, &mut lane.ready, &mut lane.delayed, &mut lane.leased] {
            *number = u32::get(reader)?;
        }
        lane.since_millis = u64::get(reader)?;
        lane.charged_millis = u64::get(reader)?;
        lane.estimate_millis = u64::get(reader)?;
        lane.pass = u64::get(reader)?;
        lane.turn = u64::get(reader)?;
        lane.own = Option::<GroupSettings>::get(reader)?;
        Ok(lane)
    }
}
