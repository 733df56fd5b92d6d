//! What outlives the process: opening and closing a vault's journal, its keys, and what its owner signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::engine::ReactivationRefusal;
use gxrisk_core::event::{Consent, Keys, Withdrawal};
use gxrisk_core::{Engine, Limits, Nano, Time};

use crate::attestation::Attestation;
use crate::clock::Clock;
use crate::custody::{
    CustodyError, HeadMessage, Passphrase, SignedReactivation, SignedWithdrawal, VaultKeys, check_successor,
};
use crate::journal::{FileJournal, Head, JournalError, MemoryJournal, Opened, Recovery, Storage, beside};

use crate::wallet::Wallet;

use super::{Gate, GateError};

/// Who may sign for a vault, beside its gate.
#[derive(Debug, Default)]
pub struct Custody {
    /// Seals the vault's keys in a file beside the journal; without one they live as long as the gate.
    pub passphrase: Option<Passphrase>,
    /// The public half of the owner's master key; without one nothing can be withdrawn, and no reactivation is signed.
    pub owner_key: Option<[u8; 32]>,
}

/// The sealed keys of a journal's vault.
pub fn key_path(journal: &Path) -> PathBuf {
    beside(journal, ".key")
}

/// Whether sealed keys lie beside a journal, those of a rotation that was cut short included.
fn is_sealed(keys: &Path) -> bool {
    keys.exists() || beside(keys, ".next").exists()
}

/// The keys of a vault that had none at rest: sealed like those of a rotation, beside their place until the journal
/// names them, so that a crash in between shuts nobody out.
fn first_sealed(
    path: &Path,
    vault_id: &str,
    passphrase: &Passphrase,
    known: Option<Keys>,
) -> Result<VaultKeys, GateError> {
    let next = beside(path, ".next");
    if next.exists() {
        match VaultKeys::open(path, vault_id, passphrase, known.map(|keys| keys.wallet)) {
            // The journal names others, which were never sealed: this making was cut short.
            Err(CustodyError::OtherKeys { .. }) => {}
            opened => return Ok(opened?),
        }
        if let Err(error) = std::fs::remove_file(&next) {
            return Err(CustodyError::Io { path: next, action: "remove", cause: error.to_string() }.into());
        }
    }
    Ok(VaultKeys::create(&next, vault_id, passphrase)?)
}

impl Gate {
    /// A new vault whose records live as long as the gate.
    pub fn in_memory(
        vault_id: &str,
        limits: Limits,
        clock: Arc<dyn Clock>,
        owner_key: Option<[u8; 32]>,
    ) -> Result<Self, GateError> {
        let gate = Self::new(vault_id, limits, clock, Box::<MemoryJournal>::default())?;
        if let Some(owner_key) = owner_key {
            gate.attempt(|engine| engine.set_owner_key(owner_key, None))?;
        }
        Ok(gate)
    }

    /// A new vault with a durable journal.
    pub fn create(
        storage: &Storage,
        vault_id: &str,
        limits: Limits,
        clock: Arc<dyn Clock>,
        custody: &Custody,
    ) -> Result<Self, GateError> {
        let mut engine = Engine::new(vault_id, limits, clock.now())?;
        let journal = FileJournal::create(storage, vault_id)?;
        let path = key_path(&storage.path);
        let keys = match &custody.passphrase {
            // Left by a making that was interrupted before its first record.
            Some(passphrase) if path.exists() => VaultKeys::open(&path, vault_id, passphrase, None)?,
            Some(passphrase) => VaultKeys::create(&path, vault_id, passphrase)?,
            None => VaultKeys::generate()?,
        };
        engine.set_keys(public_halves(&keys))?;
        if let Some(owner_key) = custody.owner_key {
            engine.set_owner_key(owner_key, None)?;
        }
        let gate = Self::over(engine, Wallet::holding(keys), clock, Box::new(journal));
        gate.operate(|_| ())?;
        Ok(gate)
    }

