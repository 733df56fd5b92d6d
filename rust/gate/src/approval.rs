//! The approval: what a venue takes instead of an order.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use gxrisk_core::codec::{Coded, Input, encoded};
use gxrisk_core::engine::{ApprovalRefusal, order_id};
use gxrisk_core::event::Ruling;
use gxrisk_core::{Approved, Limits, Order, Origin, Time};

use crate::custody::{ApprovalMessage, CustodyError, verify};
use crate::journal::{Hash, Stamp, hash_of};
use crate::wallet::Wallet;

/// How many bytes of the chain's hash make an approval's nonce.
const NONCE_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 64;

/// Proof that one order passed one gate: single use, expiring, bound to the exact order, signed.
///
/// It is made from an [`Approved`], which only the decision makes, after the record of that decision is kept.
///
/// ```compile_fail,E0451
/// # fn forge(other: gxrisk_gate::Approval) {
/// let forged = gxrisk_gate::Approval { gate: 1, ..other };
/// # }
/// ```
/// ```compile_fail,E0624
/// # fn forge(order: std::sync::Arc<gxrisk_core::Order>) {
/// let forged = gxrisk_gate::Approval::issue();
/// # }
/// ```
#[derive(Debug)]
pub struct Approval {
    gate: u64,
    vault_id: Arc<str>,
    ruling: Arc<Ruling>,
    stamp: Stamp,
    wallet: Arc<Wallet>,
    signature: OnceLock<[u8; SIGNATURE_BYTES]>,
}

impl Approval {
    /// INVARIANT: called by `Gate::authorize` alone, after the decision was recorded.
    pub(crate) fn issue(
        gate: u64,
        vault_id: Arc<str>,
        (ruling, stamp): (Arc<Ruling>, Stamp),
        wallet: Arc<Wallet>,
        _proof: Approved<Arc<Order>>,
    ) -> Self {
        Self { gate, vault_id, ruling, stamp, wallet, signature: OnceLock::new() }
    }

    /// The same once more, for an identical repeat: the record of the decision stands in for the proof.
    pub(crate) fn reissue(
        gate: u64,
        vault_id: Arc<str>,
        (ruling, stamp): (Arc<Ruling>, Stamp),
        wallet: Arc<Wallet>,
    ) -> Self {
        Self { gate, vault_id, ruling, stamp, wallet, signature: OnceLock::new() }
    }

    /// Whether that gate gave it.
    pub(crate) fn is_of(&self, gate: u64) -> bool {
        self.gate == gate
    }

    /// The vault that it is for.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// The record of its decision.
    pub fn sequence(&self) -> u64 {
        self.ruling.sequence
    }

    /// The order's id from here on.
    pub fn order_id(&self) -> String {
        order_id(self.ruling.sequence)
    }

    /// The order that it is bound to.
    pub fn order(&self) -> &Arc<Order> {
        &self.ruling.order
    }

    /// From this time on it is worth nothing.
    pub fn expires(&self) -> Time {
        self.ruling.expires
    }

    /// The wallet key's signature; made at the first asking, which for a durable gate is before it is handed out.
    pub fn signature(&self) -> Result<[u8; SIGNATURE_BYTES], CustodyError> {
        if let Some(signature) = self.signature.get() {
            return Ok(*signature);
        }
        let made = self.wallet.keys()?.sign_approval(&message(&self.vault_id, &self.ruling, &self.stamp));
        Ok(*self.signature.get_or_init(|| made))
    }

    /// The signature, where it was made.
    pub(crate) fn known_signature(&self) -> Option<[u8; SIGNATURE_BYTES]> {
        self.signature.get().copied()
    }

    /// The signed message and its signature: for a venue in another process, and back to `redeem`.
    pub fn token(&self) -> Result<Vec<u8>, CustodyError> {
        let mut token = message(&self.vault_id, &self.ruling, &self.stamp).bytes().to_vec();
        token.extend_from_slice(&self.signature()?);
        Ok(token)
    }
}

