//! The byte form: whatever is recorded comes back the same, in one form only, and the form does not change by accident.

mod operations;

use std::fmt::Write;
use std::sync::Arc;

use gxrisk_core::codec::{Coded, Input, decoded, encoded};
use gxrisk_core::decide::{ClientId, Evidence};
use gxrisk_core::event::{Consent, Fill, Keys, MarketMove, Rebase, Ruling, Tick, Withdrawal};
use gxrisk_core::num::{Atto, Nano};
use gxrisk_core::reason::{Reason, Word};
use gxrisk_core::state::{Account, GroupSum, Holding, Mark, PositionStop};
use gxrisk_core::time::Day;
use gxrisk_core::{Breaker, Engine, Event, Limits, Mask, Order, Origin, Outcome, Record, Refusal, Side, Terms, Time};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;

use operations::desk::Desk;
use operations::{Magnitude, Operation, asset, limits, operation, runner};

fn records(magnitude: Magnitude) -> impl Strategy<Value = Vec<Record>> {
    let history = (limits(), prop::collection::vec(operation(magnitude), 20..60));
    history.prop_map(|(limits, operations)| {
        let mut desk = Desk::new(limits);
        desk.perform(&Operation::Deposit(Nano::whole(10_000))).expect("a deposit is taken");
        for operation in &operations {
            desk.perform(operation).expect("the desk's own checks hold");
        }
        desk.records
    })
}

fn check_round_trip(records: &[Record]) -> Result<(), TestCaseError> {
    let mut limits = None;
    for record in records {
        let bytes = encoded(record);
        prop_assert!(decoded(&bytes).as_ref() == Some(record), "{:?} came back otherwise", record);
        let mut input = Input::with_limits(&bytes, limits.take());
        prop_assert!(Record::decode(&mut input).as_ref() == Some(record), "{:?} came back otherwise", record);
        prop_assert!(input.is_empty());
        limits = input.limits();
    }
    Ok(())
}

#[test]
fn records_come_back_the_same() {
    for magnitude in [Magnitude::Usual, Magnitude::Extreme] {
        runner(200).run(&records(magnitude), |records| check_round_trip(&records)).unwrap();
    }
}

/// Bytes either are refused or are the one form of what they say.
fn check_one_form<T: Coded>(bytes: &[u8]) -> Result<Option<T>, TestCaseError> {
    let value = decoded::<T>(bytes);
    if let Some(value) = &value {
        prop_assert_eq!(encoded(value), bytes);
    }
    Ok(value)
}

/// And what they say could have been recorded.
fn check_record(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Some(record) = check_one_form::<Record>(bytes)? else { return Ok(()) };
    prop_assert!(record.is_sound() && record.event.is_sound(), "{:?}", record);
    if let Event::Decided(ruling) = &record.event {
        prop_assert_eq!(ruling.order.check(), Ok(()));
        prop_assert!(ruling.evidence.limits.is_sound());
        let (account, holding) = (&ruling.evidence.account, &ruling.evidence.holding);
        prop_assert!(account.is_sound() && holding.is_sound(), "{:?}", ruling);
    }
    Ok(())
}

#[test]
fn a_changed_or_cut_record_is_refused_or_another_record() {
    let check = |(records, flip): (Vec<Record>, u8)| {
        for record in &records {
            let mut bytes = encoded(record);
            for at in 0..bytes.len() {
                prop_assert_eq!(decoded::<Record>(&bytes[..at]), None, "cut at {}", at);
                for change in [1, 0x80, flip] {
                    bytes[at] ^= change;
                    check_record(&bytes)?;
                    bytes[at] ^= change;
                }
            }
            bytes.push(flip);
            prop_assert_eq!(decoded::<Record>(&bytes), None, "trailing");
        }
        Ok(())
    };
    runner(20).run(&(records(Magnitude::Usual), 1_u8..), check).unwrap();
}

#[test]
fn random_bytes_never_panic() {
    let bytes = || prop::collection::vec(prop_oneof![3 => 0_u8..40, 1 => any::<u8>()], 0..80);
    let check = |bytes: Vec<u8>| {
        check_record(&bytes)?;
        check_one_form::<Event>(&bytes)?;
        check_one_form::<Limits>(&bytes)?;
        check_one_form::<Reason>(&bytes)?;
        Ok(())
    };
    runner(20_000).run(&bytes(), check).unwrap();
}