    /// Opens a vault again, exactly as its records leave it.
    pub fn open(
        storage: &Storage,
        clock: Arc<dyn Clock>,
        passphrase: Option<&Passphrase>,
    ) -> Result<(Self, Recovery), GateError> {
        let Opened { journal, engine, recovery } = FileJournal::open(storage)?;
        let vault_id = engine.vault_id().to_owned();
        let known = engine.keys_at(u64::MAX).copied();
        let path = key_path(&storage.path);
        let keys = match passphrase {
            Some(passphrase) if path.exists() => {
                VaultKeys::open(&path, &vault_id, passphrase, known.map(|keys| keys.wallet))?
            }
            Some(passphrase) => first_sealed(&path, &vault_id, passphrase, known)?,
            None if is_sealed(&path) => return Err(GateError::Sealed(path)),
            None => VaultKeys::generate()?,
        };
        let public = public_halves(&keys);
        let gate = Self::over(engine, Wallet::holding(keys), clock, Box::new(journal));
        gate.attempt(|engine| {
            engine.restart(recovery.epoch, recovery.dropped)?;
            if known == Some(public) { Ok(()) } else { engine.set_keys(public) }
        })?;
        if passphrase.is_some() {
            let wallet = Arc::clone(&gate.inner.lock().wallet);
            wallet.keys()?.promote(&path)?;
        }
        Ok((gate, recovery))
    }

    /// Closes the journal's files until they are needed again; its writer stays the only one. Where a process has more
    /// vaults than it may have files for, those that are idle for the longest time are parked without being asked.
    pub fn park(&self) {
        self.journal.park();
    }

    /// Ends the gate: what it knows is recorded, and the journal can be opened again.
    pub fn close(&self) -> Result<(), GateError> {
        let mut inner = self.inner.lock();
        if !self.is_durable() || inner.is_closed || inner.stopped.is_some() {
            inner.is_closed = true;
            self.journal.close();
            return Ok(());
        }
        let brought = inner.operate(self, |engine| engine.bring_to(Time::START));
        let taken = brought.and_then(|_| inner.take_checkpoint(self).map_err(GateError::Journal));
        inner.is_closed = true;
        drop(inner);
        let closed = taken.and_then(|receipt| self.settle(Some(receipt)));
        self.journal.close();
        closed
    }

    /// The public half of the key that signs approvals.
    pub fn wallet_key(&self) -> Result<[u8; 32], GateError> {
        let wallet = Arc::clone(&self.inner.lock().wallet);
        Ok(wallet.keys()?.wallet_public())
    }

    /// The wallet key that was in force when a record was written.
    pub(super) fn wallet_at(&self, sequence: u64) -> Result<[u8; 32], GateError> {
        let inner = self.inner.lock();
        match inner.engine.keys_at(sequence) {
            Some(keys) => Ok(keys.wallet),
            None => Ok(inner.first_key.unwrap_or(inner.wallet.keys()?.wallet_public())),
        }
    }

    /// The public half of the owner's master key.
    pub fn owner_key(&self) -> Option<[u8; 32]> {
        self.inner.lock().engine.owner_key().copied()
    }

    /// Makes new keys for the vault: recorded before they sign anything.
    pub fn rotate_keys(&self, passphrase: Option<&Passphrase>) -> Result<(), GateError> {
        let path = self.journal.path().map(key_path).filter(|path| is_sealed(path));
        let mut inner = self.inner.lock();
        let present = inner.wallet.keys()?.wallet_public();
        inner.first_key.get_or_insert(present);
        let keys = match (&path, passphrase) {
            (Some(path), Some(passphrase)) => inner.wallet.keys()?.rotate(path, &self.vault_id, passphrase)?,
            (Some(path), None) => return Err(GateError::Sealed(path.clone())),
            (None, _) => VaultKeys::generate()?,
        };
        let public = public_halves(&keys);
        let (set, receipt) = inner.operate(self, |engine| engine.set_keys(public))?;
        set?;
        // What is decided from here on is signed by the new keys, as the record says.
        let wallet = Arc::new(Wallet::holding(keys));
        inner.wallet = Arc::clone(&wallet);
        drop(inner);
        self.settle(receipt)?;
        if let Some(path) = &path {
            wallet.keys()?.promote(path)?;
        }
        Ok(())
    }

    /// Hands the vault to another master key, which the present one signs.
    pub fn rotate_owner_key(&self, key: [u8; 32], signature: &[u8; 64]) -> Result<(), GateError> {
        let owner = self.owner_key().ok_or(GateError::NoOwner)?;
        let was_owner = self.inner.lock().engine.owner_keys().contains(&key);
        // A signature for a key that was the owner's before would be an old one, played again.
        if was_owner || !check_successor(&owner, &self.vault_id, &key, signature) {
            return Err(GateError::NotSuccessor);
        }
        self.attempt(|engine| engine.set_owner_key(key, Some(*signature)))
    }

