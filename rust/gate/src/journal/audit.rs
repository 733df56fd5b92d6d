//! Reading a journal without writing: its records, its head, and whether all of it follows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::engine::VaultView;
use gxrisk_core::event::{Consent, Keys, Ruling, Withdrawal};
use gxrisk_core::{Engine, Event, Outcome, Record};

use crate::approval::message;
use crate::custody::{
    HeadMessage, ReactivationRequest, SignedReactivation, SignedWithdrawal, WithdrawalRequest, check_successor, verify,
};

use super::frame::{Hex, check, hash_of, unframed};
use super::recovery::{Chain, rebuild};
use super::store::Store;
use super::{Entry, Hash, JournalError, Stamp, Storage};

/// The place where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose chain.
    pub vault_id: String,
    /// The last record.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// The hash of the chain up to it.
    pub hash: Hash,
    /// The public key that signed this.
    pub key: Option<[u8; 32]>,
    /// Its signature.
    pub signature: Option<[u8; 64]>,
}

impl Head {
    /// A head that nobody signed yet.
    pub fn unsigned(vault_id: &str, sequence: u64, stamp: &Stamp) -> Self {
        let Stamp { epoch, hash } = *stamp;
        Self { vault_id: vault_id.to_owned(), sequence, epoch, hash, key: None, signature: None }
    }

    /// The canonical bytes that are signed, after their domain.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(self.vault_id.len()).unwrap_or(u8::MAX)];
        bytes.extend_from_slice(self.vault_id.as_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes
    }
}

/// What a whole verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where the chain ends.
    pub head: Head,
    /// Decisions that were worked out again.
    pub decisions: u64,
    /// How many of them were approvals.
    pub approvals: u64,
    /// Signatures that were checked.
    pub signatures: u64,
    /// Checkpoints that the replay came to, too.
    pub checkpoints: u64,
    /// SHA-256 of the state that the records rebuild.
    pub state: Hash,
}

/// A journal that is open for reading.
#[derive(Debug)]
pub struct JournalReader {
    store: Store,
    path: PathBuf,
    vault_id: String,
}

impl JournalReader {
    /// Opens a journal, also while a gate writes on it.
    pub fn open(storage: &Storage) -> Result<Self, JournalError> {
        if storage.vfs.is_none() && !storage.path.exists() {
            return Err(JournalError::Missing(storage.path.clone()));
        }
        let store = Store::open_to_read(storage)?;
        let (vault_id, _) = store.owner()?;
        Ok(Self { store, path: storage.path.clone(), vault_id })
    }

