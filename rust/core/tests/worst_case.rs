//! What is approved never exceeds a limit, whatever then fills; and `max_quantity` is the edge of it, exactly.

mod operations;

use std::cell::Cell;

use gxrisk_core::engine::{FillReport, order_id};
use gxrisk_core::limits::Value;
use gxrisk_core::num::Nano;
use gxrisk_core::{Event, Limits, Mask, Origin, Outcome, Side};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use operations::desk::Desk;
use operations::{ASSETS, Magnitude, Operation, Proposal, asset, limits, operation, proposal, runner};

/// What is paid in, in whole units of money.
const DEPOSIT: i64 = 10_000;

/// One step of a vault whose marks stand still.
#[derive(Clone, Debug)]
enum Step {
    Propose(Proposal),
    /// A part, in thousandths of what is left, of a working order by index.
    Fill(usize, i64),
    Cancel(usize),
}

/// A tier without the limits that count, at some scale; its groups; its steps; the order in which the rest then fills.
type Plan = (Limits, Nano, usize, Vec<Step>, Vec<(usize, i64)>);

fn plan(with_reductions: bool) -> impl Strategy<Value = Plan> {
    let tier = prop_oneof![Just("capital_guard"), Just("growth"), Just("high_octane")].prop_map(|tier| {
        let counted = ["max_daily_trades", "order_burst", "orders_per_minute", "max_open_orders"];
        let many = Value::Number(Nano::whole(1_000_000));
        Limits::for_tier(tier).unwrap().replace(counted.map(|name| (name, many.clone()))).unwrap()
    });
    let scale =
        prop_oneof![2 => Just(1_000_000_000_i128), 1 => 300_000_000..=1_000_000_000_i128].prop_map(Nano::from_raw);
    let sound = move |mut proposal: Proposal| {
        (proposal.stop, proposal.leverage, proposal.origin, proposal.id) = (Some(20), Nano::ONE, Origin::Agent, None);
        proposal.confidence = Nano::ONE;
        proposal.reduce_only &= with_reductions;
        Step::Propose(proposal)
    };
    let step = prop_oneof![
        8 => proposal(Magnitude::Usual).prop_map(sound),
        3 => (0_usize..8, 1_i64..=1_000).prop_map(|(order, part)| Step::Fill(order, part)),
        1 => (0_usize..8).prop_map(Step::Cancel),
    ];
    let ending = prop::collection::vec((0_usize..64, prop_oneof![1_i64..=1_000, Just(1_000_i64)]), 0..60);
    (tier, scale, 0_usize..3, prop::collection::vec(step, 1..60), ending)
}

/// Positions and caps, kept without the engine.
struct Ledger {
    positions: [i128; ASSETS.len()],
    marks: [i128; ASSETS.len()],
    limits: Limits,
    scale: Nano,
    groups: Vec<Vec<usize>>,
    fills: u64,
    /// What reduce-only orders took beside working openings of their side, or once these had turned the position round, by
    /// asset, until it is flat with no opening working. The specification's worst case leaves reduce-only orders out: such
    /// openings can come to that much more.
    reduced: [i128; ASSETS.len()],
}

impl Ledger {
    /// Whether an exposure (in 1e-18) is at most a fraction of the deposit, at a scale; nothing is divided.
    fn is_within(exposure: i128, fraction: Nano, scale: Nano) -> bool {
        exposure <= i128::from(DEPOSIT) * fraction.raw() * scale.raw()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let opened = self.positions.iter().zip(self.reduced).map(|(held, reduced)| held.abs() - reduced);
        let exposures: Vec<i128> = opened.zip(self.marks).map(|(opened, mark)| opened.max(0) * mark).collect();
        let Limits { max_leverage, max_concentration, max_correlated_exposure, .. } = self.limits;
        let gross: i128 = exposures.iter().sum();
        prop_assert!(Self::is_within(gross, max_leverage, Nano::ONE), "gross exposure {}", gross);
        for (name, exposure) in ASSETS.iter().zip(&exposures) {
            prop_assert!(Self::is_within(*exposure, max_concentration, self.scale), "{}: {} e-18", name, exposure);
        }
        let alone = (0..ASSETS.len()).filter(|index| !self.groups.iter().any(|group| group.contains(index)));
        for group in self.groups.iter().cloned().chain(alone.map(|index| vec![index])) {
            let sum: i128 = group.iter().filter_map(|index| exposures.get(*index)).sum();
            prop_assert!(Self::is_within(sum, max_correlated_exposure, self.scale), "group {:?}: {} e-18", group, sum);
        }
        Ok(())
    }

