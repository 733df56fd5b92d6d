//! Custody: the keys that sign, how they are sealed at rest, and what only their owner may ask for.
//!
//! Three kinds of key, all Ed25519 (RFC 8032):
//!
//! - a vault's *wallet* key signs approvals and nothing else; it is made here, one per vault;
//! - a vault's *head* key signs the head of its journal's chain and notes in it, for auditors;
//! - the *owner's* key signs withdrawals and reactivations; a gate knows its public half alone.
//!
//! Every signed message begins with a domain of its own, so a signature of one kind is never one of another. A secret
//! is wiped when dropped, and no type here shows, copies or serializes one.
//!
//! ```compile_fail,E0624
//! # fn sign(keys: &gxrisk_gate::custody::VaultKeys) {
//! keys.sign_approval(todo!());
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! fn copy<T: Clone>() {}
//! copy::<gxrisk_gate::custody::VaultKeys>();
//! ```

mod canonical;
mod error;
mod file;
mod key;
mod owner;
mod passphrase;
mod reactivation;
mod request;
mod seal;
mod secret;
mod wallet;
mod withdrawal;

pub use canonical::NameError;
pub use error::CustodyError;
pub use key::verify;
pub use owner::{OwnerKey, check_successor};
pub use passphrase::{Passphrase, PassphraseError};
pub use reactivation::{ReactivationRequest, SignedReactivation};
pub use request::RequestError;
pub use seal::SealError;
pub use wallet::VaultKeys;
pub(crate) use wallet::{ApprovalMessage, HeadMessage, NoteMessage};
pub use withdrawal::{SignedWithdrawal, WithdrawalRequest};
