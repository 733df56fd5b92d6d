//! What tests of one engine share: a vault with 10,000, a mark of 100, and the orders that are put to it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;

use gxrisk_core::engine::{Answer, FillReport, order_id};
use gxrisk_core::event::Tick;
use gxrisk_core::{Asset, Engine, Limits, Mask, Nano, Order, Origin, RULES, Side, Terms, Time};

/// 2020-03-12T10:55:00Z.
pub const START: Time = Time::from_nanos(1_584_010_500_000_000_000);
/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
/// The usual average true range.
pub const ATR: Nano = Nano::ONE;

/// A number from its text.
pub fn n(text: &str) -> Nano {
    Nano::parse(text).unwrap()
}

/// What the orders are in.
pub fn btc() -> Asset {
    Asset::new("BTC").unwrap()
}

/// The limits of the growth tier.
pub fn growth() -> Limits {
    Limits::for_tier("growth").unwrap()
}

/// A vault with 10,000 and a mark of 100.
pub fn engine(limits: Limits) -> Engine {
    let mut engine = Engine::new("alpha", limits, START).unwrap();
    engine.bring_to(START);
    engine.deposit(n("10000")).unwrap();
    mark(&mut engine, "100", Some(ATR));
    engine
}

/// A mark of now.
pub fn mark(engine: &mut Engine, price: &str, atr: Option<Nano>) {
    let tick = Tick { asset: btc(), price: n(price), time: engine.now(), atr };
    assert_eq!(engine.mark(&tick), Ok(true));
}

/// Funding received, or paid where negative.
pub fn funding(engine: &mut Engine, amount: Nano) {
    assert_eq!(engine.funding(btc(), amount, None), Ok(true));
}

/// An opening order at the market, its stop two away from 100.
pub fn opening(side: Side, quantity: Nano) -> Terms {
    Terms {
        asset: btc(),
        side,
        quantity,
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n(if side == Side::Buy { "98" } else { "102" })),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    }
}

/// A reduce-only order at the market.
pub fn exit(side: Side, quantity: Nano) -> Terms {
    Terms { stop_loss: None, reduce_only: true, ..opening(side, quantity) }
}

/// An order of the agent's.
pub fn order(terms: Terms, client_order_id: Option<&str>) -> Arc<Order> {
    Arc::new(Order { terms, reasoning: "a test".into(), client_order_id: client_order_id.map(Into::into) })
}

/// What stands against an order of the agent's, by name.
pub fn violated(engine: &mut Engine, terms: &Terms) -> Vec<&'static str> {
    let Mask(bits) = engine.judge(terms, None, Origin::Agent);
    let rules = RULES.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0).map(|(_, code)| *code);
    let marks = [(Mask::HELD, "held"), (Mask::ARITHMETIC_OVERFLOW, "arithmetic_overflow")];
    rules.chain(marks.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| word)).collect()
}

/// Asks for an order; gives its sequence where it was approved.
pub fn authorize(engine: &mut Engine, order: Arc<Order>) -> Option<u64> {
    match engine.authorize(order, Origin::Agent, false) {
        Ok(Answer::Decided { ruling, approved }) => approved.map(|_| ruling.sequence),
        other => panic!("not decided: {other:?}"),
    }
}

/// Asks for a buy.
pub fn buy(engine: &mut Engine, quantity: &str) -> Option<u64> {
    authorize(engine, order(opening(Side::Buy, n(quantity)), None))
}

/// A fill at 100; whether it was news.
pub fn fill(engine: &mut Engine, sequence: u64, fill_id: &str, quantity: &str) -> bool {
    let report = FillReport {
        order_id: &order_id(sequence),
        fill_id,
        quantity: n(quantity),
        price: n("100"),
        fee: Nano::ZERO,
        asset: None,
        side: None,
    };
    engine.apply_fill(&report).unwrap()
}

/// Buys and is filled.
pub fn hold_position(engine: &mut Engine, quantity: &str) {
    let sequence = buy(engine, quantity).unwrap();
    assert!(fill(engine, sequence, "whole", quantity));
}
