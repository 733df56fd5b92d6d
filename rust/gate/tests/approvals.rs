//! Approvals, withdrawals and reactivations as tokens: for one vault, by one key, once, in time, also over a restart.

mod vault;

use std::sync::Arc;

use gxrisk_core::engine::{ApprovalRefusal, ReactivationRefusal, Refusal, WithdrawalRefusal};
use gxrisk_core::time::Span;
use gxrisk_core::{Limits, Origin, Time, TradingState};
use gxrisk_gate::custody::{OwnerKey, Passphrase, ReactivationRequest, RequestError, WithdrawalRequest};
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, SignedApproval};
use vault::{START, Scratch, VAULT, clock, fund, limits, open, order};

const TTL: Span = Span::seconds(5);

fn create(storage: &Storage, owner_key: Option<[u8; 32]>) -> Gate {
    let custody = Custody { passphrase: None, owner_key };
    let gate = Gate::create(storage, VAULT, limits(), clock(), &custody).unwrap();
    fund(&gate).unwrap();
    gate
}

/// As after a crash: nothing was closed.
fn opened_again(storage: &Storage, gate: Gate) -> Gate {
    drop(gate);
    open(storage, &clock()).unwrap().0
}

fn token(gate: &Gate) -> Vec<u8> {
    gate.authorize(&order(None), Origin::Agent).unwrap().approval.unwrap().token().unwrap()
}

fn refused(refusal: ApprovalRefusal) -> GateError {
    GateError::Refused(Refusal::Approval(refusal))
}

#[test]
fn a_token_is_good_for_its_vault_and_by_its_key() {
    let scratch = Scratch::new("approvals");
    let gate = create(&scratch.storage(), None);
    let signed = SignedApproval::parse(&token(&gate)).unwrap();
    let wallet = gate.wallet_key().unwrap();
    assert_eq!(signed.check(&wallet, VAULT), Ok(()));
    assert_eq!(signed.check(&wallet, "other"), Err(ApprovalRefusal::Vault));
    gate.rotate_keys(None).unwrap();
    assert_eq!(signed.check(&gate.wallet_key().unwrap(), VAULT), Err(ApprovalRefusal::Signature));
}

#[test]
fn a_token_that_was_changed_is_refused_and_the_true_one_still_good() {
    let scratch = Scratch::new("approvals");
    let gate = create(&scratch.storage(), None);
    let token = token(&gate);
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] ^= 1;
        assert!(gate.redeem_token(&changed).is_err(), "byte {at}");
    }
    assert!(gate.redeem_token(&token).is_ok());
}

#[test]
fn an_approval_is_used_once_also_over_a_restart() {
    let scratch = Scratch::new("approvals");
    let storage = scratch.storage();
    let gate = create(&storage, None);
    let [used, unused] = [token(&gate), token(&gate)];
    gate.redeem_token(&used).unwrap();
    assert_eq!(gate.redeem_token(&used), Err(refused(ApprovalRefusal::Used)));
    let gate = opened_again(&storage, gate);
    assert_eq!(gate.redeem_token(&used), Err(refused(ApprovalRefusal::Used)));
    assert!(gate.redeem_token(&unused).is_ok());
}

#[test]
fn an_approval_is_good_until_its_expiry_and_not_at_it() {
    let clock = clock();
    let gate = Gate::in_memory(VAULT, Limits::for_tier("growth").unwrap(), Arc::clone(&clock) as _, None).unwrap();
    fund(&gate).unwrap();
    let [in_time, late, repeated] = ["a", "b", "c"].map(|id| {
        let decided = gate.authorize(&order(Some(id)), Origin::Agent).unwrap();
        decided.approval.unwrap()
    });
    clock.set(START.after(TTL).before(Span::from_nanos(1)));
    assert!(gate.redeem(&in_time).is_ok());
    assert!(gate.authorize(&order(Some("c")), Origin::Agent).unwrap().approval.is_some(), "a repeat in time");
    clock.set(START.after(TTL));
    assert_eq!(gate.redeem(&late), Err(refused(ApprovalRefusal::Expired)));
    let again = gate.authorize(&order(Some("c")), Origin::Agent).unwrap();
    assert_eq!((again.ruling.sequence, again.approval.is_none()), (repeated.sequence(), true));
}

#[test]
fn an_approval_is_void_once_the_vault_is_stricter() {
    let gate = Gate::in_memory(VAULT, limits(), clock(), None).unwrap();
    fund(&gate).unwrap();
    let approval = gate.authorize(&order(None), Origin::Agent).unwrap().approval.unwrap();
    gate.pause().unwrap();
    assert_eq!(gate.redeem(&approval), Err(refused(ApprovalRefusal::Stricter)));
    gate.resume().unwrap();
    assert!(gate.redeem(&approval).is_ok());
}