    /// Whose journal it is.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// At most so many records after a sequence.
    pub fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        entries(&self.store, &self.path, after, max)
    }

    /// The place where the chain ends, every hash checked.
    pub fn head(&self) -> Result<Head, JournalError> {
        self.head_and_keys(|_| true).map(|(head, _)| head)
    }

    /// The same with the vault's keys that are in force there. Each record that passed is told, until the listener wants
    /// no more.
    pub fn head_and_keys(&self, mut passed: impl FnMut(u64) -> bool) -> Result<(Head, Option<Keys>), JournalError> {
        let mut chain = Chain::new(&self.path, &self.vault_id);
        let (mut limits, mut keys) = (None, None);
        self.store.scan(0, usize::MAX, |sequence, frame, hash| {
            chain.step(sequence, frame, hash)?;
            let record = unframed(frame, &mut limits).map_err(|fault| chain.fault(sequence, fault))?;
            if let Event::KeysSet(set) = record.event {
                keys = Some(set);
            }
            if passed(sequence) { Ok(()) } else { Err(JournalError::Stopped(sequence)) }
        })?;
        Ok((self.head_of(&chain), keys))
    }

    /// The engine that the records rebuild.
    pub fn engine(&self) -> Result<Engine, JournalError> {
        rebuild(&self.store, &self.path, None).map(|rebuilt| rebuilt.engine)
    }

    /// The vault as it was after a record (the last one where there are fewer), rebuilt from the records alone: which
    /// record that was, what was seen, and the hash of the whole state. Each record is told, as by `verify`.
    pub fn replay(
        &self,
        until: u64,
        mut passed: impl FnMut(u64) -> bool,
    ) -> Result<(u64, VaultView, Hash), JournalError> {
        let mut chain = Chain::new(&self.path, &self.vault_id);
        let (mut rebuilt, mut limits) = (None::<Engine>, None);
        let most = usize::try_from(until).unwrap_or(usize::MAX);
        self.store.scan(0, most, |sequence, frame, hash| {
            chain.step(sequence, frame, hash)?;
            let record = unframed(frame, &mut limits).map_err(|fault| chain.fault(sequence, fault))?;
            let follows = if let Some(engine) = &mut rebuilt {
                engine.follow(&record).is_some()
            } else {
                rebuilt = Engine::begun(&record);
                rebuilt.is_some()
            };
            if !follows {
                return Err(chain.damaged(sequence, "it does not follow from the records before it"));
            }
            if passed(sequence) { Ok(()) } else { Err(JournalError::Stopped(sequence)) }
        })?;
        let Some(engine) = rebuilt else { return Err(chain.damaged(1, "there is no record")) };
        Ok((chain.last, engine.view(), hash_of(&[&engine.checkpoint()])))
    }

    fn head_of(&self, chain: &Chain) -> Head {
        Head::unsigned(&self.vault_id, chain.last, &Stamp { epoch: chain.epoch, hash: chain.head })
    }

    /// Checks everything: each hash, each signature, each decision worked out again from its record, the state rebuilt;
    /// and, with a head that was kept elsewhere, that nothing was cut off before it. Each record that passed is told, until
    /// the listener wants no more.
    pub fn verify(&self, kept: Option<&Head>, mut passed: impl FnMut(u64) -> bool) -> Result<Verified, JournalError> {
        let mut chain = Chain::new(&self.path, &self.vault_id);
        let mut audit = Audit::default();
        let (mut limits, mut hash_at_kept) = (None, None);
        self.store.scan(0, usize::MAX, |sequence, frame, hash| {
            chain.step(sequence, frame, hash)?;
            let record = unframed(frame, &mut limits).map_err(|fault| chain.fault(sequence, fault))?;
            audit.follow(&chain, &record)?;
            if kept.is_some_and(|kept| kept.sequence == sequence) {
                hash_at_kept = Some(chain.head);
            }
            if passed(sequence) { Ok(()) } else { Err(JournalError::Stopped(sequence)) }
        })?;
        let Some(engine) = audit.engine else { return Err(chain.damaged(1, "there is no record")) };
        if let Some(kept) = kept {
            self.find(kept, hash_at_kept, &engine)?;
        }
        let state = hash_of(&[&engine.checkpoint()]);
        let Audit { decisions, approvals, signatures, checkpoints, .. } = audit;
        Ok(Verified { head: self.head_of(&chain), decisions, approvals, signatures, checkpoints, state })
    }

    /// Whether a head that was kept elsewhere lies on the chain, and is signed by the key that the journal names.
    fn find(&self, kept: &Head, hash: Option<Hash>, engine: &Engine) -> Result<(), JournalError> {
        let missing =
            |what: String| Err(JournalError::HeadMissing { path: self.path.clone(), sequence: kept.sequence, what });
        if kept.vault_id != self.vault_id {
            return missing(format!("the head is of vault {:?}, the journal of {:?}", kept.vault_id, self.vault_id));
        }
        match hash {
            None => return missing("records were cut off the end".to_owned()),
            Some(hash) if hash != kept.hash => {
                return missing(format!("there its hash is {}, in the head {}", Hex(&hash), Hex(&kept.hash)));
            }
            Some(_) => {}
        }
        if let Some(signature) = &kept.signature {
            let key = engine.keys_at(kept.sequence).map(|keys| keys.head);
            let message = HeadMessage::new(&kept.message());
            if !key.is_some_and(|key| kept.key == Some(key) && verify(&key, message.bytes(), signature)) {
                return missing("its signature is not by the head key that the journal names".to_owned());
            }
        }
        Ok(())
    }
}

/// What a verification keeps from record to record.
#[derive(Default)]
struct Audit {
    engine: Option<Engine>,
    /// Approvals that may still be used, with their place in the chain.
    open: BTreeMap<u64, (Arc<Ruling>, Stamp)>,
    decisions: u64,
    approvals: u64,
    signatures: u64,
    checkpoints: u64,
}