    /// Fills a part of a working order at its entry price or at the mark, and looks at every limit.
    fn fill(&mut self, desk: &mut Desk, which: usize, part: i64, at_entry: bool) -> Result<(), TestCaseError> {
        let working = desk.engine.view().working;
        let Some(booked) = working.get(which % working.len().max(1)) else { return Ok(()) };
        let terms = &booked.ruling.order.terms;
        let index = ASSETS.iter().position(|name| *name == terms.asset.name()).unwrap_or_default();
        let mut openings = working
            .iter()
            .map(|other| &other.ruling.order.terms)
            .filter(|other| other.asset == terms.asset && !other.reduce_only);
        let has_turned = terms.side.signed(Nano::STEP).map_or(0, Nano::raw) * self.positions[index] >= 0;
        let is_excess = terms.reduce_only && (has_turned || openings.clone().any(|other| other.side == terms.side));
        let mark = Nano::from_raw(self.marks[index]);
        let quantity = Nano::from_raw((booked.remaining.raw() * i128::from(part) / 1_000).max(1));
        self.fills += 1;
        let report = FillReport {
            order_id: &order_id(booked.ruling.sequence),
            fill_id: &format!("fill-{}", self.fills),
            quantity,
            price: if at_entry { booked.ruling.entry.unwrap_or(mark) } else { mark },
            fee: Nano::ZERO,
            asset: None,
            side: None,
        };
        prop_assert_eq!(desk.engine.apply_fill(&report), Ok(true));
        self.reduced[index] += if is_excess { quantity.raw() } else { 0 };
        self.positions[index] += terms.side.signed(quantity).map_or(0, Nano::raw);
        let is_over = quantity == booked.remaining && !terms.reduce_only;
        if self.positions[index] == 0 && openings.nth(usize::from(is_over)).is_none() {
            self.reduced[index] = 0;
        }
        self.check()
    }
}

fn check_plan(plan: &Plan, at_entry: bool) -> Result<u64, TestCaseError> {
    let (limits, scale, groups, steps, ending) = plan;
    let mut desk = Desk::new(limits.clone());
    let prices = [100_i64, 97, 120, 80];
    desk.perform(&Operation::Deposit(Nano::whole(DEPOSIT)))?;
    desk.perform(&Operation::RiskScale(*scale))?;
    desk.perform(&Operation::Groups(*groups))?;
    for (asset, price) in prices.into_iter().enumerate() {
        let atr = Some(Nano::ONE);
        desk.perform(&Operation::Mark { asset, price: Nano::whole(price), atr, ahead: 0 })?;
    }
    let mut ledger = Ledger {
        positions: [0; ASSETS.len()],
        marks: prices.map(|price| Nano::whole(price).raw()),
        limits: limits.clone(),
        scale: *scale,
        groups: desk.groups.clone(),
        fills: 0,
        reduced: [0; ASSETS.len()],
    };
    for step in steps {
        match step {
            Step::Propose(proposal) => desk.perform(&Operation::Authorize(proposal.clone()))?,
            // At the mark, so that the equity of every approval is the deposit.
            Step::Fill(which, part) => ledger.fill(&mut desk, *which, *part, false)?,
            Step::Cancel(which) => desk.perform(&Operation::Cancelled(*which))?,
        }
        prop_assert_eq!(desk.engine.view().account.equity.raw(), i128::from(DEPOSIT) * 1_000_000_000_000_000_000);
    }
    for (which, part) in ending {
        ledger.fill(&mut desk, *which, *part, at_entry)?;
    }
    while !desk.engine.view().working.is_empty() {
        ledger.fill(&mut desk, ending.len(), 1_000, at_entry)?;
    }
    for worth in desk.engine.view().worths {
        let index = ASSETS.iter().position(|name| *name == worth.asset.name()).unwrap_or_default();
        prop_assert_eq!(worth.position.raw(), ledger.positions[index], "{}", worth.asset);
    }
    let approved = |event: &Event| matches!(event, Event::Decided(ruling) if ruling.outcome() == Outcome::Approved);
    Ok(desk.records.iter().filter(|record| approved(&record.event)).count() as u64)
}

fn run_plans(with_reductions: bool) {
    let approved = Cell::new(0);
    let cases = 2_000;
    let check = |(plan, at_entry): (Plan, bool)| {
        approved.set(approved.get() + check_plan(&plan, at_entry)?);
        Ok(())
    };
    runner(cases).run(&(plan(with_reductions), any::<bool>()), check).unwrap();
    assert!(approved.get() > u64::from(cases), "too few approvals to say anything: {}", approved.get());
}

#[test]
fn openings_that_were_approved_never_exceed_a_limit_whatever_fills() {
    run_plans(false);
}

#[test]
fn openings_beside_reductions_exceed_a_limit_by_no_more_than_was_reduced() {
    run_plans(true);
}

