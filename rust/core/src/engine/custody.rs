//! Keys, and what only the owner's signature does: money leaves once, in time, and from a flat vault; a stop ends.
//!
//! Signatures are checked before anything comes here: nothing in the core knows a cipher.

use std::collections::{BTreeMap, BTreeSet};

use crate::breakers::Breaker;
use crate::codec::coded_struct;
use crate::event::{Consent, Event, Keys, Withdrawal};
use crate::order::is_amount;

use super::{Engine, ReactivationRefusal, Refusal, WithdrawalRefusal, order_id};

/// What is known of keys, and of what was signed with them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Custody {
    /// The vault's own keys, by the record that set them.
    pub keys: BTreeMap<u64, Keys>,
    /// The public halves of the owner's master keys, the present one last.
    pub owner_keys: Vec<[u8; 32]>,
    /// Of the withdrawals that were booked.
    pub nonces: BTreeSet<[u8; 16]>,
    /// The last record that stopped the vault, by a kill or a drawdown; 0 where none ever did.
    pub stop: u64,
}
coded_struct!(Custody { keys, owner_keys, nonces, stop });

impl Engine {
    /// Sets the public halves of the vault's own keys.
    pub fn set_keys(&mut self, keys: Keys) -> Result<(), Refusal> {
        self.commit(Event::KeysSet(keys))
    }

    /// The keys in force when a record was written, the one that set them included.
    pub fn keys_at(&self, sequence: u64) -> Option<&Keys> {
        self.custody.keys.range(..=sequence).next_back().map(|(_, keys)| keys)
    }

    /// Sets the public half of the owner's master key.
    pub fn set_owner_key(&mut self, key: [u8; 32], signature: Option<[u8; 64]>) -> Result<(), Refusal> {
        self.commit(Event::OwnerKeySet { key, signature: signature.map(Box::new) })
    }

    /// The public half of the owner's master key.
    pub fn owner_key(&self) -> Option<&[u8; 32]> {
        self.custody.owner_keys.last()
    }

    /// All that ever were the owner's, the present one last.
    pub fn owner_keys(&self) -> &[[u8; 32]] {
        &self.custody.owner_keys
    }

    /// Books a withdrawal that the owner signed; everything withdrawn ends the drawdown breaker.
    pub fn withdraw(&mut self, withdrawal: Withdrawal) -> Result<(), Refusal> {
        self.check_withdrawal(&withdrawal)?;
        self.commit(Event::Withdrawn(Box::new(withdrawal)))?;
        if self.account.equity.is_zero() && self.latches.get(Breaker::Drawdown).is_some() {
            self.commit(Event::Ended { breaker: Breaker::Drawdown })?;
        }
        self.look();
        Ok(())
    }

    fn check_withdrawal(&self, withdrawal: &Withdrawal) -> Result<(), Refusal> {
        self.check_request(withdrawal)?;
        let unfinished = self.unfinished();
        if !unfinished.is_empty() {
            return Err(WithdrawalRefusal::NotFlat(unfinished.join(", ")).into());
        }
        if withdrawal.amount.widened().ok_or(Refusal::Overflow)? > self.account.equity {
            return Err(WithdrawalRefusal::Overdrawn(self.account.equity.to_string()).into());
        }
        Ok(())
    }

    /// Whether a withdrawal could be booked once the vault is flat and holds as much.
    pub fn check_request(&self, withdrawal: &Withdrawal) -> Result<(), Refusal> {
        let Withdrawal { amount, nonce, expires, .. } = withdrawal;
        if !is_amount(*amount) {
            return Err(WithdrawalRefusal::Amount.into());
        }
        if self.now >= *expires {
            return Err(WithdrawalRefusal::Expired(*expires).into());
        }
        if self.custody.nonces.contains(nonce) {
            return Err(WithdrawalRefusal::Replayed.into());
        }
        Ok(())
    }

    /// The record that stops the vault until the owner reactivates it: the newest kill or drawdown of those in force.
    ///
    /// A later kill is another record, so that nothing signed before it ends it.
    pub fn stopped_by(&self) -> Option<u64> {
        let is_stopped = self.account.killed || self.latches.get(Breaker::Drawdown).is_some();
        is_stopped.then_some(self.custody.stop)
    }

    /// Whether the owner asks, in time, for the end of what stops the vault now. Without an owner's key nobody is asked.
    pub(super) fn check_consent(&self, consent: Option<&Consent>) -> Result<(), ReactivationRefusal> {
        let consent = match (self.owner_key(), consent) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(ReactivationRefusal::NoOwner),
            (Some(_), None) => return Err(ReactivationRefusal::Unsigned),
            (Some(_), Some(consent)) => consent,
        };
        if self.now >= consent.expires {
            return Err(ReactivationRefusal::Expired(consent.expires));
        }
        match self.stopped_by() {
            Some(stop) if stop == consent.ends => Ok(()),
            stop => Err(ReactivationRefusal::OtherStop { ends: consent.ends, stop }),
        }
    }

    /// What is held and what works, by name.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let is_held = |slot: &u32| self.holdings.get(*slot as usize).is_some_and(|held| !held.position.is_zero());
        let mut held: Vec<_> =
            self.index.iter().filter(|(_, slot)| is_held(slot)).map(|(asset, _)| asset.to_string()).collect();
        held.sort_unstable();
        held.extend(self.working.iter().map(|order| order_id(*order)));
        held
    }
}
