//! Whatever lies in the box of orders that surely pass, does pass.

mod operations;

use std::cell::Cell;

use gxrisk_core::decide::room::{Numbers, Room};
use gxrisk_core::decide::{Facts, Mask, decide};
use gxrisk_core::{Limits, Nano, Origin, Side, Terms};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use operations::desk::Desk;
use operations::{ASSETS, Magnitude, Operation, asset, limits, operation, runner};

fn blank(index: usize) -> Terms {
    Terms {
        asset: asset(index),
        side: Side::Buy,
        quantity: Nano::ONE,
        price: None,
        leverage: Nano::ONE,
        stop_loss: None,
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    }
}

fn nano(raw: i64) -> Nano {
    Nano::from_raw(i128::from(raw))
}

/// The order of a row, as `decide` takes it.
fn terms(index: usize, side: Side, numbers: &Numbers) -> Terms {
    Terms {
        side,
        quantity: nano(numbers.quantity),
        price: (numbers.price != Numbers::NO_PRICE).then(|| nano(numbers.price)),
        leverage: nano(numbers.leverage),
        stop_loss: Some(nano(numbers.stop_loss)),
        confidence: nano(numbers.confidence),
        ..blank(index)
    }
}

/// An order around the mark: parts in thousandths of what is usual, and some nanos beside an edge.
type Draw = (i64, Option<i64>, i64, i64, i64, i64);

fn draw() -> impl Strategy<Value = Draw> {
    let price = prop::option::weighted(0.7, -60_i64..=60);
    let beside = prop_oneof![3 => Just(0_i64), 1 => -2_i64..=2];
    (0_i64..=1_200, price, 1_000_i64..=6_000, -100_i64..=6_000, 250_i64..=1_000, beside)
}

fn numbers(
    facts: &Facts<'_>,
    side: Side,
    most: Nano,
    (share, price, leverage, stop, sure, beside): Draw,
) -> Option<Numbers> {
    let mark = i64::try_from(facts.holding.mark?.price.raw()).ok()?;
    let atr = i64::try_from(facts.holding.atr?.raw()).ok()?;
    let price = price.map(|thousandths| mark + mark / 1_000 * thousandths + beside);
    let away = atr / 1_000 * stop + beside;
    let entry = price.unwrap_or(mark);
    Some(Numbers {
        quantity: i64::try_from(most.raw() / 1_000 * i128::from(share)).ok()? + beside,
        price: price.unwrap_or(Numbers::NO_PRICE),
        leverage: leverage * 1_000_000,
        stop_loss: if side == Side::Buy { entry - away } else { entry + away },
        confidence: sure * 1_000_000,
    })
}

/// Asks the engine again and again: what it remembers between two changes must never show.
fn check_questions(desk: &mut Desk, draws: &[Draw]) -> Result<(), TestCaseError> {
    desk.engine.bring_to(desk.engine.now());
    let vault = desk.engine.frozen();
    for index in 0..ASSETS.len() {
        let held = desk.engine.frozen_asset(&asset(index));
        let facts = vault.facts(&held);
        for (side, draw) in [Side::Buy, Side::Sell].into_iter().cycle().zip(draws.iter().take(12)) {
            let Some(numbers) = numbers(&facts, side, Nano::whole(300), *draw) else { continue };
            let order = terms(index, side, &numbers);
            if order.check().is_ok() {
                let expected = decide(facts, &order, Origin::Agent);
                for _ in 0..10 {
                    prop_assert_eq!(desk.engine.judge(&order, None, Origin::Agent), expected, "{:?}", order);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn an_engine_that_is_asked_again_answers_as_if_for_the_first_time() {
    let check = |(limits, history, draws): (Limits, Vec<Operation>, Vec<Draw>)| {
        let mut desk = Desk::new(limits);
        desk.perform(&Operation::Deposit(Nano::whole(1_000_000)))?;
        for index in 0..ASSETS.len() {
            let (price, atr) = (Nano::whole(100), Some(Nano::ONE));
            desk.perform(&Operation::Mark { asset: index, price, atr, ahead: 0 })?;
        }
        check_questions(&mut desk, &draws)?;
        for operation in &history {
            desk.perform(operation)?;
            check_questions(&mut desk, &draws)?;
        }
        Ok(())
    };
    let history = prop::collection::vec(operation(Magnitude::Usual), 1..25);
    runner(400).run(&(limits(), history, prop::collection::vec(draw(), 12..20)), check).unwrap();
}

#[test]
fn whatever_lies_in_the_room_is_approved() {
    let (rooms, inside) = (Cell::new(0), Cell::new(0));
    let check = |(limits, history, draws): (Limits, Vec<Operation>, Vec<Draw>)| -> Result<(), TestCaseError> {
        let mut desk = Desk::new(limits);
        desk.perform(&Operation::Deposit(Nano::whole(1_000_000)))?;
        for index in 0..ASSETS.len() {
            let (price, atr) = (Nano::whole(100), Some(Nano::ONE));
            desk.perform(&Operation::Mark { asset: index, price, atr, ahead: 0 })?;
        }
        for operation in &history {
            desk.perform(operation)?;
        }
        let vault = desk.engine.frozen();
        for index in 0..ASSETS.len() {
            let held = desk.engine.frozen_asset(&asset(index));
            let facts = vault.facts(&held);
            for side in [Side::Buy, Side::Sell] {
                let Some(room) = Room::of(&facts, &blank(index), side) else { continue };
                rooms.set(rooms.get() + 1);
                let stop = if side == Side::Buy { 98 } else { 102 };
                let probe = Terms { side, stop_loss: Some(Nano::whole(stop)), ..blank(index) };
                let most = desk.engine.max_quantity(&probe, None, Origin::Agent);
                for draw in &draws {
                    let Some(numbers) = numbers(&facts, side, most, *draw) else { continue };
                    if room.holds(&numbers, side) {
                        inside.set(inside.get() + 1);
                        let order = terms(index, side, &numbers);
                        prop_assert_eq!(order.check(), Ok(()));
                        prop_assert_eq!(decide(facts, &order, Origin::Agent), Mask(0), "{:?} in {:?}", order, room);
                    }
                }
            }
        }
        Ok(())
    };
    let history = prop::collection::vec(operation(Magnitude::Usual), 0..25);
    let cases = (limits(), history, prop::collection::vec(draw(), 20..60));
    runner(1_500).run(&cases, check).unwrap();
    assert!(
        rooms.get() > 500 && inside.get() > 1_000,
        "too little met: {} rooms, {} orders",
        rooms.get(),
        inside.get()
    );
}
