//! The gate of one vault: its engine behind a lock, with a clock, a journal and approvals.
//!
//! The road of an order is one function, [`Gate::authorize`]: decide, reserve, record, and only then hand out the
//! [`Approval`]. Every other operation goes the same way, less the approval.
#![forbid(unsafe_code)]

mod approval;
mod clock;
mod gate;
mod journal;

pub use approval::Approval;
pub use clock::{Clock, ManualClock, SystemClock};
pub use gate::{Batch, Decided, Gate, GateError, Verdict};
pub use journal::{Journal, JournalError, MemoryJournal};