    /// Releases money to where the owner's signed request says; gives the destination and the amount.
    pub fn withdraw(&self, token: &[u8]) -> Result<(Box<str>, Nano), GateError> {
        let withdrawal = self.signed_withdrawal(token)?;
        let (destination, amount) = (withdrawal.destination.clone(), withdrawal.amount);
        self.attempt(|engine| engine.withdraw(withdrawal))?;
        Ok((destination, amount))
    }

    /// What the owner's signed request asks for, where it could be booked once the vault is flat and holds as much.
    pub fn check_withdrawal(&self, token: &[u8]) -> Result<Withdrawal, GateError> {
        let withdrawal = self.signed_withdrawal(token)?;
        self.operate(|engine| engine.check_request(&withdrawal))??;
        Ok(withdrawal)
    }

    fn signed_withdrawal(&self, token: &[u8]) -> Result<Withdrawal, GateError> {
        let signed = SignedWithdrawal::parse(token).map_err(GateError::Withdrawal)?;
        let owner = self.owner_key().ok_or(GateError::NoOwner)?;
        signed.check(&owner, &self.vault_id).map_err(GateError::Withdrawal)?;
        let (request, signature) = (signed.request(), *signed.signature());
        let (destination, amount) = (Box::<str>::from(request.destination()), Nano::from_raw(request.amount()));
        let (nonce, expires) = (request.nonce(), Time::from_nanos(request.expires()));
        Ok(Withdrawal { amount, destination, nonce, expires, signature })
    }

    /// Ends the kill and the drawdown breaker, or refuses as a whole: where the vault has an owner's key, by the owner's
    /// signed request for just this stop and this choice of a base.
    pub fn reactivate(&self, rebase: bool, token: Option<&[u8]>) -> Result<(), GateError> {
        let signed = token.map(SignedReactivation::parse).transpose().map_err(GateError::Reactivation)?;
        // Under one lock, so that the key is the owner's still when the stop ends.
        self.operate(|engine| {
            let consent = signed.map(|signed| consent(engine, rebase, &signed)).transpose()?;
            Ok(engine.reactivate(rebase, consent)?)
        })?
    }

    /// The record that stops the vault until its owner reactivates it: what a signed reactivation names.
    pub fn stopped_by(&self) -> Result<Option<u64>, GateError> {
        self.operate(|engine| engine.stopped_by())
    }

    /// The newest note on a topic with its place in the chain, signed by the head key.
    pub fn attest(&self, topic: &str) -> Result<Vec<u8>, GateError> {
        let note = self.notes()?.remove(topic).ok_or_else(|| GateError::NoNote(topic.to_owned()))?;
        self.journal.sync(note.sequence)?;
        let entry = self.journal.read(note.sequence.saturating_sub(1), 1)?.pop().ok_or(JournalError::Closed)?;
        let wallet = Arc::clone(&self.inner.lock().wallet);
        Ok(Attestation::of(&self.vault_id, note.sequence, &entry.stamp, topic, &note.text).signed(wallet.keys()?))
    }

    /// The head of the chain, signed: kept elsewhere, it shows later whether anything was cut off.
    pub fn head(&self) -> Result<Head, GateError> {
        self.operate(|_| ())?;
        let (sequence, wallet) = {
            let inner = self.inner.lock();
            (inner.engine.sequence(), Arc::clone(&inner.wallet))
        };
        self.journal.sync(sequence)?;
        let entry = self.journal.read(sequence.saturating_sub(1), 1)?.pop().ok_or(JournalError::Closed)?;
        let mut head = Head::unsigned(&self.vault_id, sequence, &entry.stamp);
        head.sign(wallet.keys()?);
        Ok(head)
    }
}

/// The owner's word, of which the engine need not know how it was signed.
fn consent(engine: &Engine, rebase: bool, signed: &SignedReactivation) -> Result<Consent, GateError> {
    let owner = engine.owner_key().ok_or(ReactivationRefusal::NoOwner)?;
    signed.check(owner, engine.vault_id()).map_err(GateError::Reactivation)?;
    let (request, signature) = (signed.request(), *signed.signature());
    if request.rebase() != rebase {
        return Err(ReactivationRefusal::Rebase(request.rebase()).into());
    }
    Ok(Consent { ends: request.ends(), expires: Time::from_nanos(request.expires()), signature })
}

fn public_halves(keys: &VaultKeys) -> Keys {
    Keys { wallet: keys.wallet_public(), head: keys.head_public() }
}

impl Head {
    /// Signs it.
    pub fn sign(&mut self, keys: &VaultKeys) {
        self.key = Some(keys.head_public());
        self.signature = Some(keys.sign_head(&HeadMessage::new(&self.message())));
    }
}
