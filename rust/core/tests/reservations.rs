//! What an approval reserves, until the venue says what became of it: counted once, released once, never lost.

mod vault;

use gxrisk_core::engine::{Stage, order_id};
use gxrisk_core::limits::Value;
use gxrisk_core::time::Span;
use gxrisk_core::{Breaker, Engine, Event, Nano, Side};

use vault::{SECOND, START, authorize, btc, buy, engine, fill, growth, n, opening, order, violated};

/// Gross exposure, working orders, and what is held.
fn sums(engine: &Engine) -> (String, u32, Nano) {
    let view = engine.view();
    let held = view.worths.iter().find(|worth| worth.asset == btc()).map_or(Nano::ZERO, |worth| worth.position);
    (view.account.gross.to_string(), view.account.working, held)
}

fn expected(gross: &str, working: u32, held: &str) -> (String, u32, Nano) {
    (gross.to_owned(), working, n(held))
}

#[test]
fn an_approval_reserves_its_worst_case_at_once() {
    let mut engine = engine(growth());
    assert!(buy(&mut engine, "25").is_some());
    assert_eq!(sums(&engine), expected("2500", 1, "0"));
    assert!(buy(&mut engine, "25").is_some());
    // 5,000 are reserved of the 6,000 that one asset may take.
    assert_eq!(violated(&mut engine, &opening(Side::Buy, n("10"))), [""; 0]);
    assert_eq!(violated(&mut engine, &opening(Side::Buy, n("10.000000001"))), ["concentration"]);
}

#[test]
fn what_is_filled_is_released_and_what_is_left_once() {
    let mut engine = engine(growth());
    let sequence = buy(&mut engine, "10").unwrap();
    assert!(fill(&mut engine, sequence, "first", "4"));
    assert_eq!(sums(&engine), expected("1000", 1, "4"));
    assert_eq!(engine.order_cancelled(&order_id(sequence)), Ok(true));
    assert_eq!(sums(&engine), expected("400", 0, "4"));
    let last = engine.sequence();
    assert_eq!(engine.order_cancelled(&order_id(sequence)), Ok(false));
    assert_eq!(engine.order_failed(&order_id(sequence), "late"), Ok(false));
    assert_eq!((sums(&engine), engine.sequence()), (expected("400", 0, "4"), last));
    // It was executed after all, within what was approved.
    assert!(fill(&mut engine, sequence, "late", "6"));
    assert_eq!(sums(&engine), expected("1000", 0, "10"));
    assert!(engine.trips().is_empty());
}

#[test]
fn a_fill_counts_once() {
    let mut engine = engine(growth());
    let sequence = buy(&mut engine, "10").unwrap();
    assert!(fill(&mut engine, sequence, "first", "4"));
    assert!(!fill(&mut engine, sequence, "first", "4"));
    assert_eq!(sums(&engine), expected("1000", 1, "4"));
}

#[test]
fn a_payment_of_funding_counts_once() {
    let mut engine = engine(growth());
    let hour = |number: i64| START.after(Span::seconds(3_600 * number));
    for (paid, is_news) in [(0, true), (0, false), (1, true), (0, false), (1, false)] {
        assert_eq!(engine.funding(btc(), n("10"), Some(hour(paid))), Ok(is_news), "hour {paid}");
    }
    assert_eq!(engine.view().account.funding.to_string(), "20");
}

#[test]
fn more_than_was_approved_trips() {
    let mut engine = engine(growth());
    let sequence = buy(&mut engine, "10").unwrap();
    assert!(fill(&mut engine, sequence, "all", "10"));
    assert!(engine.trips().is_empty());
    assert!(fill(&mut engine, sequence, "more", "0.000000001"));
    assert_eq!(engine.trips().first().map(|trip| trip.breaker), Some(Breaker::FillMismatch));
    assert_eq!(sums(&engine).2, n("10.000000001"), "the truth is booked all the same");
}

#[test]
fn a_failure_counts_once() {
    let mut engine = engine(growth());
    let orders = [1, 2, 3].map(|_| buy(&mut engine, "1").unwrap());
    for sequence in orders.iter().take(2) {
        assert_eq!(engine.order_failed(&order_id(*sequence), "refused"), Ok(true));
        assert_eq!(engine.order_failed(&order_id(*sequence), "refused"), Ok(false));
    }
    assert!(engine.trips().is_empty(), "two of three");
    assert_eq!(engine.order_failed(&order_id(orders[2]), "refused"), Ok(true));
    assert_eq!(engine.trips().first().map(|trip| trip.breaker), Some(Breaker::ExecutionFailure));
}

