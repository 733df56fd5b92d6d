//! Random histories: the records rebuild the engine, its sums are those of its parts, and no number makes it panic.

mod operations;

use gxrisk_core::decide::{Caps, decide};
use gxrisk_core::exposure::exposure_quantity;
use gxrisk_core::num::{Atto, Nano};
use gxrisk_core::{Engine, Event, Limits, Side, Terms};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;

use operations::desk::Desk;
use operations::{ASSETS, Execution, Magnitude, Operation, asset, limits, operation, runner};

/// Something that is always recorded, so that marks before it are told.
const NOTE: Operation = Operation::Hold(None, Nano::ONE);

type History = (Limits, Vec<Operation>);

fn history(magnitude: Magnitude, steps: std::ops::Range<usize>) -> impl Strategy<Value = History> {
    (limits(), prop::collection::vec(operation(magnitude), steps))
}

fn opened(limits: &Limits, magnitude: Magnitude) -> Result<Desk, TestCaseError> {
    let mut desk = Desk::new(limits.clone());
    desk.perform(&Operation::Deposit(Nano::whole(10_000)))?;
    for asset in 0..if magnitude == Magnitude::Usual { 3 } else { ASSETS.len() } {
        let (price, atr) = (Nano::whole(100), Some(Nano::ONE));
        desk.perform(&Operation::Mark { asset, price, atr, ahead: 0 })?;
    }
    Ok(desk)
}

fn check_replay(desk: &Desk) -> Result<(), TestCaseError> {
    let Some(rebuilt) = desk.rebuilt() else {
        return Err(TestCaseError::fail("the records are refused as a history"));
    };
    let bytes = desk.engine.checkpoint();
    prop_assert!(rebuilt.engine.checkpoint() == bytes, "the records rebuild another engine");
    let Some(restored) = Engine::from_checkpoint(&bytes) else {
        return Err(TestCaseError::fail("the checkpoint is refused"));
    };
    prop_assert!(restored.checkpoint() == bytes, "the checkpoint restores another engine");
    let Some(resumed) = desk.resumed() else {
        return Err(TestCaseError::fail("the checkpoint and the records after it are refused"));
    };
    prop_assert!(resumed.engine.checkpoint() == bytes, "a checkpoint and its records give another engine");
    Ok(())
}

fn sum(parts: impl Iterator<Item = Atto>) -> i128 {
    parts.map(Atto::raw).sum()
}

/// Every sum that is kept up by differences, worked out anew from what the view shows.
fn check_sums(desk: &mut Desk) -> Result<(), TestCaseError> {
    let view = desk.engine.view();
    let account = view.account;
    let cash = account.collateral.raw() + account.realised.raw() - account.fees.raw() + account.funding.raw();
    prop_assert_eq!(account.equity.raw(), cash + account.unrealised.raw(), "equity is not the sum of its parts");
    prop_assert_eq!(account.gross.raw(), sum(view.worths.iter().map(|worth| worth.exposure)));
    prop_assert_eq!(account.unrealised.raw(), sum(view.worths.iter().map(|worth| worth.unrealised)));
    prop_assert_eq!(account.working as usize, view.working.len());
    for worth in &view.worths {
        let reserved = |side: Side, reduce_only: bool| {
            let of = view.working.iter().filter(|booked| {
                let terms = &booked.ruling.order.terms;
                terms.asset == worth.asset && terms.side == side && terms.reduce_only == reduce_only
            });
            Nano::from_raw(of.map(|booked| booked.remaining.raw()).sum())
        };
        let (buys, sells) = (reserved(Side::Buy, false), reserved(Side::Sell, false));
        let terms = plain(worth.asset);
        let evidence = desk.engine.evidence(&terms, None);
        prop_assert_eq!((evidence.holding.buys, evidence.holding.sells), (buys, sells), "{} reserved", worth.asset);
        let reductions = (evidence.holding.reducing_buys, evidence.holding.reducing_sells);
        prop_assert_eq!(reductions, (reserved(Side::Buy, true), reserved(Side::Sell, true)));
        let mark = worth.mark.map_or(0, Nano::raw);
        let quantity = exposure_quantity(worth.position, buys, sells).map_or(0, Nano::raw);
        prop_assert_eq!(worth.exposure.raw(), quantity * mark);
        let gain = if worth.mark.is_some() { worth.position.raw() * mark - worth.cost.raw() } else { 0 };
        prop_assert_eq!(worth.unrealised.raw(), gain, "{} unrealised", worth.asset);
        prop_assert!(!worth.position.is_zero() || worth.cost.is_zero(), "a flat position costs {}", worth.cost);
        let group = desk.groups.iter().find(|group| group.iter().any(|index| asset(*index) == worth.asset));
        let is_member = |other| match group {
            Some(group) => group.iter().any(|index| asset(*index) == other),
            None => other == worth.asset,
        };
        let exposures = view.worths.iter().filter(|other| is_member(other.asset)).map(|other| other.exposure);
        prop_assert_eq!(evidence.group.exposure.raw(), sum(exposures), "the group of {}", worth.asset);
    }
    Ok(())
}

