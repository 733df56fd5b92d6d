//! Where records are kept.

use gxrisk_core::Record;

/// A record could not be kept: no approval is given, and the gate stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// Keeps the records of one vault, in order.
pub trait Journal: Send {
    /// Drains records and keeps them. When it returns, they are as safe as this journal makes them.
    fn append(&mut self, records: &mut Vec<Record>) -> Result<(), JournalError>;

    /// The records after a sequence.
    fn since(&self, sequence: u64) -> Result<Vec<Record>, JournalError>;
}

/// Keeps records in memory, for as long as the gate lives.
#[derive(Debug, Default)]
pub struct MemoryJournal(Vec<Record>);

impl Journal for MemoryJournal {
    fn append(&mut self, records: &mut Vec<Record>) -> Result<(), JournalError> {
        self.0.append(records);
        Ok(())
    }

    fn since(&self, sequence: u64) -> Result<Vec<Record>, JournalError> {
        let start = self.0.partition_point(|record| record.sequence <= sequence);
        Ok(self.0.get(start..).unwrap_or_default().to_vec())
    }
}
