//! One vault behind a lock.

mod controls;
mod durable;

pub use durable::{Custody, key_path};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gxrisk_core::asset::Asset;
use gxrisk_core::decide::{Evidence, Facts};
use gxrisk_core::engine::{Answer, ApprovalRefusal, Frozen, FrozenAsset, ReactivationRefusal, Refusal};
use gxrisk_core::event::Ruling;
use gxrisk_core::{Engine, Event, Limits, Mask, Nano, Order, Origin, Outcome, Record, Side, Terms};
use parking_lot::Mutex;

use crate::approval::{Approval, Redeemed, SignedApproval};
use crate::clock::Clock;
use crate::custody::{CustodyError, RequestError};
use crate::journal::{Entry, Journal, JournalError, Receipt, Stamp, hash_of};
use crate::wallet::Wallet;

/// Why an operation was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// It does not fit the vault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record of it could not be kept, or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A key could not be made, read or used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The withdrawal is not the owner's.
    #[error(transparent)]
    Withdrawal(RequestError),
    /// The reactivation is not the owner's.
    #[error(transparent)]
    Reactivation(RequestError),
    /// The vault's keys are sealed, and nobody gave the passphrase.
    #[error(
        "the keys of this vault are sealed in {0}: give its passphrase (passphrase_file, GXRISK_PASSPHRASE_FILE or GXRISK_PASSPHRASE)"
    )]
    Sealed(std::path::PathBuf),
    /// Nobody may withdraw.
    #[error("this vault has no owner key, so nothing can be withdrawn; name one when the vault is made (owner_key)")]
    NoOwner,
    /// A new owner's key that the present one did not sign.
    #[error("the new owner's key is not signed by the present one for this vault (gxrisk keys successor)")]
    NotSuccessor,
    /// A topic without a note.
    #[error("this vault has no note {0:?}")]
    NoNote(String),
    /// A record was lost before; nothing passes any more.
    #[error(
        "the gate stopped (engine_halted), since a record could not be kept: {0}. Nothing passes here any more: {way}",
        way = .0.way_out()
    )]
    RecordLost(JournalError),
    /// A bug was met before; nothing passes any more.
    #[error("the gate met a bug in itself and stopped (engine_halted); nothing passes until it is opened again")]
    EngineHalted,
}

impl From<ApprovalRefusal> for GateError {
    fn from(refusal: ApprovalRefusal) -> Self {
        Self::Refused(Refusal::Approval(refusal))
    }
}

impl From<ReactivationRefusal> for GateError {
    fn from(refusal: ReactivationRefusal) -> Self {
        Self::Refused(Refusal::Reactivation(refusal))
    }
}

/// The answer to `validate`: the violated rules, and what they were computed from.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Zero: it would be approved.
    pub mask: Mask,
    /// Kept only where a rule was violated.
    pub evidence: Option<Box<Evidence>>,
    /// Why no rule was asked: the gate has stopped.
    pub stopped: Option<Box<GateError>>,
}

/// The answer to `authorize`.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The decision on record.
    pub ruling: Arc<Ruling>,
    /// The approval, where one was given and has not long run out.
    pub approval: Option<Arc<Approval>>,
}

struct Inner {
    engine: Engine,
    wallet: Arc<Wallet>,
    /// The wallet key before the first rotation: in memory no record names it.
    first_key: Option<[u8; 32]>,
    /// Why nothing passes any more.
    stopped: Option<GateError>,
    is_closed: bool,
}

impl Inner {
    /// Brings the engine to now, does the operation, and hands over what happened. A bug or a lost record stops the gate.
    #[inline]
    fn operate<T>(
        &mut self,
        gate: &Gate,
        operation: impl FnOnce(&mut Engine) -> T,
    ) -> Result<(T, Option<Receipt>), GateError> {
        if self.is_closed {
            return Err(JournalError::Closed.into());
        }
        if let Some(why) = &self.stopped {
            return Err(why.clone());
        }
        let engine = &mut self.engine;
        let done = catch_unwind(AssertUnwindSafe(|| {
            engine.bring_to(gate.clock.now());
            operation(engine)
        }));
        let Ok(answer) = done else {
            self.stopped = Some(GateError::EngineHalted);
            return Err(GateError::EngineHalted);
        };
        let receipt = if self.engine.has_records() { Some(self.hand_over(gate)?) } else { None };
        Ok((answer, receipt))
    }

    /// Gives the records to the journal, and a checkpoint when one is due.
    fn hand_over(&mut self, gate: &Gate) -> Result<Receipt, GateError> {
        let taken = gate.journal.append(self.engine.outbox()).and_then(|receipt| {
            if gate.journal.wants_checkpoint() {
                let Receipt { through, .. } = self.take_checkpoint(gate)?;
                return Ok(Receipt { through, ..receipt });
            }
            Ok(receipt)
        });
        taken.map_err(|error| self.lose(error))
    }