/// SPEC 5 leaves reduce-only orders out of the worst case, and this gate follows it: the excess is what they closed.
#[test]
fn a_reduction_beside_openings_that_turn_the_position_round_is_the_only_excess() {
    let order = |side, units, reduce_only| {
        let (quantity, confidence) = (Nano::whole(units), Nano::ONE);
        Step::Propose(Proposal {
            asset: 0,
            side,
            quantity,
            price: None,
            stop: Some(20),
            leverage: Nano::ONE,
            reduce_only,
            confidence,
            origin: Origin::Agent,
            id: None,
        })
    };
    let (buy, sell) = (|| order(Side::Buy, 25, false), || order(Side::Sell, 25, false));
    // Long half of the equity; all of it is being closed, and sold once more and twice: each of these seemed to net.
    let mut steps = vec![buy(), Step::Fill(0, 1_000), buy(), Step::Fill(0, 1_000), order(Side::Sell, 50, true)];
    steps.extend([sell(), sell(), sell(), sell()]);
    let limits = Limits::for_tier("growth").unwrap();
    let approved = check_plan(&(limits, Nano::ONE, 0, steps, vec![]), false).unwrap();
    assert_eq!(approved, 7, "each of these nets by the letter");
}

/// A vault after a random history, brought back to where openings can pass.
fn trading(limits: &Limits, history: &[Operation]) -> Result<Desk, TestCaseError> {
    let mut desk = Desk::new(limits.clone());
    desk.perform(&Operation::Deposit(Nano::whole(DEPOSIT)))?;
    let marks: Vec<_> = (0..3)
        .map(|asset| Operation::Mark { asset, price: Nano::whole(100), atr: Some(Nano::ONE), ahead: 0 })
        .collect();
    let revival = [
        Operation::Deposit(Nano::whole(1_000_000)),
        Operation::Wait(40 * 86_400_000_000_000),
        Operation::Volatility(Nano::ZERO),
        Operation::Resume,
        Operation::Reactivate { rebase: true, late: false },
    ];
    for operation in marks.iter().chain(history).chain(&revival).chain(&marks) {
        desk.perform(operation)?;
    }
    Ok(desk)
}

/// An order, the place of a quantity below the edge and of one above it, in thousandths.
type Question = (Proposal, i128, i128);

fn check_edge(desk: &mut Desk, (proposal, below, above): &Question) -> Result<bool, TestCaseError> {
    let Some(terms) = desk.terms(proposal) else { return Ok(false) };
    let step = if terms.asset == asset(0) { desk.lot_step } else { Nano::STEP };
    let most = desk.engine.max_quantity(&terms, None, proposal.origin);
    let mut judge = |raw: i128| {
        let quantity = Nano::from_raw(raw);
        desk.engine.judge(&gxrisk_core::Terms { quantity, ..terms }, None, proposal.origin)
    };
    prop_assert_eq!(most.raw() % step.raw(), 0, "off the lot step of {}", step);
    prop_assert!(most >= Nano::ZERO && most <= Nano::MAX);
    if most.is_positive() {
        prop_assert_eq!(judge(most.raw()), Mask(0), "the edge itself, {}", most);
        prop_assert_eq!(judge((most.raw() * below / 1_000).max(1)), Mask(0), "below {}", most);
        prop_assert_eq!(judge(1), Mask(0), "the smallest quantity");
    }
    let next = most.raw() + step.raw();
    if next <= Nano::MAX.raw() {
        prop_assert_ne!(judge(next), Mask(0), "one lot step above {}", most);
        let further = (next + next * above / 1_000).min(Nano::MAX.raw());
        prop_assert_ne!(judge(further), Mask(0), "above {}", most);
        prop_assert_ne!(judge(Nano::MAX.raw()), Mask(0), "the largest quantity");
    }
    Ok(most.is_positive())
}

#[test]
fn max_quantity_is_the_edge_and_every_smaller_quantity_passes() {
    let (asked, passed) = (Cell::new(0), Cell::new(0));
    let history = prop::collection::vec(operation(Magnitude::Usual), 0..50);
    let question = (proposal(Magnitude::Usual), 0..=1_000_i128, 0..=100_000_i128);
    let check = |(limits, history, questions): (Limits, Vec<Operation>, Vec<Question>)| {
        let mut desk = trading(&limits, &history)?;
        for question in &questions {
            asked.set(asked.get() + 1);
            passed.set(passed.get() + i32::from(check_edge(&mut desk, question)?));
        }
        Ok(())
    };
    runner(300).run(&(limits(), history, prop::collection::vec(question, 1..12)), check).unwrap();
    assert!(passed.get() * 20 > asked.get(), "only {} of {} orders had an edge above zero", passed.get(), asked.get());
}
