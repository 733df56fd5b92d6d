//! The gate of one vault: its engine behind a lock, with a clock, a journal, keys and approvals.
//!
//! The road of an order is one function, [`Gate::authorize`]: decide, reserve, record, and only then sign and hand out
//! the [`Approval`]. Every other operation goes the same way, less the approval.
#![forbid(unsafe_code)]

mod approval;
mod attestation;
mod clock;
pub mod custody;
mod gate;
pub mod journal;
mod wallet;

pub use approval::{Approval, Redeemed, SignedApproval, limits_hash};
pub use attestation::{Attestation, AttestationError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use gate::{Batch, Custody, Decided, Gate, GateError, Verdict, key_path};
pub use journal::{Journal, JournalError, MemoryJournal};