    /// Stops for a record that could not be kept.
    fn lose(&mut self, error: JournalError) -> GateError {
        self.stopped.get_or_insert_with(|| GateError::RecordLost(error.clone()));
        GateError::Journal(error)
    }

    fn take_checkpoint(&mut self, gate: &Gate) -> Result<Receipt, JournalError> {
        self.engine.tell();
        let (sequence, state) = (self.engine.sequence(), self.engine.checkpoint());
        // INVARIANT: noting a hash books nothing that could overflow.
        let _ = self.engine.note_checkpoint(hash_of(&[&state]));
        let receipt = gate.journal.append(self.engine.outbox())?;
        gate.journal.put_checkpoint(sequence, state);
        Ok(receipt)
    }
}

/// The gate of one vault: the only thing that can approve an order for it.
pub struct Gate {
    /// Tells apart gates of one process that share a vault id.
    number: u64,
    vault_id: Arc<str>,
    clock: Arc<dyn Clock>,
    journal: Box<dyn Journal>,
    inner: Mutex<Inner>,
}

impl Gate {
    /// A new vault, recorded in a journal that is empty, with keys of its own for as long as it lives.
    pub fn new(
        vault_id: &str,
        limits: Limits,
        clock: Arc<dyn Clock>,
        journal: Box<dyn Journal>,
    ) -> Result<Self, GateError> {
        let engine = Engine::new(vault_id, limits, clock.now())?;
        let gate = Self::over(engine, Wallet::unmade(), clock, journal);
        gate.operate(|_| ())?;
        Ok(gate)
    }

    fn over(engine: Engine, wallet: Wallet, clock: Arc<dyn Clock>, journal: Box<dyn Journal>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let vault_id = engine.vault_id().into();
        let wallet = Arc::new(wallet);
        let inner = Inner { engine, wallet, first_key: None, stopped: None, is_closed: false };
        Self { number, vault_id, clock, journal, inner: Mutex::new(inner) }
    }

    /// Does an operation, and answers when the records of it are safe.
    #[inline]
    fn operate<T>(&self, operation: impl FnOnce(&mut Engine) -> T) -> Result<T, GateError> {
        let (answer, receipt) = self.inner.lock().operate(self, operation)?;
        self.settle(receipt)?;
        Ok(answer)
    }

    /// An operation that can itself be refused.
    fn attempt<T>(&self, operation: impl FnOnce(&mut Engine) -> Result<T, Refusal>) -> Result<T, GateError> {
        self.operate(operation)?.map_err(GateError::Refused)
    }

    /// Waits until the records of an operation are safe; a gate whose records are lost stops.
    #[inline]
    pub fn settle(&self, receipt: Option<Receipt>) -> Result<(), GateError> {
        let Some(receipt) = receipt else { return Ok(()) };
        self.journal.sync(receipt.through).map_err(|error| self.inner.lock().lose(error))
    }

    /// The vault's id.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// Whether the records outlive the process: then most calls wait for the disk.
    #[inline]
    pub fn is_durable(&self) -> bool {
        self.journal.is_durable()
    }

    /// Judges an order and changes nothing; what followed from the clock meanwhile is to be settled before the answer
    /// is given.
    #[inline]
    pub fn validate(&self, terms: &Terms, client_order_id: Option<&str>, origin: Origin) -> (Verdict, Option<Receipt>) {
        let judged = self.inner.lock().operate(self, |engine| {
            let mask = engine.judge(terms, client_order_id, origin);
            let evidence = if mask.0 == 0 { None } else { Some(Box::new(engine.evidence(terms, client_order_id))) };
            Verdict { mask, evidence, stopped: None }
        });
        judged.unwrap_or_else(|why| {
            let mask = Mask(Mask::ENGINE_HALTED);
            (Verdict { mask, evidence: None, stopped: Some(Box::new(why)) }, None)
        })
    }

    /// Decides on an order, reserves for it, records the decision, and only then signs and hands out the approval.
    ///
    /// An identical repeat of a client order id gives the first decision, also after a crash, and takes nothing.
    pub fn authorize(&self, order: &Arc<Order>, origin: Origin) -> Result<Decided, GateError> {
        let mut is_other = false;
        loop {
            let mut inner = self.inner.lock();
            let asked = Arc::clone(order);
            let (answer, receipt) = inner.operate(self, |engine| engine.authorize(asked, origin, is_other))?;
            let wallet = Arc::clone(&inner.wallet);
            drop(inner);
            self.settle(receipt)?;
            let (ruling, proof) = match answer? {
                Answer::Decided { ruling, approved } => (ruling, approved),
                Answer::Seen(sequence) => {
                    let (first, stamp) = self.decision(sequence)?;
                    if first.order == *order && first.origin == origin {
                        return self.repeat((first, stamp), wallet);
                    }
                    is_other = true;
                    continue;
                }
            };
            let (Some(proof), Some(stamp)) = (proof, receipt.and_then(|receipt| receipt.decision)) else {
                return Ok(Decided { ruling, approval: None });
            };
            let decision = (Arc::clone(&ruling), stamp);
            let approval = Approval::issue(self.number, Arc::clone(&self.vault_id), decision, wallet, proof);
            if self.is_durable() {
                approval.signature()?;
            }
            return Ok(Decided { ruling, approval: Some(Arc::new(approval)) });
        }
    }

