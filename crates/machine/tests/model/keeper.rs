//! Keeps checkpoints of a machine as the disk would: the newest form of each record, taken in slices while it goes on.

use evenkeel_machine::{Machine, Restorer};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Keeper {
    records: BTreeMap<(u8, u32), Vec<u8>>,
    under_way: Option<UnderWay>,
    pub(crate) finished: usize,
}

struct UnderWay {
    head: Vec<u8>,
    /// Of the state at its beginning.
    digest: u64,
    /// The last record that it handed out.
    last: Option<(u8, u32)>,
}

impl Keeper {
    /// Begins a checkpoint, or takes a few records of the one under way. A finished one must give back the state at
    /// its beginning.
    pub(crate) fn step(&mut self, machine: &mut Machine, records_max: usize) {
        let Some(UnderWay { head, digest, mut last }) = self.under_way.take() else {
            let digest = machine.digest();
            let head = machine.begin_checkpoint(self.records.is_empty());
            self.under_way = Some(UnderWay { head, digest, last: None });
            return;
        };
        let records = &mut self.records;
        let done = machine.drain_checkpoint(records_max, &mut |section, slot, bytes| {
            assert!(last < Some((section, slot)), "out of order");
            last = Some((section, slot));
            records.insert((section, slot), bytes.to_vec());
        });
        if !done {
            self.under_way = Some(UnderWay { head, digest, last });
            return;
        }
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
