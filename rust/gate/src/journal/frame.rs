//! One record as bytes, and the chain of hashes over them.
//!
//! A frame is `length` (u32, big endian, of what follows), `format` (one byte), the writer's `epoch` (u64, big endian) and
//! the record in the canonical form of [`gxrisk_core::codec`]. Its hash is SHA-256 over a domain, the hash before it and
//! the frame; the first one follows on a hash of the vault's id.

use std::fmt;
use std::sync::Arc;

use gxrisk_core::codec::{Coded, Input};
use gxrisk_core::{Limits, Record};
use sha2::{Digest, Sha256};

/// The newest format that this version reads, and the one that it writes.
pub const FORMAT: u8 = 1;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Bytes in hexadecimal.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const HEAD_BYTES: usize = 4 + 1 + 8;

/// SHA-256 of parts, one after the other.
pub(crate) fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What the first record of a vault follows on.
pub(crate) fn genesis(vault_id: &str) -> Hash {
    hash_of(&[b"gxrisk journal v1\n", vault_id.as_bytes()])
}

/// The hash of a frame that follows on another.
pub(crate) fn chained(before: &Hash, frame: &[u8]) -> Hash {
    hash_of(&[b"gxrisk record v1\n", before, frame])
}

/// A record as a frame; `None` where it is longer than a frame can say.
pub(crate) fn framed(record: &Record, epoch: u64) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(768);
    frame.extend_from_slice(&[0; 4]);
    frame.push(FORMAT);
    frame.extend_from_slice(&epoch.to_be_bytes());
    record.encode(&mut frame);
    let length = u32::try_from(frame.len() - 4).ok()?;
    frame.get_mut(..4)?.copy_from_slice(&length.to_be_bytes());
    Some(frame)
}

/// Why a frame is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Shorter than it says: it was not wholly written.
    Incomplete,
    /// Written by a later version.
    Newer(u8),
    /// Anything else.
    Unreadable,
}

/// Whether all of a frame is there, of a format that is known; gives its epoch.
pub(crate) fn check(frame: &[u8]) -> Result<u64, Fault> {
    let Some((length, rest)) = frame.split_first_chunk::<4>() else { return Err(Fault::Incomplete) };
    // Of another format nothing is known, not even where it ends.
    match rest.first() {
        Some(&format) if format > FORMAT => return Err(Fault::Newer(format)),
        Some(&format) if format != FORMAT => return Err(Fault::Unreadable),
        _ => {}
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Fault::Unreadable)?;
    if rest.len() < length {
        return Err(Fault::Incomplete);
    }
    let epoch = rest.get(1..).and_then(|rest| rest.first_chunk::<8>()).filter(|_| rest.len() == length);
    epoch.map(|epoch| u64::from_be_bytes(*epoch)).ok_or(Fault::Unreadable)
}

/// The record of a whole frame; equal limits are shared through `limits`.
pub(crate) fn unframed(frame: &[u8], limits: &mut Option<Arc<Limits>>) -> Result<Record, Fault> {
    check(frame)?;
    let mut input = Input::with_limits(frame.get(HEAD_BYTES..).unwrap_or_default(), limits.take());
    let record = Record::decode(&mut input).filter(|_| input.is_empty());
    *limits = input.limits();
    record.ok_or(Fault::Unreadable)
}
