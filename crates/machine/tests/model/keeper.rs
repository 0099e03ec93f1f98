//! Keeps checkpoints of a machine as the disk would: the newest form of each record, taken in slices while it goes on.

use evenkeel_machine::{Machine, Restorer};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Keeper {
    records: BTreeMap<(u8, u32), Vec<u8>>,
    steps: usize,
    /// The last one was lost; this one is to come to its end.
    is_spared: bool,
    under_way: Option<UnderWay>,
    pub(crate) finished: usize,
}

struct UnderWay {
    head: Vec<u8>,
    /// Of the state at its beginning.
    digest: u64,
    /// What it handed out, so far.
    taken: BTreeMap<(u8, u32), Vec<u8>>,
}

impl Keeper {
    /// Puts a machine that was read from a whole checkpoint in the place of one, and keeps that one's checkpoints from now on.
    pub(crate) fn after_a_restart(machine: &mut Machine) -> Self {
        let mut bytes = Vec::new();
        machine.encode(&mut bytes);
        let again = Machine::decode(&bytes).unwrap();
        assert_eq!(again.digest(), machine.digest());
        again.audit().unwrap();
        *machine = again;
        Self::default()
    }

    /// Begins a checkpoint, or takes a few records of the one under way. A finished one must give back the state at
    /// its beginning. Now and then one is lost, and the next must have what it had.
    pub(crate) fn step(&mut self, machine: &mut Machine, records_max: usize) {
        self.steps += 1;
        let Some(UnderWay { head, digest, mut taken }) = self.under_way.take() else {
            let digest = machine.digest();
            let head = machine.begin_checkpoint(self.records.is_empty());
            self.under_way = Some(UnderWay { head, digest, taken: BTreeMap::new() });
            return;
        };
        let done = machine.drain_checkpoint(records_max, &mut |section, slot, bytes| {
            let last = taken.last_key_value().map(|(key, _)| *key);
            assert!(last < Some((section, slot)), "out of order");
            taken.insert((section, slot), bytes.to_vec());
        });
        if self.steps.is_multiple_of(7) && !self.is_spared {
            self.is_spared = true;
            machine.abandon_checkpoint();
            assert!(machine.changed_records() >= taken.len() as u64, "what was taken counts as changed again");
            return;
        }
        if !done {
            self.under_way = Some(UnderWay { head, digest, taken });
            return;
        }
        self.records.append(&mut taken);
        self.is_spared = false;
        let mut restorer = Restorer::new(&head).unwrap();
        for ((section, slot), bytes) in &self.records {
            restorer.record(*section, *slot, bytes).unwrap();
        }
        let again = restorer.finish().unwrap();
        assert_eq!(again.digest(), digest);
        again.audit().unwrap();
        self.finished += 1;
    }
}
