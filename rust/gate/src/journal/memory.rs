//! Records in memory, for as long as the gate lives.

use gxrisk_core::{Event, Record};
use parking_lot::Mutex;

use super::{Entry, Journal, JournalError, Receipt, Stamp};

/// Keeps records in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Vec<Record>>);

impl Stamp {
    /// There is no chain in memory.
    pub(crate) const MEMORY: Self = Self { epoch: 0, hash: [0; 32] };
}

impl Journal for MemoryJournal {
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError> {
        let decided = records.iter().any(|record| matches!(record.event, Event::Decided(_)));
        let mut kept = self.0.lock();
        kept.append(records);
        let through = kept.last().map_or(0, |record| record.sequence);
        Ok(Receipt { through, decision: decided.then_some(Stamp::MEMORY) })
    }

    fn sync(&self, _through: u64) -> Result<(), JournalError> {
        Ok(())
    }

    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        let kept = self.0.lock();
        let start = kept.partition_point(|record| record.sequence <= after);
        let found = kept.get(start..).unwrap_or_default().iter().take(max);
        Ok(found.map(|record| Entry { record: record.clone(), stamp: Stamp::MEMORY }).collect())
    }

    fn is_durable(&self) -> bool {
        false
    }
}