    /// The first decision again, with its approval as long as it has not expired; used, it stays used.
    fn repeat(&self, decision: (Arc<Ruling>, Stamp), wallet: Arc<Wallet>) -> Result<Decided, GateError> {
        let ruling = Arc::clone(&decision.0);
        let is_approved = ruling.outcome() == Outcome::Approved;
        let is_open = is_approved && self.operate(|engine| ruling.expires > engine.now())?;
        let approval =
            is_open.then(|| Arc::new(Approval::reissue(self.number, Arc::clone(&self.vault_id), decision, wallet)));
        if let Some(approval) = approval.as_ref().filter(|_| self.is_durable()) {
            approval.signature()?;
        }
        Ok(Decided { ruling, approval })
    }

    /// The decision of a record, and its place in the chain.
    fn decision(&self, sequence: u64) -> Result<(Arc<Ruling>, Stamp), GateError> {
        self.journal.sync(sequence)?;
        let found = self.journal.read(sequence.saturating_sub(1), 1)?.pop();
        match found {
            Some(Entry { record: Record { event: Event::Decided(ruling), .. }, stamp })
                if ruling.sequence == sequence =>
            {
                Ok((ruling, stamp))
            }
            _ => Err(ApprovalRefusal::Unknown.into()),
        }
    }

    /// Uses an approval; gives the order that may go to the venue, exactly as it was approved.
    pub fn redeem(&self, approval: &Approval) -> Result<Redeemed, GateError> {
        if !approval.is_of(self.number) {
            return self.redeem_token(&approval.token()?);
        }
        let signature = approval.known_signature();
        self.attempt(|engine| engine.redeem(approval.sequence(), signature))?;
        Ok(Redeemed::new(Arc::clone(approval.order())))
    }

    /// Uses an approval that comes as bytes: signed by this vault's wallet, and saying what the journal says.
    pub fn redeem_token(&self, token: &[u8]) -> Result<Redeemed, GateError> {
        let signed = SignedApproval::parse(token)?;
        // Signed at the decision, or anew for an identical repeat since.
        let [then, now] = [self.wallet_at(signed.sequence)?, self.wallet_at(u64::MAX)?];
        signed.check(&then, &self.vault_id).or_else(|_| signed.check(&now, &self.vault_id))?;
        let (ruling, stamp) = self.decision(signed.sequence)?;
        signed.agrees_with(&ruling, &stamp)?;
        self.attempt(|engine| engine.redeem(signed.sequence, Some(signed.signature())))?;
        Ok(Redeemed::new(Arc::clone(&ruling.order)))
    }

    /// Records that a model chose to do nothing.
    pub fn hold(&self, asset: Option<Asset>, confidence: Nano, reasoning: &str) -> Result<u64, GateError> {
        self.attempt(|engine| engine.hold(asset, confidence, reasoning))
    }

    /// The largest quantity for which the order would be approved.
    pub fn max_quantity(
        &self,
        terms: &Terms,
        client_order_id: Option<&str>,
        origin: Origin,
    ) -> Result<Nano, GateError> {
        self.operate(|engine| engine.max_quantity(terms, client_order_id, origin))
    }

    /// The largest quantity that each rule lets pass.
    pub fn headroom(&self, asset: Asset, side: Side) -> Result<Vec<(&'static str, Option<Nano>)>, GateError> {
        self.operate(|engine| engine.headroom(asset, side))
    }

    /// One instant for many orders in these assets, to be judged without the lock.
    pub fn batch(&self, assets: &[Asset]) -> Result<Batch, GateError> {
        self.operate(|engine| Batch {
            vault: engine.frozen(),
            assets: assets.iter().map(|asset| engine.frozen_asset(asset)).collect(),
        })
    }
}

/// The facts of one instant, for many orders.
#[derive(Clone, Debug)]
pub struct Batch {
    vault: Frozen,
    assets: Vec<FrozenAsset>,
}

impl Batch {
    /// The facts for an order in the asset at an index of those that were asked for.
    #[inline]
    pub fn facts(&self, index: usize) -> Option<Facts<'_>> {
        Some(self.vault.facts(self.assets.get(index)?))
    }
}

#[cfg(test)]
mod tests;