fn plain(asset: gxrisk_core::Asset) -> Terms {
    let (side, price, stop_loss, take_profit) = (Side::Buy, None, None, None);
    let (quantity, leverage, confidence) = (Nano::ONE, Nano::ONE, Nano::ONE);
    Terms { asset, side, quantity, price, leverage, stop_loss, take_profit, reduce_only: false, confidence }
}

/// Each decision follows from what was kept with it, its caps worked out anew.
fn check_evidence(desk: &Desk) -> Result<(), TestCaseError> {
    for record in &desk.records {
        let Event::Decided(ruling) = &record.event else { continue };
        let kept = &ruling.evidence;
        let caps = Caps::new(&kept.limits, &kept.account);
        let facts = kept.facts(&caps);
        prop_assert_eq!(decide(facts, &ruling.order.terms, ruling.origin), ruling.mask, "record {}", record.sequence);
    }
    Ok(())
}

fn check_history(magnitude: Magnitude, (limits, operations): &History) -> Result<(), TestCaseError> {
    let mut desk = opened(limits, magnitude)?;
    for (step, operation) in operations.iter().enumerate() {
        desk.perform(operation)?;
        check_sums(&mut desk)?;
        if step % 6 == 5 {
            desk.perform(&NOTE)?;
            check_replay(&desk)?;
        }
    }
    check_evidence(&desk)
}

#[test]
fn records_rebuild_the_engine_and_sums_are_those_of_their_parts() {
    let check = |history: History| check_history(Magnitude::Usual, &history);
    runner(300).run(&history(Magnitude::Usual, 10..90), check).unwrap();
}

#[test]
fn no_number_makes_it_panic_or_disagree_with_its_records() {
    let check = |history: History| check_history(Magnitude::Extreme, &history);
    runner(400).run(&history(Magnitude::Extreme, 5..50), check).unwrap();
}

/// A gate that was opened again decides as the one that never closed.
fn check_continuation(
    magnitude: Magnitude,
    (limits, before): &History,
    after: &[Operation],
    checkpoint: usize,
) -> Result<(), TestCaseError> {
    let mut live = opened(limits, magnitude)?;
    for (step, operation) in before.iter().enumerate() {
        if step == checkpoint {
            live.perform(&Operation::Checkpoint)?;
        }
        live.perform(operation)?;
    }
    live.perform(&NOTE)?;
    let (Some(mut rebuilt), Some(mut resumed)) = (live.rebuilt(), live.resumed()) else {
        return Err(TestCaseError::fail("the records are refused as a history"));
    };
    for operation in after.iter().chain([&NOTE]) {
        live.perform(operation)?;
        for opened_again in [&mut rebuilt, &mut resumed] {
            opened_again.perform(operation)?;
            prop_assert_eq!(live.engine.state(), opened_again.engine.state(), "after {:?}", operation);
        }
    }
    for opened_again in [rebuilt, resumed] {
        prop_assert_eq!(live.records.len(), opened_again.records.len());
        for (ours, theirs) in live.records.iter().zip(&opened_again.records) {
            prop_assert_eq!(ours, theirs);
        }
        prop_assert!(live.engine.checkpoint() == opened_again.engine.checkpoint(), "they ended up differently");
    }
    Ok(())
}

