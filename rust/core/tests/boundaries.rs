//! Each limit one unit below, at, and one unit above; what is missing, too large, or merely says that it reduces.

mod vault;

use gxrisk_core::engine::order_id;
use gxrisk_core::limits::Value;
use gxrisk_core::time::Span;
use gxrisk_core::{Engine, Nano, Origin, Side, Terms};

use vault::{ATR, SECOND, START, buy, engine, exit, funding, growth, hold_position, mark, n, opening, order, violated};

/// A number and its two neighbours.
fn around(value: &str) -> [Nano; 3] {
    let at = n(value);
    [at.minus(Nano::STEP).unwrap(), at, at.plus(Nano::STEP).unwrap()]
}

#[test]
fn a_size_passes_at_its_limit_and_not_one_unit_above() {
    let wide = ["max_position_fraction", "max_concentration", "max_correlated_exposure", "max_leverage"];
    let rows = [
        ("position_size", "max_position_fraction", "0.25", "25"),
        ("concentration", "max_concentration", "0.6", "60"),
        ("correlated_exposure", "max_correlated_exposure", "1.5", "150"),
        ("leverage", "max_leverage", "5", "500"),
        ("order_notional", "max_order_notional", "2000", "20"),
    ];
    for (rule, limit, value, quantity) in rows {
        let open = wide.map(|name| (name, Value::Number(Nano::whole(100))));
        let limits = growth().replace(open).unwrap().replace([(limit, Value::Number(n(value)))]).unwrap();
        let mut engine = engine(limits);
        let [below, at, above] = around(quantity).map(|quantity| violated(&mut engine, &opening(Side::Buy, quantity)));
        assert_eq!((below, at, above), (vec![], vec![], vec![rule]), "{limit} of {value}");
    }
}

#[test]
fn a_stop_passes_at_both_ends_of_its_range() {
    let mut engine = engine(growth());
    for (stop, refused) in [
        ("99.500000001", true),
        ("99.5", false),
        ("99.499999999", false),
        ("96.000000001", false),
        ("96", false),
        ("95.999999999", true),
    ] {
        let terms = Terms { stop_loss: Some(n(stop)), ..opening(Side::Buy, Nano::ONE) };
        let wanted = if refused { vec!["stop_loss_distance"] } else { vec![] };
        assert_eq!(violated(&mut engine, &terms), wanted, "{stop}");
    }
}

#[test]
fn a_stop_is_hit_before_liquidation() {
    let mut engine = engine(growth().replace([("stop_atr_max", Value::Number(n("100")))]).unwrap());
    // At leverage 5: (1/5 - 1 %) x 80 % = 15.2 % of the way.
    for (stop, refused) in [("84.800000001", false), ("84.8", false), ("84.799999999", true)] {
        let terms = Terms { leverage: n("5"), stop_loss: Some(n(stop)), ..opening(Side::Buy, Nano::ONE) };
        let wanted = if refused { vec!["liquidation_buffer"] } else { vec![] };
        assert_eq!(violated(&mut engine, &terms), wanted, "{stop}");
    }
}

#[test]
fn a_loss_is_refused_at_its_limit() {
    let wide = |name| growth().replace([(name, Value::Number(Nano::ONE))]).unwrap();
    for (limits, lost, rule) in
        [(wide("max_drawdown"), "400", "daily_loss"), (wide("max_daily_loss"), "1500", "drawdown")]
    {
        let rows = around(lost).map(|lost| {
            let mut engine = engine(limits.clone());
            funding(&mut engine, lost.negated().unwrap());
            violated(&mut engine, &opening(Side::Buy, Nano::ONE))
        });
        // The breaker trips with it.
        let refused = vec!["trading_state", rule];
        assert_eq!(rows, [vec![], refused.clone(), refused], "{lost} lost");
    }
}

#[test]
fn a_price_is_old_after_its_age_and_not_at_it() {
    let mut engine = engine(growth());
    for (after, wanted) in [(60 * SECOND, vec![]), (60 * SECOND + 1, vec!["stale_price"])] {
        engine.bring_to(START.after(Span::from_nanos(after)));
        assert_eq!(violated(&mut engine, &opening(Side::Buy, Nano::ONE)), wanted, "{after} ns");
    }
}

#[test]
fn the_last_whole_token_of_the_rate_is_there_to_be_taken() {
    let mut engine = engine(growth());
    for number in 1..=20 {
        assert!(buy(&mut engine, "0.001").is_some(), "order {number}");
    }
    for (after, wanted) in [(0, vec!["order_rate"]), (SECOND - 1, vec!["order_rate"]), (SECOND, vec![])] {
        engine.bring_to(START.after(Span::from_nanos(after)));
        assert_eq!(violated(&mut engine, &opening(Side::Buy, n("0.001"))), wanted, "{after} ns");
    }
}