/// The canonical bytes of an approval that a decision's record stands for.
pub(crate) fn message(vault_id: &str, ruling: &Ruling, stamp: &Stamp) -> ApprovalMessage {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(u8::try_from(vault_id.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(vault_id.as_bytes());
    bytes.extend_from_slice(&ruling.sequence.to_be_bytes());
    bytes.extend_from_slice(&stamp.epoch.to_be_bytes());
    bytes.extend_from_slice(stamp.hash.get(..NONCE_BYTES).unwrap_or_default());
    bytes.extend_from_slice(&ruling.expires.nanos().to_be_bytes());
    bytes.extend_from_slice(&limits_hash(&ruling.evidence.limits));
    ruling.origin.encode(&mut bytes);
    ruling.order.encode(&mut bytes);
    ApprovalMessage::new(&bytes)
}

/// SHA-256 of limits in their canonical form.
pub fn limits_hash(limits: &Limits) -> Hash {
    hash_of(&[&encoded(limits)])
}

/// An approval as bytes from outside: nothing in it is trusted before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedApproval {
    message: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
    /// For which vault, in its own words.
    pub vault_id: String,
    /// The record of its decision.
    pub sequence: u64,
    /// The epoch of the gate that gave it.
    pub epoch: u64,
    /// From the chain's hash at its decision.
    pub nonce: [u8; NONCE_BYTES],
    /// From this time on it is worth nothing.
    pub expires: Time,
    /// SHA-256 of the limits that it was decided under.
    pub limits_hash: Hash,
    /// Who proposed.
    pub origin: Origin,
    /// The order.
    pub order: Order,
}

/// Takes bytes off the front.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

impl SignedApproval {
    /// Reads a token, which has one form only.
    pub fn parse(token: &[u8]) -> Result<Self, ApprovalRefusal> {
        Self::read(token).ok_or(ApprovalRefusal::Malformed)
    }

    fn read(token: &[u8]) -> Option<Self> {
        let (message, signature) = token.split_last_chunk::<SIGNATURE_BYTES>()?;
        let mut rest = message.strip_prefix(ApprovalMessage::DOMAIN)?;
        let [length] = take(&mut rest)?;
        let (name, mut rest) = rest.split_at_checked(usize::from(length))?;
        let vault_id = std::str::from_utf8(name).ok()?.to_owned();
        gxrisk_core::asset::check_name(&vault_id).ok()?;
        let (sequence, epoch) = (take(&mut rest)?, take(&mut rest)?);
        let (nonce, expires, limits_hash) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let mut input = Input::new(rest);
        let (origin, order) = (Origin::decode(&mut input)?, Order::decode(&mut input)?);
        input.is_empty().then(|| Self {
            message: message.to_vec(),
            signature: *signature,
            vault_id,
            sequence: u64::from_be_bytes(sequence),
            epoch: u64::from_be_bytes(epoch),
            nonce,
            expires: Time::from_nanos(i64::from_be_bytes(expires)),
            limits_hash,
            origin,
            order,
        })
    }

    /// Whether it is for that vault and signed by that wallet key: all that can be told without the gate.
    pub fn check(&self, wallet: &[u8; 32], vault_id: &str) -> Result<(), ApprovalRefusal> {
        if self.vault_id != vault_id {
            return Err(ApprovalRefusal::Vault);
        }
        if verify(wallet, &self.message, &self.signature) { Ok(()) } else { Err(ApprovalRefusal::Signature) }
    }

    /// Whether it says what the record of the decision says.
    pub(crate) fn agrees_with(&self, ruling: &Ruling, stamp: &Stamp) -> Result<(), ApprovalRefusal> {
        let told = message(&self.vault_id, ruling, stamp);
        if told.bytes() == self.message { Ok(()) } else { Err(ApprovalRefusal::Altered) }
    }

    pub(crate) fn signature(&self) -> [u8; SIGNATURE_BYTES] {
        self.signature
    }
}

/// An order that may go to the venue: only `Gate::redeem` makes one, once for each approval.
///
/// A venue that takes nothing else cannot take what was not approved:
///
/// ```compile_fail,E0308
/// fn submit(order: gxrisk_gate::Redeemed) {}
/// fn go_around(order: std::sync::Arc<gxrisk_core::Order>) { submit(order) }
/// ```
/// ```compile_fail,E0423
/// # fn forge(order: std::sync::Arc<gxrisk_core::Order>) {
/// let forged = gxrisk_gate::Redeemed(order);
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Redeemed(Arc<Order>);

impl Redeemed {
    /// INVARIANT: called by `Gate::redeem` alone, after the redemption was recorded.
    pub(crate) fn new(order: Arc<Order>) -> Self {
        Self(order)
    }
}

impl Deref for Redeemed {
    type Target = Order;
    fn deref(&self) -> &Order {
        &self.0
    }
}
