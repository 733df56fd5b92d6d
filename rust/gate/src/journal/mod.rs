//! Where records are kept: in memory, or durably in a file.

mod audit;
mod file;
mod frame;
mod lock;
mod memory;
mod parking;
mod pool;
mod recovery;
mod store;

use std::path::{Path, PathBuf};

use gxrisk_core::Record;

pub use audit::{Head, JournalReader, Verified};
pub use file::{FileJournal, Opened, Recovery, Storage};
pub(crate) use frame::hash_of;
pub use frame::{FORMAT, Hash, Hex};
pub(crate) use lock::beside;
pub use memory::MemoryJournal;
pub use pool::Pool;

/// A record could not be kept or read: no approval is given, and the gate stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A new journal was to be made where something is.
    #[error("{0} exists already; open it with Gate.open, or choose another path")]
    Exists(PathBuf),
    /// There is nothing to open.
    #[error("{0} does not exist; make a new vault with Gate(vault_id, limits, journal=PATH)")]
    Missing(PathBuf),
    /// The file is something else.
    #[error("{path} is no gxrisk journal: {what}")]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
    /// A later version wrote it.
    #[error(
        "{what} has format {seen}, and this version reads up to {FORMAT}; use the gxrisk that wrote it, or a newer one"
    )]
    Newer {
        /// A file, or a record of it.
        what: String,
        /// Its format.
        seen: u64,
    },
    /// Another gate has it open.
    #[error("{0} is open in another gate or process; a vault has one writer: close that one first")]
    InUse(PathBuf),
    /// A later opening took over.
    #[error("this gate (epoch {mine}) was fenced: the journal was opened again since (epoch {seen}); use that gate")]
    Fenced {
        /// This writer's epoch.
        mine: u64,
        /// The journal's.
        seen: u64,
    },
    /// Bytes are not what was written.
    #[error("{path} is damaged at record {sequence}: {what}; nothing was changed. Restore the file from a backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The first record that is not as it was written.
        sequence: u64,
        /// What was seen.
        what: String,
    },
    /// A head that is kept elsewhere is not in the file.
    #[error("{path} does not hold the signed head of record {sequence}: {what}")]
    HeadMissing {
        /// Which file.
        path: PathBuf,
        /// The head's record.
        sequence: u64,
        /// What was seen.
        what: String,
    },
    /// The file is no longer where it was opened.
    #[error("{0} was moved, replaced or deleted while it was open; nothing more is kept in it")]
    Moved(PathBuf),
    /// The disk or the database refused.
    #[error("{path}: {what}")]
    Storage {
        /// Which file.
        path: PathBuf,
        /// In the system's words.
        what: String,
    },
    /// Whoever asked for a verification wanted no more of it.
    #[error("the verification was stopped after record {0}")]
    Stopped(u64),
    /// It was closed.
    #[error("the journal is closed; open the vault again with Gate.open")]
    Closed,
}

impl JournalError {
    /// What is to be done once a gate has stopped for it.
    pub(crate) fn way_out(&self) -> &'static str {
        match self {
            Self::Fenced { .. } => "the gate that took over goes on",
            Self::Moved(_) => "put the file back, then open the vault again with Gate.open",
            _ => "mend that, then open the vault again with Gate.open",
        }
    }
}

/// What the chain says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The writer's epoch; 0 in memory.
    pub epoch: u64,
    /// The hash of the chain up to it; zeros in memory.
    pub hash: Hash,
}

/// A record as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// Its place in the chain.
    pub stamp: Stamp,
}

/// What `append` took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The last record of it.
    pub through: u64,
    /// The stamp of the decision among it.
    pub decision: Option<Stamp>,
}

/// Keeps the records of one vault, in order.
pub trait Journal: Send + Sync {
    /// Drains records and takes them in; called in order, under the gate's lock.
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError>;

    /// Returns once every record up to this one is as safe as this journal makes them.
    fn sync(&self, through: u64) -> Result<(), JournalError>;

    /// At most so many records after a sequence, all of them safe.
    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError>;

    /// Whether records outlive the process.
    fn is_durable(&self) -> bool;

    /// Its file, where it has one.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Whether a checkpoint would pay.
    fn wants_checkpoint(&self) -> bool {
        false
    }

    /// Takes in the engine's checkpoint at a record; the digest of it goes into the next record.
    fn put_checkpoint(&self, _sequence: u64, _state: Vec<u8>) {}

    /// Lets go of what it needs only to write and to read, until it does.
    fn park(&self) {}

    /// Nothing is taken in any more.
    fn close(&self) {}
}