impl Audit {
    fn follow(&mut self, chain: &Chain, record: &Record) -> Result<(), JournalError> {
        let Record { sequence, event, .. } = record;
        let damaged = |what: &str| Err(chain.damaged(*sequence, what));
        let Some(mut engine) = self.engine.take() else {
            self.engine = Engine::begun(record);
            return if self.engine.is_some() { Ok(()) } else { damaged("it does not open a vault") };
        };
        match event {
            Event::Decided(ruling) => {
                self.decisions += 1;
                if ruling.decided_again() != ruling.mask {
                    return damaged("its decision does not follow from what it was decided on");
                }
                if !engine.agrees_with(ruling) {
                    return damaged("what it was decided on is not what the records before it come to");
                }
                if ruling.outcome() == Outcome::Approved {
                    self.approvals += 1;
                    let stamp = Stamp { epoch: chain.epoch, hash: chain.head };
                    self.open.insert(*sequence, (Arc::clone(ruling), stamp));
                }
            }
            Event::Redeemed { order, signature: Some(signature) } => {
                // An identical repeat may have been signed anew, after a change of keys.
                let keys = [engine.keys_at(*order), engine.keys_at(*sequence)];
                let approval = self.open.get(order);
                let told = approval.map(|(ruling, stamp)| message(engine.vault_id(), ruling, stamp));
                let is_by =
                    |wallet: &[u8; 32]| told.as_ref().is_some_and(|told| verify(wallet, told.bytes(), signature));
                if !keys.into_iter().flatten().any(|keys| is_by(&keys.wallet)) {
                    return damaged("the approval that was used is not signed by the vault's wallet");
                }
                self.signatures += 1;
                self.open.remove(order);
            }
            Event::Expired { order } | Event::Cancelled { order } | Event::Failed { order, .. } => {
                self.open.remove(order);
            }
            Event::Withdrawn(withdrawal) => {
                if !is_signed(&engine, withdrawal) {
                    return damaged("the withdrawal is not signed by the owner");
                }
                self.signatures += 1;
            }
            Event::Reactivated { rebase, consent } => {
                let is_right = match (engine.owner_key(), consent) {
                    (None, None) => true,
                    (Some(owner), Some(consent)) => {
                        self.signatures += 1;
                        let is_in_time = record.time < consent.expires;
                        is_in_time && ends_the_stop(&engine, owner, rebase.is_some(), consent)
                    }
                    _ => false,
                };
                if !is_right {
                    return damaged("the reactivation is not signed by the owner for the stop that it ended");
                }
            }
            Event::OwnerKeySet { key, signature } => {
                let is_right = match (engine.owner_key(), signature) {
                    (None, None) => true,
                    (Some(owner), Some(signature)) => {
                        self.signatures += 1;
                        let was_owner = engine.owner_keys().contains(key);
                        !was_owner && check_successor(owner, engine.vault_id(), key, signature)
                    }
                    _ => false,
                };
                if !is_right {
                    return damaged("the owner's new key is not signed by the one before");
                }
            }
            Event::Checkpointed { digest } => {
                if hash_of(&[&engine.checkpoint()]) != *digest {
                    return damaged("the checkpoint that it tells of is not what the records before it come to");
                }
                self.checkpoints += 1;
            }
            _ => {}
        }
        if engine.follow(record).is_none() {
            return damaged("it does not follow on the records before it");
        }
        self.engine = Some(engine);
        Ok(())
    }
}

fn is_signed(engine: &Engine, withdrawal: &Withdrawal) -> bool {
    let Withdrawal { amount, destination, nonce, expires, signature } = withdrawal;
    let vault_id = engine.vault_id();
    let request = WithdrawalRequest::new(vault_id, amount.raw(), destination, *nonce, expires.nanos());
    let signed = request.map(|request| SignedWithdrawal::of(request, *signature));
    let owner = engine.owner_key();
    owner.zip(signed.ok()).is_some_and(|(owner, signed)| signed.check(owner, vault_id).is_ok())
}

fn ends_the_stop(engine: &Engine, owner: &[u8; 32], rebase: bool, consent: &Consent) -> bool {
    let Consent { ends, expires, signature } = consent;
    let request = ReactivationRequest::new(engine.vault_id(), *ends, rebase, expires.nanos());
    let signed = request.map(|request| SignedReactivation::of(request, *signature));
    engine.stopped_by() == Some(*ends) && signed.is_ok_and(|signed| signed.check(owner, engine.vault_id()).is_ok())
}

/// At most so many records of a file, as they were kept.
pub(super) fn entries(store: &Store, path: &Path, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
    let (mut found, mut limits) = (Vec::new(), None);
    store.scan(after, max, |sequence, frame, hash| {
        let damaged = |what: &str| JournalError::Damaged { path: path.to_owned(), sequence, what: what.to_owned() };
        let epoch = check(frame).map_err(|_| damaged("it cannot be read"))?;
        let record = unframed(frame, &mut limits).map_err(|_| damaged("it cannot be read"))?;
        let hash = Hash::try_from(hash).map_err(|_| damaged("its hash is not 32 bytes long"))?;
        found.push(Entry { record, stamp: Stamp { epoch, hash } });
        Ok(())
    })?;
    Ok(found)
}