#[test]
fn equal_limits_of_a_journal_are_shared() {
    let strategy = records(Magnitude::Usual);
    let records = strategy.new_tree(&mut runner(1)).unwrap().current();
    let mut bytes = Vec::new();
    for record in &records {
        record.encode(&mut bytes);
    }
    let mut input = Input::new(&bytes);
    let mut last: Option<Arc<Limits>> = None;
    while !input.is_empty() {
        let record = Record::decode(&mut input).unwrap();
        let limits = match record.event {
            Event::Opened { limits, .. } | Event::LimitsSet { limits } => limits,
            Event::Decided(ruling) => Arc::clone(&ruling.evidence.limits),
            _ => continue,
        };
        assert!(last.is_none_or(|last| last != limits || Arc::ptr_eq(&last, &limits)));
        last = Some(limits);
    }
    assert!(last.is_some());
}

#[test]
fn limits_out_of_range_are_refused() {
    let growth = Limits::for_tier("growth").unwrap();
    let loose = [
        Limits { max_leverage: Nano::whole(1_001), ..growth.clone() },
        Limits { max_daily_trades: 0, ..growth.clone() },
        Limits { max_order_notional: Some(Nano::ZERO), ..growth.clone() },
        Limits { stop_atr_min: Nano::whole(9), ..growth.clone() },
    ];
    assert_eq!(decoded(&encoded(&growth)).as_ref(), Some(&growth));
    for limits in loose {
        assert_eq!(decoded::<Limits>(&encoded(&limits)), None);
    }
}

/// What no call takes is neither read nor recorded: each of these is one step outside a range.
fn asked(ruling: &mut Ruling, change: fn(&mut Order)) {
    change(Arc::make_mut(&mut ruling.order));
}

