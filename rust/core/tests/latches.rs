//! Breakers, days and controls: when they trip, when they end, and that nothing but that ends them.

mod vault;

use gxrisk_core::engine::TripView;
use gxrisk_core::limits::Value;
use gxrisk_core::time::Span;
use gxrisk_core::{Breaker, Engine, Event, Nano, Time, TradingState};

use vault::{ATR, SECOND, START, buy, engine, funding, growth, hold_position, mark, n};

fn tripped(engine: &Engine) -> Vec<Breaker> {
    engine.trips().iter().map(|trip: &TripView| trip.breaker).collect()
}

fn after(nanos: i64) -> Time {
    START.after(Span::from_nanos(nanos))
}

#[test]
fn a_drawdown_ends_by_the_owner_alone() {
    let limits = growth().replace([("max_daily_loss", Value::Number(Nano::ONE))]).unwrap();
    let mut engine = engine(limits);
    let working = buy(&mut engine, "1").unwrap();
    funding(&mut engine, n("-1499.999999999"));
    assert_eq!(tripped(&engine), []);
    funding(&mut engine, n("-0.000000001"));
    assert_eq!((tripped(&engine), engine.state()), (vec![Breaker::Drawdown], TradingState::ReduceOnly));
    let asked: Vec<_> = engine.take_records().into_iter().map(|record| record.event).collect();
    assert!(asked.contains(&Event::CancelRequested { orders: vec![working] }));
    // Neither money that comes back, nor a mark, nor a day, nor `resume` ends it.
    funding(&mut engine, n("1500"));
    mark(&mut engine, "100", Some(ATR));
    engine.bring_to(after(86_400 * SECOND));
    engine.resume().unwrap();
    assert!(tripped(&engine).contains(&Breaker::Drawdown));
    mark(&mut engine, "100", Some(ATR));
    engine.reactivate(false, None).unwrap();
    assert_eq!(tripped(&engine), []);
}

#[test]
fn a_days_loss_ends_with_the_day() {
    let mut engine = engine(growth());
    funding(&mut engine, n("-400"));
    assert_eq!(tripped(&engine), [Breaker::DailyLoss]);
    funding(&mut engine, n("400"));
    assert_eq!(tripped(&engine), [Breaker::DailyLoss]);
    let midnight = START.day().next().start();
    engine.bring_to(midnight.before(Span::from_nanos(1)));
    assert_eq!(tripped(&engine), [Breaker::DailyLoss]);
    engine.bring_to(midnight);
    assert_eq!(tripped(&engine), []);
}

#[test]
fn a_day_opens_once_at_the_equity_of_the_one_before() {
    let mut engine = engine(growth());
    assert!(buy(&mut engine, "1").is_some());
    funding(&mut engine, n("-100"));
    assert_eq!(engine.view().account.day_opening.to_string(), "10000");
    let midnight = START.day().next().start();
    engine.bring_to(midnight);
    let opened = engine.view().account;
    assert_eq!((opened.day_opening.to_string(), opened.daily_trades), ("9900".to_owned(), 0));
    // A clock that goes back takes neither the time nor the day with it.
    engine.bring_to(START);
    assert_eq!((engine.now(), engine.view().account.day), (midnight, midnight.day()));
}

#[test]
fn a_move_trips_above_its_limit_and_halts_exactly_as_long_as_it_says() {
    let mut engine = engine(growth());
    mark(&mut engine, "110", Some(ATR));
    assert_eq!(tripped(&engine), []);
    engine.bring_to(after(SECOND));
    mark(&mut engine, "110.000000001", Some(ATR));
    assert_eq!((tripped(&engine), engine.state()), (vec![Breaker::PriceMove], TradingState::Halted));
    // A new move while it is tripped begins the pause anew.
    let again = 600 * SECOND;
    engine.bring_to(after(again));
    mark(&mut engine, "110", Some(ATR));
    mark(&mut engine, "130", Some(ATR));
    let ends = again + 900 * SECOND;
    for (at, wanted) in [(ends - 1, vec![Breaker::PriceMove]), (ends, vec![])] {
        engine.bring_to(after(at));
        assert_eq!(tripped(&engine), wanted, "{at} ns");
    }
}

#[test]
fn a_silent_feed_halts_what_is_held() {
    let mut engine = engine(growth());
    hold_position(&mut engine, "1");
    for (at, wanted) in [(60 * SECOND, vec![]), (60 * SECOND + 1, vec![Breaker::OracleFailure])] {
        engine.bring_to(after(at));
        assert_eq!(tripped(&engine), wanted, "{at} ns");
    }
    mark(&mut engine, "100", Some(ATR));
    assert_eq!(tripped(&engine), []);
}

#[test]
fn a_kill_is_undone_by_the_owner_alone_and_survives_a_restart() {
    let mut engine = engine(growth());
    engine.kill("a test").unwrap();
    engine.resume().unwrap();
    engine.bring_to(after(86_400 * SECOND));
    engine.tell();
    let again = [Engine::from_checkpoint(&engine.checkpoint()), Engine::replay(&engine.take_records())];
    for mut engine in again.map(|engine| engine.expect("a history")) {
        assert_eq!(engine.state(), TradingState::Halted);
        engine.reactivate(false, None).unwrap();
        assert_eq!(engine.state(), TradingState::Active);
    }
}