#[test]
fn what_is_missing_violates_every_rule_that_needs_it() {
    let mut unmarked = Engine::new("alpha", growth(), START).unwrap();
    unmarked.bring_to(START);
    unmarked.deposit(n("10000")).unwrap();
    let limited = Terms { price: Some(n("100")), ..opening(Side::Buy, Nano::ONE) };
    let needs_a_mark = vec![
        "unknown_asset",
        "stale_price",
        "leverage",
        "position_size",
        "stop_loss_distance",
        "concentration",
        "correlated_exposure",
        "price_collar",
    ];
    assert_eq!(violated(&mut unmarked, &limited), needs_a_mark);
    mark(&mut unmarked, "100", None);
    assert_eq!(violated(&mut unmarked, &limited), ["stop_loss_distance"], "no ATR");
    mark(&mut unmarked, "100", Some(ATR));
    assert!(violated(&mut unmarked, &limited).is_empty());
    let no_stop = Terms { stop_loss: None, ..limited };
    assert_eq!(violated(&mut unmarked, &no_stop), ["stop_loss_required"]);
}

#[test]
fn every_violated_rule_is_reported_and_not_the_first_alone() {
    let mut engine = engine(growth());
    let greedy =
        Terms { leverage: n("9"), price: Some(n("110")), stop_loss: Some(n("111")), ..opening(Side::Buy, n("500")) };
    let wanted =
        ["leverage", "position_size", "stop_loss_required", "concentration", "correlated_exposure", "price_collar"];
    assert_eq!(violated(&mut engine, &greedy), wanted);
}

#[test]
fn a_model_that_is_not_sure_opens_nothing() {
    let mut engine = engine(growth());
    for (confidence, wanted) in [("0.299999999", vec!["held"]), ("0.3", vec![])] {
        let terms = Terms { confidence: n(confidence), ..opening(Side::Buy, Nano::ONE) };
        assert_eq!(violated(&mut engine, &terms), wanted, "{confidence}");
    }
}

#[test]
fn a_reduction_is_bounded_by_the_position_with_all_that_works() {
    let mut engine = engine(growth());
    assert_eq!(violated(&mut engine, &exit(Side::Sell, Nano::ONE)), ["reduce_only"], "flat");
    hold_position(&mut engine, "1");
    for (side, quantity, refused) in
        [(Side::Sell, "1", false), (Side::Sell, "1.000000001", true), (Side::Sell, "10", true), (Side::Buy, "1", true)]
    {
        let wanted = if refused { vec!["reduce_only"] } else { vec![] };
        assert_eq!(violated(&mut engine, &exit(side, n(quantity))), wanted, "{side} {quantity}");
    }
    let working = vault::authorize(&mut engine, order(exit(Side::Sell, n("0.6")), None)).unwrap();
    for (quantity, wanted) in [("0.4", vec![]), ("0.400000001", vec!["reduce_only"])] {
        assert_eq!(violated(&mut engine, &exit(Side::Sell, n(quantity))), wanted, "{quantity} beside 0.6");
    }
    assert_eq!(engine.order_cancelled(&order_id(working)), Ok(true));
}

#[test]
fn opposite_orders_never_net() {
    let mut engine = engine(growth());
    hold_position(&mut engine, "20");
    // Long 20 with a sell of 90 at work is short 70 at worst: 7,000 where 6,000 is allowed in one asset.
    let limits = growth().replace([("max_position_fraction", Value::Number(Nano::ONE))]).unwrap();
    let mut roomy = vault::engine(limits);
    hold_position(&mut roomy, "20");
    for (quantity, wanted) in [("80", vec![]), ("80.000000001", vec!["concentration"])] {
        assert_eq!(violated(&mut roomy, &opening(Side::Sell, n(quantity))), wanted, "{quantity}");
    }
    // A working sell takes nothing off what a buy adds.
    assert!(vault::authorize(&mut roomy, order(opening(Side::Sell, n("30")), None)).is_some());
    for (quantity, wanted) in [("40", vec![]), ("40.000000001", vec!["concentration"])] {
        assert_eq!(violated(&mut roomy, &opening(Side::Buy, n(quantity))), wanted, "{quantity} beside a sell");
    }
}

#[test]
fn only_the_agent_opens_and_only_in_an_active_vault() {
    let mut engine = engine(growth());
    hold_position(&mut engine, "1");
    let (open, close) = (opening(Side::Buy, Nano::ONE), exit(Side::Sell, Nano::ONE));
    engine.pause().unwrap();
    for origin in [Origin::Agent, Origin::Owner, Origin::Protection] {
        let may_close = origin != Origin::Agent;
        assert_eq!(engine.judge(&close, None, origin).0 == 0, may_close, "{origin} closes");
        assert_ne!(engine.judge(&open, None, origin).0 & 1, 0, "{origin} opens");
    }
    engine.resume().unwrap();
    assert_ne!(engine.judge(&open, None, Origin::Owner).0 & 1, 0);
    assert_eq!(engine.judge(&open, None, Origin::Agent).0, 0);
}