#[test]
fn a_rebuilt_engine_goes_on_as_the_one_that_never_stopped() {
    let after = prop::collection::vec(operation(Magnitude::Usual), 1..40);
    let check = |(history, after, checkpoint): (History, Vec<Operation>, usize)| {
        check_continuation(Magnitude::Usual, &history, &after, checkpoint)
    };
    runner(400).run(&(history(Magnitude::Usual, 5..60), after, 0_usize..60), check).unwrap();
}

#[test]
fn every_kind_of_event_is_met() {
    let mut kinds = std::collections::BTreeSet::new();
    let mut runner = runner(1);
    let strategy = history(Magnitude::Usual, 60..120);
    for _ in 0..300 {
        let (limits, operations) = strategy.new_tree(&mut runner).unwrap().current();
        let mut desk = opened(&limits, Magnitude::Usual).unwrap();
        for operation in &operations {
            desk.perform(operation).unwrap();
        }
        kinds.extend(desk.records.iter().map(|record| {
            let text = format!("{:?}", record.event);
            text.split([' ', '(']).next().unwrap_or_default().to_owned()
        }));
    }
    assert_eq!(kinds.len(), 31, "of every kind of event at least one: {kinds:?}");
}

fn stranger(fill: u8, asset: usize, foreign: Nano, price: Nano) -> Operation {
    Operation::Fill(Execution {
        order: 9,
        fill,
        part: 1,
        foreign,
        price,
        fee: Nano::ZERO,
        named: Some((asset, Side::Buy)),
    })
}

#[test]
fn a_fill_that_cannot_be_booked_leaves_nothing_behind() {
    let mut desk = Desk::new(Limits::for_tier("growth").unwrap());
    let assets = desk.engine.view().worths.len();
    desk.perform(&stranger(0, 3, Nano::MAX, Nano::MAX)).unwrap();
    assert_eq!(desk.engine.view().worths.len(), assets, "an asset that no record knows");
    check_replay(&desk).unwrap();
}

#[test]
fn a_rebuilt_engine_puts_a_silence_down_to_the_same_asset() {
    let second = 1_000_000_000;
    let mark = |asset| Operation::Mark { asset, price: Nano::whole(100), atr: Some(Nano::ONE), ahead: 0 };
    let mut live = opened(&Limits::for_tier("growth").unwrap(), Magnitude::Usual).unwrap();
    // SOL falls silent and comes back; then BTC falls silent, and a second later SOL again.
    let before = [stranger(0, 2, Nano::ONE, Nano::whole(100)), Operation::Wait(61 * second), mark(2)];
    let silence = [mark(0), Operation::Wait(second), mark(2), stranger(1, 0, Nano::ONE, Nano::whole(100)), NOTE];
    before.iter().chain(&silence).for_each(|operation| live.perform(operation).unwrap());
    let mut opened_again = live.rebuilt().unwrap();
    for desk in [&mut live, &mut opened_again] {
        desk.perform(&Operation::Wait(70 * second)).unwrap();
    }
    assert_eq!(live.engine.trips(), opened_again.engine.trips());
}

#[test]
fn a_damaged_checkpoint_is_refused_or_another_one_and_never_panics() {
    let after = prop::collection::vec(operation(Magnitude::Usual), 1..6);
    let damage = prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..3);
    let check = |(history, after, damages, end): (History, Vec<Operation>, Vec<_>, prop::sample::Index)| {
        let mut desk = opened(&history.0, Magnitude::Usual)?;
        for operation in history.1.iter().chain([&NOTE]) {
            desk.perform(operation)?;
        }
        let whole = desk.engine.checkpoint();
        prop_assert!(Engine::from_checkpoint(&whole[..end.index(whole.len())]).is_none(), "cut");
        for (at, change) in damages {
            let (at, change): (prop::sample::Index, u8) = (at, change);
            let mut bytes = whole.clone();
            *at.get_mut(&mut bytes) ^= change;
            let Some(engine) = Engine::from_checkpoint(&bytes) else { continue };
            prop_assert!(engine.checkpoint() == bytes, "one engine has two forms");
            let mut damaged = desk.around(engine);
            for operation in &after {
                // The desk's own checks are of an honest history; here only a panic would be a failure.
                let _ = damaged.perform(operation);
            }
        }
        Ok(())
    };
    runner(2_000).run(&(history(Magnitude::Usual, 5..40), after, damage, any::<prop::sample::Index>()), check).unwrap();
}
