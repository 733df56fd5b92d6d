//! Withdrawals, keys, approvals and known ids: what is refused, with which word, and what is on record of it.

use std::sync::Arc;

use gxrisk_core::engine::{Answer, ApprovalRefusal, FillReport, WithdrawalRefusal, order_id};
use gxrisk_core::event::{Consent, Keys, Tick, Withdrawal};
use gxrisk_core::{Asset, Breaker, Engine, Event, Limits, Mask, Nano, Order, Origin, Refusal, Side, Terms, Time};

const START: Time = Time::from_nanos(1_584_010_500_000_000_000);

fn n(text: &str) -> Nano {
    Nano::parse(text).unwrap()
}

fn after(seconds: i64) -> Time {
    Time::from_nanos(START.nanos() + seconds * 1_000_000_000)
}

fn btc() -> Asset {
    Asset::new("BTC").unwrap()
}

/// A vault with 10,000 and a mark of 100.
fn engine() -> Engine {
    let mut engine = Engine::new("alpha", Limits::for_tier("growth").unwrap(), START).unwrap();
    engine.bring_to(START);
    engine.deposit(n("10000")).unwrap();
    assert_eq!(engine.mark(&Tick { asset: btc(), price: n("100"), time: START, atr: Some(n("1")) }), Ok(true));
    engine
}

fn order(quantity: &str, id: Option<&str>) -> Arc<Order> {
    let terms = Terms {
        asset: btc(),
        side: Side::Buy,
        quantity: n(quantity),
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n("98")),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    };
    Arc::new(Order { terms, reasoning: "a test".into(), client_order_id: id.map(Into::into) })
}

/// The sequence of an order that is approved.
fn approved(engine: &mut Engine, quantity: &str) -> u64 {
    match engine.authorize(order(quantity, None), Origin::Agent, false) {
        Ok(Answer::Decided { ruling, approved: Some(_) }) => ruling.sequence,
        other => panic!("not approved: {other:?}"),
    }
}

fn withdrawal(amount: &str, nonce: u8) -> Withdrawal {
    let (amount, destination) = (n(amount), "the-owner's-account".into());
    Withdrawal { amount, destination, nonce: [nonce; 16], expires: after(60), signature: [7; 64] }
}