#[test]
fn an_approval_is_worth_nothing_from_its_expiry_on() {
    let mut engine = engine(growth());
    let [used, unused] = ["1", "2"].map(|quantity| buy(&mut engine, quantity).unwrap());
    let ends = |nanos| START.after(Span::from_nanos(5 * SECOND + nanos));
    engine.bring_to(ends(-1));
    assert_eq!(sums(&engine), expected("300", 2, "0"));
    assert_eq!(engine.redeem(used, None), Ok(()));
    engine.bring_to(ends(0));
    assert!(engine.redeem(unused, None).is_err());
    assert_eq!(sums(&engine), expected("100", 1, "0"), "its reservation ended with it");
    // It reached the venue after all, so all of it works there.
    assert_eq!(engine.order_accepted(&order_id(unused)), Ok(true));
    assert_eq!(sums(&engine), expected("300", 2, "0"));
}

#[test]
fn a_reservation_survives_a_restart() {
    let mut engine = engine(growth());
    let [approved, redeemed, accepted] = ["1", "2", "3"].map(|quantity| buy(&mut engine, quantity).unwrap());
    for sequence in [redeemed, accepted] {
        engine.redeem(sequence, None).unwrap();
    }
    assert_eq!(engine.order_accepted(&order_id(accepted)), Ok(true));
    engine.tell();
    let records = engine.take_records();
    let rebuilt = [Engine::from_checkpoint(&engine.checkpoint()), Engine::replay(&records)];
    for mut again in rebuilt.map(|again| again.expect("a history")) {
        assert_eq!(sums(&again), expected("600", 3, "0"));
        assert!(again.redeem(redeemed, None).is_err(), "used before the restart");
        assert_eq!(again.redeem(approved, None), Ok(()));
        assert_eq!(again.stage(approved), Some(Stage::Redeemed));
    }
}

#[test]
fn an_id_is_used_up_by_a_refusal_too() {
    let mut engine = engine(growth());
    assert_eq!(authorize(&mut engine, order(opening(Side::Buy, n("1000")), Some("a"))), None);
    assert!(engine.judge(&opening(Side::Buy, Nano::ONE), Some("a"), gxrisk_core::Origin::Agent).0 != 0);
    assert!(engine.judge(&opening(Side::Buy, Nano::ONE), Some("b"), gxrisk_core::Origin::Agent).0 == 0);
}

#[test]
fn limits_are_loosened_only_in_a_flat_vault() {
    let mut engine = engine(growth());
    let loose = growth().replace([("max_daily_loss", Value::Number(n("0.05")))]).unwrap();
    let sequence = buy(&mut engine, "1").unwrap();
    assert!(engine.set_limits(loose.clone()).is_err(), "an order works");
    assert_eq!(engine.order_cancelled(&order_id(sequence)), Ok(true));
    assert_eq!(engine.set_limits(loose), Ok(()));
    assert!(engine.take_records().iter().any(|record| matches!(record.event, Event::LimitsSet { .. })));
}

/// Of an order that ended only what a late fill is held against is kept, and that also after a restart.
#[test]
fn an_order_that_ended_costs_little_and_forgets_no_fill() {
    let mut engine = engine(growth().replace([("max_daily_trades", Value::Number(Nano::whole(100_000)))]).unwrap());
    let mut last = 0;
    let mut size_after = |rounds: u32, engine: &mut Engine| {
        for _ in 0..rounds {
            engine.bring_to(engine.now().after(Span::seconds(1)));
            last = buy(engine, "0.1").unwrap();
            assert!(fill(engine, last, "f-1", "0.04"));
            assert_eq!(engine.order_cancelled(&order_id(last)), Ok(true));
            assert_eq!(engine.ruling(last), None);
        }
        engine.tell();
        (engine.checkpoint().len(), last)
    };
    let (before, first) = size_after(10, &mut engine);
    let (after, last) = size_after(40, &mut engine);
    let each = (after - before) / 40;
    println!("{each} bytes an order that ended");
    assert!(each < 40, "{each} bytes an order");
    let mut again = Engine::from_checkpoint(&engine.checkpoint()).unwrap();
    for engine in [&mut engine, &mut again] {
        for order in [first, last] {
            assert_eq!(engine.stage(order), Some(Stage::Cancelled));
            assert!(engine.redeem(order, None).is_err());
            assert!(!fill(engine, order, "f-1", "0.04"), "known");
            assert!(fill(engine, order, "f-2", "0.06"), "within what was approved");
            assert!(!fill(engine, order, "f-2", "0.06"), "known");
        }
        assert_eq!((sums(engine).1, sums(engine).2), (0, n("2.12")));
        assert!(engine.trips().is_empty());
        assert!(fill(engine, first, "f-3", "0.000000001"), "one too many");
        assert_eq!(engine.trips().first().map(|trip| trip.breaker), Some(Breaker::FillMismatch));
    }
}