#[test]
fn a_withdrawal_is_the_owners_for_one_vault_and_once_also_over_a_restart() {
    let scratch = Scratch::new("approvals");
    let storage = scratch.storage();
    let passphrase = Passphrase::new("correct horse battery staple".to_owned()).unwrap();
    let owner = OwnerKey::create(&scratch.0.join("owner.key"), "Ann", &passphrase).unwrap();
    let sign = |vault_id: &str, amount: i128, nonce: u8, expires: Time| {
        let request = WithdrawalRequest::new(vault_id, amount, "bank", [nonce; 16], expires.nanos()).unwrap();
        owner.sign_withdrawal(&request)
    };
    let later = START.after(TTL);
    let gate = create(&storage, Some(owner.public()));
    let token = sign(VAULT, 1_000_000_000, 1, later);
    let mut changed = token.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(gate.withdraw(&changed), Err(GateError::Withdrawal(RequestError::Signature { what: "withdrawal" })));
    let (seen, expected) = ("other".to_owned(), VAULT.to_owned());
    let elsewhere = RequestError::Vault { what: "withdrawal", seen, expected };
    assert_eq!(gate.withdraw(&sign("other", 1, 2, later)), Err(GateError::Withdrawal(elsewhere)));
    let expired = GateError::Refused(WithdrawalRefusal::Expired(START).into());
    assert_eq!(gate.withdraw(&sign(VAULT, 1, 3, START)), Err(expired));
    assert!(gate.withdraw(&token).is_ok());
    let replayed = GateError::Refused(WithdrawalRefusal::Replayed.into());
    assert_eq!(gate.withdraw(&token), Err(replayed.clone()));
    let gate = opened_again(&storage, gate);
    assert_eq!(gate.withdraw(&token), Err(replayed));
    assert_eq!(gate.view().unwrap().account.equity.to_string(), "999999");
}

#[test]
fn a_reactivation_is_the_owners_for_one_stop_of_one_vault_also_over_a_restart() {
    let scratch = Scratch::new("approvals");
    let storage = scratch.storage();
    let passphrase = Passphrase::new("correct horse battery staple".to_owned()).unwrap();
    let [owner, next] =
        ["owner", "next"].map(|name| OwnerKey::create(&scratch.0.join(name), name, &passphrase).unwrap());
    let sign = |key: &OwnerKey, vault_id: &str, ends: Option<u64>, rebase: bool, expires: Time| {
        let request = ReactivationRequest::new(vault_id, ends.unwrap(), rebase, expires.nanos()).unwrap();
        key.sign_reactivation(&request)
    };
    let no = |refusal: ReactivationRefusal| Err(GateError::Refused(refusal.into()));
    let what = "reactivation";
    let later = START.after(TTL);
    let gate = create(&storage, Some(owner.public()));
    gate.kill("a drill").unwrap();
    let stop = gate.stopped_by().unwrap();
    let token = sign(&owner, VAULT, stop, false, later);
    let mut changed = token.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(gate.reactivate(false, None), no(ReactivationRefusal::Unsigned));
    let forged = Err(GateError::Reactivation(RequestError::Signature { what }));
    assert_eq!(gate.reactivate(false, Some(&changed)), forged);
    assert_eq!(gate.reactivate(false, Some(&sign(&next, VAULT, stop, false, later))), forged);
    let (seen, expected) = ("other".to_owned(), VAULT.to_owned());
    let elsewhere = Err(GateError::Reactivation(RequestError::Vault { what, seen, expected }));
    assert_eq!(gate.reactivate(false, Some(&sign(&owner, "other", stop, false, later))), elsewhere);
    assert_eq!(gate.reactivate(true, Some(&token)), no(ReactivationRefusal::Rebase(false)));
    let expired = sign(&owner, VAULT, stop, false, START);
    assert_eq!(gate.reactivate(false, Some(&expired)), no(ReactivationRefusal::Expired(START)));
    assert_eq!(gate.state(), TradingState::Halted);
    // As good after a restart as before, and once.
    let gate = opened_again(&storage, gate);
    assert_eq!(gate.reactivate(false, Some(&token)), Ok(()));
    assert_eq!(gate.state(), TradingState::Active);
    let over = |stop: Option<u64>, ends: Option<u64>| no(ReactivationRefusal::OtherStop { ends: ends.unwrap(), stop });
    assert_eq!(gate.reactivate(false, Some(&token)), over(None, stop));
    let gate = opened_again(&storage, gate);
    assert_eq!(gate.reactivate(false, Some(&token)), over(None, stop));
    gate.kill("for good").unwrap();
    let again = gate.stopped_by().unwrap();
    assert_eq!(gate.reactivate(false, Some(&token)), over(again, stop));
    // What the key before signed is nothing to the next owner's vault.
    let by_the_old_one = sign(&owner, VAULT, again, false, later);
    gate.rotate_owner_key(next.public(), &owner.sign_successor(VAULT, &next.public()).unwrap()).unwrap();
    assert_eq!(gate.reactivate(false, Some(&by_the_old_one)), forged);
    assert_eq!(gate.reactivate(false, Some(&sign(&next, VAULT, again, false, later))), Ok(()));
    drop(gate);
    assert_eq!(JournalReader::open(&storage).unwrap().verify(None, |_| true).unwrap().signatures, 3);
}