#[test]
fn what_no_gate_records_is_not_read() {
    let n = |text: &str| Nano::parse(text).unwrap();
    let (beyond, time, limits) =
        (Nano::MAX.plus(Nano::STEP).unwrap(), Time::START, Limits::for_tier("growth").unwrap());
    let tick = |price, atr| {
        let ticks = vec![Tick { asset: asset(0), price, time, atr }];
        Event::Market(Box::new(MarketMove { ticks, peak: Atto::ZERO, ignored_marks: 0 }))
    };
    let hold = |confidence, reasoning: &str| Event::Hold { asset: None, confidence, reasoning: reasoning.into() };
    let fill = |change: fn(&mut Fill)| {
        let (order_id, fill_id, one) = ("gx-1".into(), "f".into(), Nano::ONE);
        let (asset, side) = (asset(0), Side::Buy);
        let mut fill = Fill { order: None, order_id, fill_id, asset, side, quantity: one, price: one, fee: one };
        change(&mut fill);
        Event::Filled(Box::new(fill))
    };
    let withdrawn = |amount, destination: &str| {
        let (destination, nonce) = (destination.into(), [0; 16]);
        Event::Withdrawn(Box::new(Withdrawal { amount, destination, nonce, expires: time, signature: [0; 64] }))
    };
    let decided = |change: fn(&mut Ruling)| {
        let mut ruling = ruling(Arc::new(limits.clone()), time);
        change(&mut ruling);
        Event::Decided(Arc::new(ruling))
    };
    let rebase = Rebase { old_base: Atto::ZERO, old_peak: Atto::ZERO, new_base: Atto::ZERO };
    let consent = Consent { ends: 0, expires: time, signature: [0; 64] };
    let out_of_range = [
        Event::Opened { vault_id: "two words".into(), limits: Arc::new(limits.clone()) },
        tick(Nano::ZERO, None),
        tick(beyond, None),
        tick(Nano::ONE, Some(n("-1"))),
        tick(Nano::ONE, Some(beyond)),
        Event::Flow { amount: Nano::ZERO },
        Event::Flow { amount: beyond },
        Event::Funding { asset: asset(0), amount: beyond.negated().unwrap(), paid: None },
        Event::Funding { asset: asset(0), amount: Nano::from_raw(i128::MIN), paid: None },
        Event::Volatility { value: n("-0.000000001") },
        Event::Volatility { value: n("1000.000000001") },
        Event::LotSteps { steps: [(asset(0), Nano::ZERO)].into() },
        Event::Groups { groups: [("".into(), vec![asset(0)])].into() },
        Event::Groups { groups: [("a".into(), vec![asset(0)]), ("b".into(), vec![asset(0)])].into() },
        hold(n("1.000000001"), "sure"),
        hold(n("-0.000000001"), "unsure"),
        hold(Nano::ONE, ""),
        hold(Nano::ONE, &"é".repeat(4_001)),
        fill(|fill| fill.quantity = Nano::ZERO),
        fill(|fill| fill.price = Nano::ZERO),
        fill(|fill| fill.fee = Nano::MAX.plus(Nano::STEP).unwrap()),
        fill(|fill| fill.order_id = "".into()),
        fill(|fill| fill.fill_id = "f 1".into()),
        Event::Failed { order: 1, reason: "x".repeat(4_001).into() },
        Event::Killed { reason: "".into() },
        Event::Reactivated { rebase: Some(Box::new(rebase)), consent: None },
        Event::Reactivated { rebase: None, consent: Some(Box::new(consent)) },
        Event::LimitsSet { limits: Arc::new(Limits { max_daily_trades: 0, ..limits.clone() }) },
        Event::RiskScaleSet { scale: Nano::ZERO },
        Event::RiskScaleSet { scale: n("1.000000001") },
        withdrawn(Nano::ZERO, "account"),
        withdrawn(Nano::ONE, ""),
        withdrawn(Nano::ONE, "two words"),
        withdrawn(Nano::ONE, &"d".repeat(129)),
        Event::Noted { topic: "two words".into(), text: "text".into() },
        Event::Noted { topic: "strategy".into(), text: "x".repeat(65_537).into() },
        decided(|ruling| asked(ruling, |order| order.terms.quantity = Nano::ZERO)),
        decided(|ruling| asked(ruling, |order| order.terms.leverage = Nano::whole(1_001))),
        decided(|ruling| asked(ruling, |order| order.terms.confidence = Nano::whole(2))),
        decided(|ruling| asked(ruling, |order| order.reasoning = "".into())),
        decided(|ruling| asked(ruling, |order| order.client_order_id = Some("a 1".into()))),
        decided(|ruling| asked(ruling, |order| order.client_order_id = None)),
        decided(|ruling| ruling.evidence.client_id = ClientId::Absent),
        decided(|ruling| ruling.entry = None),
        decided(|ruling| ruling.mask = Mask(1 << 28)),
        decided(|ruling| ruling.evidence.account.risk_scale = Nano::ZERO),
        decided(|ruling| ruling.evidence.account.volatility = Nano::whole(1_001)),
        decided(|ruling| ruling.evidence.holding.mark = Some(Mark { price: Nano::ZERO, time: Time::START })),
        decided(|ruling| ruling.evidence.holding.atr = Some(Nano::whole(-1))),
    ];
    for event in out_of_range {
        assert_eq!(decoded::<Event>(&encoded(&event)), None, "{event:?}");
    }
    let named_wrong = Record { sequence: 8, time, event: decided(|_| ()) };
    assert_eq!(decoded::<Record>(&encoded(&named_wrong)), None);
    assert!(decoded::<Record>(&encoded(&Record { sequence: 7, ..named_wrong })).is_some());
}

