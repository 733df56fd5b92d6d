//! Keys, approvals and repeats after a vault was closed, killed, or put back from a backup.

mod vault;

use std::sync::Arc;

use gxrisk_core::{Order, Origin};
use gxrisk_gate::{Custody, Gate, GateError, JournalError};
use vault::{Scratch, VAULT, approve, clock, create, fund, limits, open, order, passphrase, sound};

/// The same id again, after the vault was closed or its process ended.
#[test]
fn a_repeat_gives_the_first_decision_across_a_restart() {
    let scratch = Scratch::new("repeat");
    let (storage, clock) = (scratch.storage(), clock());
    let custody = Custody { passphrase: Some(passphrase()), owner_key: None };
    let gate = Gate::create(&storage, VAULT, limits(), Arc::clone(&clock) as _, &custody).unwrap();
    fund(&gate).unwrap();
    let (first, approval) = approve(&gate, Some("one")).unwrap();
    let (token, used) = (approval.token().unwrap(), approve(&gate, Some("two")).unwrap().1);
    gate.redeem(&used).unwrap();
    drop(gate);
    let gate = Gate::open(&storage, Arc::clone(&clock) as _, Some(&passphrase())).unwrap().0;
    let before = (gate.view().unwrap().working.len(), gate.view().unwrap().sequence);
    let (again, approval) = approve(&gate, Some("one")).unwrap();
    assert_eq!(again.ruling, first.ruling);
    assert_eq!(approval.token().unwrap(), token, "byte for byte");
    assert_eq!((gate.view().unwrap().working.len(), gate.view().unwrap().sequence), before, "nothing was reserved");
    gate.redeem_token(&token).unwrap();
    assert!(matches!(gate.redeem(&approval), Err(GateError::Refused(_))), "once");
    assert!(matches!(gate.redeem_token(&used.token().unwrap()), Err(GateError::Refused(_))), "used before the crash");
    let other = Arc::new(Order { reasoning: "another".into(), ..(*order(Some("one"))).clone() });
    let refused = gate.authorize(&other, Origin::Agent).unwrap();
    assert!(refused.approval.is_none());
    assert_eq!(refused.ruling.violations()[0].rule, "duplicate_order");
    assert!(matches!(open(&storage, &clock).map(|_| ()), Err(GateError::Journal(JournalError::InUse(_)))));
    drop(gate);
    assert!(matches!(open(&storage, &clock).map(|_| ()), Err(GateError::Sealed(_))));
    sound(&storage).unwrap();
}

/// Keys that were kept nowhere are other ones after a crash: a repeat is signed by those.
#[test]
fn a_repeat_without_keys_at_rest_can_be_used() {
    for by_token in [false, true] {
        let scratch = Scratch::new("repeat");
        let (storage, clock) = (scratch.storage(), clock());
        let gate = create(&storage, &clock).unwrap();
        let first = approve(&gate, Some("one")).unwrap().0;
        drop(gate);
        let gate = open(&storage, &clock).unwrap().0;
        let (again, approval) = approve(&gate, Some("one")).unwrap();
        assert_eq!(again.ruling, first.ruling);
        if by_token { gate.redeem_token(&approval.token().unwrap()) } else { gate.redeem(&approval) }.unwrap();
        drop(gate);
        sound(&storage).unwrap();
    }
}

/// A token from a later state of the vault than the file, which was restored from a backup.
#[test]
fn a_token_of_a_record_that_is_not_there_is_unknown() {
    let scratch = Scratch::new("backup");
    let (storage, clock) = (scratch.storage(), clock());
    let custody = Custody { passphrase: Some(passphrase()), owner_key: None };
    let gate = Gate::create(&storage, VAULT, limits(), Arc::clone(&clock) as _, &custody).unwrap();
    fund(&gate).unwrap();
    gate.close().unwrap();
    let backup = std::fs::read(&storage.path).unwrap();
    let gate = Gate::open(&storage, Arc::clone(&clock) as _, Some(&passphrase())).unwrap().0;
    let tokens: Vec<_> = (0..9).map(|_| approve(&gate, None).unwrap().1.token().unwrap()).collect();
    gate.close().unwrap();
    drop(gate);
    std::fs::write(&storage.path, backup).unwrap();
    let gate = Gate::open(&storage, clock, Some(&passphrase())).unwrap().0;
    for token in tokens {
        assert!(matches!(gate.redeem_token(&token), Err(GateError::Refused(_))));
    }
}

/// Keys are sealed for the first time, and the process ends before the journal names them.
#[test]
fn sealing_that_was_cut_short_shuts_nobody_out() {
    let scratch = Scratch::new("sealing");
    let (storage, clock) = (scratch.storage(), clock());
    create(&storage, &clock).unwrap().close().unwrap();
    let before = std::fs::read(&storage.path).unwrap();
    let open = || Gate::open(&storage, Arc::clone(&clock) as _, Some(&passphrase()));
    drop(open().unwrap());
    // As if the file of the keys had been written and no record of them.
    std::fs::write(&storage.path, before).unwrap();
    std::fs::rename(scratch.0.join("journal.db.key"), scratch.0.join("journal.db.key.next")).unwrap();
    let gate = open().unwrap().0;
    let token = approve(&gate, Some("one")).unwrap().1.token().unwrap();
    drop(gate);
    let gate = open().unwrap().0;
    assert_eq!(approve(&gate, Some("one")).unwrap().1.token().unwrap(), token);
    assert!(!scratch.0.join("journal.db.key.next").exists());
}

/// Keys are made anew between a decision and its repeat.
#[test]
fn what_a_repeat_gives_after_new_keys_passes() {
    let scratch = Scratch::new("repeat");
    let (storage, clock) = (scratch.storage(), clock());
    let gate = create(&storage, &clock).unwrap();
    let ids = ["object", "token"];
    for id in ids {
        approve(&gate, Some(id)).unwrap();
    }
    gate.rotate_keys(None).unwrap();
    let [object, token] = ids.map(|id| approve(&gate, Some(id)).unwrap().1);
    gate.redeem(&object).unwrap();
    gate.redeem_token(&token.token().unwrap()).unwrap();
    gate.close().unwrap();
    sound(&storage).unwrap();
}