fn code(answer: Result<(), Refusal>) -> &'static str {
    match answer {
        Ok(()) => "booked",
        Err(Refusal::Withdrawal(refusal)) => refusal.code(),
        Err(Refusal::Reactivation(refusal)) => refusal.code(),
        Err(Refusal::Approval(refusal)) => refusal.code(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_withdrawal_is_booked_once_in_time_and_within_the_equity() {
    let mut engine = engine();
    for (at, amount, nonce, answer) in [
        (0, "10000.000000001", 1, "overdrawn"),
        (0, "0", 1, "amount"),
        (0, "-5", 1, "amount"),
        (59, "4000", 1, "booked"),
        (59, "4000", 1, "replayed"),
        (59, "1", 1, "replayed"),
        (59, "1", 2, "booked"),
        (60, "1", 1, "expired"),
        (60, "1", 3, "expired"),
    ] {
        engine.bring_to(after(at));
        assert_eq!(code(engine.withdraw(withdrawal(amount, nonce))), answer, "{amount} with nonce {nonce} at {at} s");
    }
    let account = engine.view().account;
    assert_eq!((account.equity.to_string(), account.deposit_base.to_string()), ("5999".into(), "5999".into()));
}

#[test]
fn a_withdrawal_waits_for_a_flat_vault_and_names_what_is_in_the_way() {
    let mut engine = engine();
    let working = order_id(approved(&mut engine, "1"));
    let refused = engine.withdraw(withdrawal("1", 1)).unwrap_err();
    assert_eq!(refused.to_string(), format!("close positions and cancel orders first: {working}"));
    let fill = FillReport {
        order_id: &working,
        fill_id: "f",
        quantity: n("1"),
        price: n("100"),
        fee: Nano::ZERO,
        asset: None,
        side: None,
    };
    assert_eq!(engine.apply_fill(&fill), Ok(true));
    let refused = engine.withdraw(withdrawal("1", 1));
    assert_eq!(refused, Err(WithdrawalRefusal::NotFlat("BTC".to_owned()).into()));
}

/// What the owner signs for the stop of a record, good for the first minute.
fn consent(ends: u64) -> Consent {
    Consent { ends, expires: after(60), signature: [7; 64] }
}

#[test]
fn a_kill_ends_by_the_owners_word_for_it_in_time_and_once() {
    let mut engine = engine();
    engine.set_owner_key([6; 32], None).unwrap();
    assert_eq!(engine.stopped_by(), None);
    assert_eq!(code(engine.reactivate(false, None)), "unsigned", "also where nothing is to be ended");
    engine.kill("rumours").unwrap();
    let first = engine.stopped_by().unwrap();
    assert_eq!(first, engine.sequence());
    engine.kill("more of them").unwrap();
    let second = engine.stopped_by().unwrap();
    assert!(second > first);
    for (at, ends, answer) in [
        (0, None, "unsigned"),
        (0, Some(first), "other_stop"),
        (0, Some(second + 1), "other_stop"),
        (60, Some(second), "expired"),
        (59, Some(second), "booked"),
        (59, Some(second), "other_stop"),
        (60, Some(second), "expired"),
    ] {
        // The clock of a fresh copy, since the gate's own never goes back.
        let mut asked = Engine::from_checkpoint(&engine.checkpoint()).unwrap();
        asked.bring_to(after(at));
        let before = asked.sequence();
        assert_eq!(code(asked.reactivate(false, ends.map(consent))), answer, "{ends:?} at {at} s");
        assert_eq!(asked.sequence() > before, answer == "booked", "a refusal changes nothing");
        if answer == "booked" {
            engine = asked;
        }
    }
    engine.kill("again").unwrap();
    assert_eq!(code(engine.reactivate(false, Some(consent(second)))), "other_stop", "an old word for a later kill");
    assert_eq!(engine.stopped_by(), Some(engine.sequence()));
}

#[test]
fn a_drawdown_ends_by_the_owners_word_for_its_trip_and_only_as_a_whole() {
    let mut engine = engine();
    engine.set_owner_key([6; 32], None).unwrap();
    engine.funding(btc(), n("-500"), None).unwrap();
    assert_eq!(engine.stopped_by(), None, "a day's loss ends with the day, and needs nobody");
    engine.kill("rumours").unwrap();
    let killed = engine.stopped_by().unwrap();
    engine.funding(btc(), n("-1500"), None).unwrap();
    let tripped = engine.stopped_by().unwrap();
    assert!(tripped > killed, "the drawdown came later");
    assert_eq!(code(engine.reactivate(true, Some(consent(killed)))), "other_stop");
    assert_eq!(engine.reactivate(false, Some(consent(tripped))), Err(Refusal::StillDrawnDown));
    assert_eq!(engine.stopped_by(), Some(tripped));
    assert_eq!(code(engine.reactivate(true, Some(consent(tripped)))), "booked");
    assert_eq!(engine.stopped_by(), None);
    assert!(engine.trips().iter().all(|trip| trip.breaker != Breaker::Drawdown));
    // Everything withdrawn ends a drawdown, and not a kill.
    engine.kill("once more").unwrap();
    engine.funding(btc(), n("-7999"), None).unwrap();
    assert_eq!(code(engine.withdraw(withdrawal("1", 1))), "booked");
    assert_eq!(code(engine.reactivate(false, None)), "unsigned");
    assert!(engine.stopped_by().is_some());
}

#[test]
fn without_an_owners_key_nobody_is_asked_and_no_signature_is_taken() {
    let mut engine = engine();
    engine.kill("rumours").unwrap();
    let stop = engine.stopped_by().unwrap();
    assert_eq!(code(engine.reactivate(false, Some(consent(stop)))), "no_owner");
    assert_eq!(code(engine.reactivate(false, None)), "booked");
    assert_eq!(code(engine.reactivate(true, None)), "booked", "a new base for a vault that nothing stops");
}

#[test]
fn a_payment_of_funding_counts_once() {
    let mut engine = engine();
    let at = |nanos| Some(Time::from_nanos(nanos));
    let booked =
        [at(8), at(8), at(7), at(16), None, None, at(16)].map(|paid| engine.funding(btc(), n("1"), paid).unwrap());
    assert_eq!(booked, [true, false, false, true, true, true, false]);
    assert_eq!(engine.funding(Asset::new("ETH").unwrap(), n("1"), at(8)), Ok(true));
    let mut engine = Engine::from_checkpoint(&engine.checkpoint()).unwrap();
    assert_eq!(engine.funding(btc(), n("1"), at(16)), Ok(false));
    assert_eq!(engine.funding(btc(), n("1"), at(24)), Ok(true));
}

#[test]
fn everything_withdrawn_ends_the_drawdown() {
    let mut engine = engine();
    engine.funding(btc(), n("-2000"), None).unwrap();
    assert!(engine.trips().iter().any(|trip| trip.breaker == Breaker::Drawdown));
    assert_eq!(code(engine.withdraw(withdrawal("7999", 1))), "booked");
    assert!(engine.trips().iter().any(|trip| trip.breaker == Breaker::Drawdown));
    assert_eq!(code(engine.withdraw(withdrawal("1", 2))), "booked");
    assert!(!engine.trips().iter().any(|trip| trip.breaker == Breaker::Drawdown));
}

#[test]
fn an_approval_is_refused_with_a_word_of_its_own() {
    let mut engine = engine();
    let signature = Some([5; 64]);
    let [used, ended, stricter] = ["1", "2", "3"].map(|quantity| approved(&mut engine, quantity));
    assert_eq!(code(engine.redeem(99, signature)), "unknown");
    assert_eq!(code(engine.redeem(used, signature)), "booked");
    assert_eq!(code(engine.redeem(used, signature)), "used");
    assert_eq!(engine.order_cancelled(&order_id(ended)), Ok(true));
    assert_eq!(code(engine.redeem(ended, signature)), "ended");
    engine.pause().unwrap();
    assert_eq!(code(engine.redeem(stricter, signature)), "stricter_state");
    engine.kill("a test").unwrap();
    assert_eq!(code(engine.redeem(stricter, signature)), "cancel_requested");
    engine.bring_to(after(5));
    assert_eq!(code(engine.redeem(stricter, signature)), "expired");
    let redeemed = |record: &gxrisk_core::Record| {
        record.event == Event::Redeemed { order: used, signature: signature.map(Box::new) }
    };
    assert_eq!(engine.take_records().iter().filter(|record| redeemed(record)).count(), 1);
}

#[test]
fn the_words_of_refusals_differ() {
    use ApprovalRefusal::{Altered, Cancelled, Ended, Expired, Malformed, Signature, Stricter, Unknown, Used, Vault};
    let all = [Unknown, Expired, Used, Ended, Cancelled, Stricter, Malformed, Signature, Vault, Altered];
    let words: std::collections::BTreeSet<_> =
        all.iter().flat_map(|one| [one.code().to_owned(), one.to_string()]).collect();
    assert_eq!(words.len(), 2 * all.len());
}

#[test]
fn a_known_id_is_answered_with_its_first_decision_until_it_is_said_to_differ() {
    let mut engine = engine();
    let ask = |engine: &mut Engine, quantity, is_other| {
        engine.authorize(order(quantity, Some("a-1")), Origin::Agent, is_other).unwrap()
    };
    let Answer::Decided { ruling: first, .. } = ask(&mut engine, "1", false) else { panic!("the id is new") };
    assert!(matches!(ask(&mut engine, "1", false), Answer::Seen(seen) if seen == first.sequence));
    let before = engine.sequence();
    assert!(matches!(ask(&mut engine, "2", false), Answer::Seen(seen) if seen == first.sequence));
    assert_eq!(engine.sequence(), before, "nothing is taken or recorded");
    let Answer::Decided { ruling, approved } = ask(&mut engine, "2", true) else { panic!("it differs") };
    assert_eq!((ruling.mask, approved), (Mask(1 << 1), None), "duplicate_order");
    assert!(matches!(ask(&mut engine, "2", false), Answer::Seen(seen) if seen == first.sequence));
    assert_eq!(engine.ruling(first.sequence), Some(&first));
    assert_eq!(engine.ruling(ruling.sequence), None);
}

#[test]
fn keys_are_in_force_from_the_record_that_set_them() {
    let mut engine = engine();
    let keys = |byte| Keys { wallet: [byte; 32], head: [!byte; 32] };
    engine.set_keys(keys(1)).unwrap();
    let first = engine.sequence();
    engine.set_owner_key([3; 32], None).unwrap();
    engine.set_keys(keys(2)).unwrap();
    let second = engine.sequence();
    assert_eq!(second, first + 2);
    let at = [first - 1, first, second - 1, second, u64::MAX].map(|sequence| engine.keys_at(sequence).copied());
    assert_eq!(at, [None, Some(keys(1)), Some(keys(1)), Some(keys(2)), Some(keys(2))]);
    assert_eq!(engine.owner_key(), Some(&[3; 32]));
}

#[test]
fn a_restart_changes_nothing_that_a_decision_reads() {
    let mut engine = engine();
    let sequence = approved(&mut engine, "1");
    let (view, trips) = (engine.view(), engine.trips());
    engine.restart(2, 17).unwrap();
    engine.note_checkpoint([1; 32]).unwrap();
    assert_eq!((engine.epoch(), engine.trips()), (2, trips));
    let same = gxrisk_core::engine::VaultView { sequence: view.sequence, ..engine.view() };
    assert_eq!(same, view);
    assert!(engine.stage(sequence).is_some_and(gxrisk_core::engine::Stage::is_working));
}