#[test]
fn what_could_not_be_read_again_is_not_recorded() {
    let growth = Limits::for_tier("growth").unwrap();
    assert_eq!(Engine::new("two words", growth.clone(), Time::START).err(), Some(Refusal::OutOfRange));
    let mut engine = Engine::new("vault", growth.clone(), Time::START).unwrap();
    engine.deposit(Nano::whole(10_000)).unwrap();
    let kept = engine.checkpoint();
    let tick = Tick { asset: asset(0), price: Nano::ZERO, time: Time::START, atr: None };
    let mut order = (*ruling(Arc::new(growth.clone()), Time::START).order).clone();
    order.terms.quantity = Nano::ZERO;
    let refused = [
        engine.deposit(Nano::whole(-1)),
        engine.mark(&tick).map(|_| ()),
        engine.set_volatility(Nano::whole(-1)),
        engine.set_risk_scale(Nano::ZERO),
        engine.set_limits(Limits { max_daily_trades: 0, ..growth }),
        engine.kill(""),
        engine.note("two words", "text"),
        engine.hold(None, Nano::whole(2), "sure").map(|_| ()),
        engine.authorize(Arc::new(order), Origin::Agent, false).map(|_| ()),
    ];
    for (index, refusal) in refused.into_iter().enumerate() {
        assert_eq!(refusal, Err(Refusal::OutOfRange), "{index}");
    }
    assert_eq!(engine.checkpoint(), kept);
    assert_eq!(engine.take_records().len(), 2);
}

/// One event of each kind; the file beside this one holds their bytes.
fn samples() -> Vec<(&'static str, Event)> {
    let n = |text: &str| Nano::parse(text).unwrap();
    let money = |text: &str| n(text).widened().unwrap();
    let time = Time::parse("2020-03-12T10:55:00.5Z").unwrap();
    let (btc, limits) = (asset(0), Arc::new(Limits::for_tier("growth").unwrap()));
    let tick = Tick { asset: btc, price: n("7250.25"), time, atr: Some(n("95.5")) };
    let market = MarketMove { ticks: vec![tick, Tick { atr: None, ..tick }], peak: money("10100"), ignored_marks: 2 };
    let fill = Fill {
        order: Some(7),
        order_id: "gx-7".into(),
        fill_id: "f-1".into(),
        asset: btc,
        side: Side::Sell,
        quantity: n("0.25"),
        price: n("7251"),
        fee: n("-0.01"),
    };
    let cause = Reason::new(money("1500"), Some(money("1500.000000001")), "equity is 8499.999999999");
    let (base, signature) = (money("8500"), Some(Box::new([3; 64])));
    let withdrawal = Withdrawal {
        amount: n("8500"),
        destination: "the-owner's-account".into(),
        nonce: [4; 16],
        expires: time,
        signature: [5; 64],
    };
    vec![
        ("opened", Event::Opened { vault_id: "alpha".into(), limits: Arc::clone(&limits) }),
        ("market", Event::Market(Box::new(market))),
        ("flow", Event::Flow { amount: n("10000") }),
        ("funding", Event::Funding { asset: btc, amount: n("-1.5"), paid: Some(Time::from_nanos(7)) }),
        ("volatility", Event::Volatility { value: n("0.2") }),
        ("lot_steps", Event::LotSteps { steps: [(btc, n("0.001")), (asset(1), n("0.01"))].into() }),
        ("groups", Event::Groups { groups: [("majors".into(), vec![btc, asset(1)])].into() }),
        ("decided", Event::Decided(Arc::new(ruling(limits.clone(), time)))),
        ("hold", Event::Hold { asset: Some(btc), confidence: n("0.1"), reasoning: "nothing – to do".into() }),
        ("hold_of_none", Event::Hold { asset: None, confidence: n("0.1"), reasoning: "waits".into() }),
        ("redeemed", Event::Redeemed { order: 7, signature: signature.clone() }),
        ("accepted", Event::Accepted { order: 7 }),
        ("filled", Event::Filled(Box::new(fill))),
        ("cancelled", Event::Cancelled { order: 7 }),
        ("failed", Event::Failed { order: 7, reason: "no answer".into() }),
        ("expired", Event::Expired { order: 300 }),
        ("day_opened", Event::DayOpened { day: Day(18_334), opening: base }),
        ("tripped", Event::Tripped { breaker: Breaker::Drawdown, until: Some(time), cause: Box::new(cause) }),
        ("ended", Event::Ended { breaker: Breaker::FillMismatch }),
        ("cancel_requested", Event::CancelRequested { orders: vec![7, 300] }),
        ("paused", Event::Paused),
        ("resumed", Event::Resumed),
        ("killed", Event::Killed { reason: "rumours".into() }),
        ("reactivated", {
            let consent = Consent { ends: 300, expires: time, signature: [4; 64] };
            Event::Reactivated { rebase: None, consent: Some(Box::new(consent)) }
        }),
        ("rebased", {
            let rebase = Rebase { old_base: money("10000"), old_peak: money("10100"), new_base: base };
            Event::Reactivated { rebase: Some(Box::new(rebase)), consent: None }
        }),
        ("limits_set", Event::LimitsSet { limits }),
        ("risk_scale_set", Event::RiskScaleSet { scale: n("0.5") }),
        ("restarted", Event::Restarted { epoch: 2, dropped: 131 }),
        ("keys_set", Event::KeysSet(Keys { wallet: [1; 32], head: [2; 32] })),
        ("owner_key_set", Event::OwnerKeySet { key: [6; 32], signature }),
        ("withdrawn", Event::Withdrawn(Box::new(withdrawal))),
        ("checkpointed", Event::Checkpointed { digest: [8; 32] }),
        ("noted", Event::Noted { topic: "strategy".into(), text: "momentum".into() }),
    ]
}

fn ruling(limits: Arc<Limits>, now: Time) -> Ruling {
    let n = |text: &str| Nano::parse(text).unwrap();
    let equity = n("10012.34").widened().unwrap();
    let mut account = Account::new(now, limits.order_burst);
    let anchors = [&mut account.day_opening, &mut account.deposit_base, &mut account.collateral];
    for money in anchors.into_iter().chain([&mut account.equity, &mut account.peak]) {
        *money = equity;
    }
    account.funded = true;
    let holding = Holding {
        mark: Some(Mark { price: n("7250.25"), time: now }),
        atr: Some(n("95.5")),
        stop: PositionStop::At(n("7100")),
        ..Holding::NONE
    };
    let terms = Terms {
        asset: asset(0),
        side: Side::Buy,
        quantity: n("0.25"),
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n("7100")),
        take_profit: None,
        reduce_only: false,
        confidence: n("0.8"),
    };
    let reasoning = "momentum on the four-hour chart, stop under yesterday's low".into();
    let order = Arc::new(Order { terms, reasoning, client_order_id: Some("a-1".into()) });
    let (expires, entry) = (now.after(limits.approval_ttl_s), Some(n("7250.25")));
    let group = GroupSum { exposure: Atto::ZERO, unmarked: 0 };
    let evidence = Evidence { now, limits, account, holding, group, client_id: ClientId::New };
    Ruling { sequence: 7, order, origin: Origin::Agent, mask: Mask(0), evidence, expires, entry }
}

#[test]
fn the_form_of_each_kind_of_event_stays_as_it_is() {
    let mut lines = String::new();
    for (kind, event) in samples() {
        assert_eq!(decoded(&encoded(&event)).as_ref(), Some(&event));
        let hex = encoded(&event).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        writeln!(lines, "{kind} {hex}").unwrap();
    }
    assert!(lines == include_str!("codec.hex"), "the format changed; the bytes are now\n{lines}");
}

#[test]
fn words_have_a_form_of_their_own() {
    for code in Word::WORDS {
        let word = Word::from_word(code).unwrap();
        assert_eq!(decoded(&encoded(&word)), Some(word));
    }
    for breaker in Breaker::ALL {
        assert_eq!(decoded(&encoded(&breaker)), Some(breaker));
    }
}

/// `cargo test -p gxrisk-core --test codec sizes -- --nocapture`
#[test]
fn sizes_are_those_that_the_documentation_names() {
    for (kind, event) in samples() {
        println!("{kind}: {} bytes", encoded(&event).len());
    }
    let limits = Limits::for_tier("growth").unwrap();
    println!("limits: {} bytes", encoded(&limits).len());
    let mut sizes = Vec::new();
    let mut runner = runner(1);
    for _ in 0..100 {
        for record in records(Magnitude::Usual).new_tree(&mut runner).unwrap().current() {
            if let Event::Decided(ruling) = &record.event
                && ruling.outcome() == Outcome::Approved
            {
                sizes.push(encoded(ruling).len());
            }
        }
    }
    sizes.sort_unstable();
    println!("approved rulings of random histories: {} to {:?}", sizes[0], sizes.last());
    assert!(sizes.last().is_some_and(|most| *most < 1_000), "a decision became large");
}
