//! Every operation of an engine at random, and the numbers, limits and orders that they are made of.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub mod desk;

use gxrisk_core::limits::{FIELDS, Field, Kind, Value};
use gxrisk_core::num::Nano;
use gxrisk_core::order::{Origin, Side};
use gxrisk_core::{Asset, Limits};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The assets that are traded; the last one is never marked by the usual sequences.
pub const ASSETS: [&str; 4] = ["BTC", "ETH", "SOL", "DOGE"];

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The asset at an index.
pub fn asset(index: usize) -> Asset {
    Asset::new(ASSETS[index % ASSETS.len()]).expect("the names are short")
}

/// A runner whose seed is printed; `GXRISK_SEED` and `PROPTEST_CASES` choose others.
pub fn runner(cases: u32) -> TestRunner {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("GXRISK_SEED").unwrap_or(20_200_312);
    let cases = number("PROPTEST_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(cases);
    println!("GXRISK_SEED={seed} PROPTEST_CASES={cases}");
    let mut bytes = [0_u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// An order before it knows the market: prices are in thousandths of the last mark.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Which asset, by index.
    pub asset: usize,
    /// Buy or sell.
    pub side: Side,
    /// How much.
    pub quantity: Nano,
    /// The limit price, in thousandths of the mark.
    pub price: Option<i64>,
    /// The stop's distance towards the loss, in thousandths of the mark.
    pub stop: Option<i64>,
    /// The order's leverage.
    pub leverage: Nano,
    /// Can only make a position smaller.
    pub reduce_only: bool,
    /// How sure.
    pub confidence: Nano,
    /// By whom.
    pub origin: Origin,
    /// A caller's id; from few, so that some repeat.
    pub id: Option<u8>,
}

/// A fill before it knows its order.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Which approved order, from the newest back; one that nobody approved where there are fewer.
    pub order: usize,
    /// The fill's id; from few, so that some repeat.
    pub fill: u8,
    /// How much, in thousandths of what was approved.
    pub part: i64,
    /// How much, of what nobody approved.
    pub foreign: Nano,
    /// At what price.
    pub price: Nano,
    /// The fee.
    pub fee: Nano,
    /// The asset and side that the venue names.
    pub named: Option<(usize, Side)>,
}

/// One operation of an engine.
#[derive(Clone, Debug)]
pub enum Operation {
    Wait(i64),
    Deposit(Nano),
    /// Expires that many nanoseconds ahead; nonces are few, so that some repeat.
    Withdraw {
        amount: Nano,
        nonce: u8,
        ahead: i64,
    },
    SetKeys(u8),
    SetOwnerKey(u8),
    Restart,
    Checkpoint,
    Mark {
        asset: usize,
        price: Nano,
        atr: Option<Nano>,
        ahead: i64,
    },
    Funding(usize, Nano, Option<i64>),
    Note(u8, u8),
    Volatility(Nano),
    Groups(usize),
    LotSteps(Option<Nano>),
    Authorize(Proposal),
    Hold(Option<usize>, Nano),
    Redeem(usize),
    Accepted(usize),
    Fill(Execution),
    Cancelled(usize),
    Failed(usize),
    Pause,
    Resume,
    Kill,
    Reactivate {
        rebase: bool,
        late: bool,
    },
    SetLimits(Vec<(&'static str, Value)>),
    RiskScale(Nano),
}

/// How large the numbers of a sequence are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Magnitude {
    /// Prices about 100, deposits in the thousands.
    Usual,
    /// From one unit of the scale to the largest number that the gate takes.
    Extreme,
}

fn thousandths(range: std::ops::RangeInclusive<i64>) -> BoxedStrategy<Nano> {
    range.prop_map(|raw| Nano::from_raw(i128::from(raw) * 1_000_000)).boxed()
}

fn extreme() -> BoxedStrategy<Nano> {
    let max = Nano::MAX.raw();
    let power = (0_u32..28).prop_map(|digits| Nano::from_raw(10_i128.pow(digits)));
    let near = (0_i128..3).prop_map(move |less| Nano::from_raw(max - less));
    prop_oneof![2 => power, 1 => near, 1 => Just(Nano::STEP)].boxed()
}

fn price(magnitude: Magnitude) -> BoxedStrategy<Nano> {
    match magnitude {
        Magnitude::Usual => {
            let jumps = thousandths(60_000..=150_000);
            prop_oneof![8 => thousandths(97_000..=103_000), 2 => thousandths(92_000..=108_000), 1 => jumps].boxed()
        }
        Magnitude::Extreme => extreme(),
    }
}

fn quantity(magnitude: Magnitude) -> BoxedStrategy<Nano> {
    match magnitude {
        Magnitude::Usual => prop_oneof![3 => thousandths(1..=30_000), 1 => thousandths(1..=300_000)].boxed(),
        Magnitude::Extreme => extreme(),
    }
}

fn either_sign(amount: BoxedStrategy<Nano>) -> BoxedStrategy<Nano> {
    (amount, any::<bool>()).prop_map(|(a, less)| if less { Nano::ZERO.minus(a).unwrap_or(a) } else { a }).boxed()
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

/// An order of any kind.
pub fn proposal(magnitude: Magnitude) -> BoxedStrategy<Proposal> {
    let shape = (0..ASSETS.len(), side(), quantity(magnitude), prop::option::weighted(0.4, 940_i64..=1_060));
    let guard = (prop::option::weighted(0.9, -5_i64..=60), prop_oneof![4 => 1_i64..=1, 1 => 1_i64..=12]);
    let origin = prop_oneof![6 => Just(Origin::Agent), 1 => Just(Origin::Owner), 1 => Just(Origin::Protection)];
    let rest = (prop::bool::weighted(0.25), 0_i64..=10, origin, prop::option::weighted(0.3, 0_u8..6));
    let build = move |((asset, side, quantity, price), (stop, leverage), (reduce_only, sure, origin, id))| {
        let confidence = Nano::from_raw(i128::from(10 - sure) * 100_000_000);
        let leverage = Nano::whole(leverage);
        Proposal { asset, side, quantity, price, stop, leverage, reduce_only, confidence, origin, id }
    };
    (shape, guard, rest).prop_map(build).boxed()
}

fn execution(magnitude: Magnitude) -> BoxedStrategy<Operation> {
    let named = prop::option::weighted(0.2, (0..ASSETS.len(), side()));
    let fee = either_sign(if magnitude == Magnitude::Usual { thousandths(0..=2_000) } else { extreme() });
    let part = prop_oneof![3 => 1_i64..=1_000, 2 => Just(1_000_i64), 1 => 1_001_i64..=2_000];
    (0_usize..6, 0_u8..4, part, quantity(magnitude), price(magnitude), fee, named)
        .prop_map(|(order, fill, part, foreign, price, fee, named)| {
            Operation::Fill(Execution { order, fill, part, foreign, price, fee, named })
        })
        .boxed()
}

/// A value within a limit's range, wherever it lies.
fn limit(field: &'static Field) -> BoxedStrategy<(&'static str, Value)> {
    let name = field.name;
    let (min, max) = (field.min.raw(), field.max.raw());
    let value = match field.kind {
        Kind::Base => (0_usize..2)
            .prop_map(|index| {
                let base = [gxrisk_core::limits::DrawdownBase::Peak, gxrisk_core::limits::DrawdownBase::Deposit];
                Value::Base(base[index])
            })
            .boxed(),
        Kind::Assets => prop::option::of(prop::collection::btree_set(0..ASSETS.len(), 0..4))
            .prop_map(|list| list.map_or(Value::Off, |list| Value::Assets(list.into_iter().map(asset).collect())))
            .boxed(),
        Kind::Count => (min / 1_000_000_000..=(max / 1_000_000_000).min(40))
            .prop_map(|whole| Value::Number(Nano::from_raw(whole * 1_000_000_000)))
            .boxed(),
        Kind::Money | Kind::Budget => prop::option::of(min..=max.min(3_000_000_000_000))
            .prop_map(|raw| raw.map_or(Value::Off, |raw| Value::Number(Nano::from_raw(raw))))
            .boxed(),
        Kind::Ratio | Kind::Seconds => prop_oneof![min..=max, min..=max.min(min + 3_000_000_000)]
            .prop_map(|raw| Value::Number(Nano::from_raw(raw)))
            .boxed(),
    };
    value.prop_map(move |value| (name, value)).boxed()
}

/// The limits of a tier with a few fields changed; the tier's own where those contradict each other.
pub fn limits() -> BoxedStrategy<Limits> {
    (0..3_usize, prop::collection::vec((0..FIELDS.len()).prop_flat_map(|index| limit(&FIELDS[index])), 0..3))
        .prop_map(|(tier, changes)| {
            let tier = Limits::for_tier(gxrisk_core::limits::TIERS[tier]).expect("a tier of the list");
            tier.replace(changes).unwrap_or(tier)
        })
        .boxed()
}

/// One operation of any kind.
pub fn operation(magnitude: Magnitude) -> BoxedStrategy<Operation> {
    let is_usual = magnitude == Magnitude::Usual;
    let money = if is_usual { thousandths(1..=20_000_000) } else { extreme() };
    let waits = prop_oneof![
        4 => 0..=5 * SECOND, 3 => 0..=70 * SECOND, 1 => 0..=2_000 * SECOND, 1 => 0..=2 * DAY, 1 => -100 * SECOND..=0
    ];
    let ahead = prop_oneof![6 => Just(0_i64), 1 => -20 * SECOND..=0, 1 => 0..=6 * SECOND];
    let (waits, ahead) = if is_usual {
        (waits.boxed(), ahead.boxed())
    } else {
        let any = || prop_oneof![5 => 0..=100 * SECOND, 1 => any::<i64>(), 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
        (any().boxed(), any().boxed())
    };
    let marked = if is_usual { 3_usize } else { 4 };
    let atr = prop::option::weighted(0.8, if is_usual { thousandths(0..=3_000) } else { extreme() });
    let mark = (0..marked, price(magnitude), atr, ahead).prop_map(|(asset, price, atr, ahead)| Operation::Mark {
        asset,
        price,
        atr,
        ahead,
    });
    let unit = thousandths(1..=1_000);
    let custody = prop_oneof![
        1 => any::<u8>().prop_map(Operation::SetKeys),
        1 => any::<u8>().prop_map(Operation::SetOwnerKey),
        1 => Just(Operation::Restart),
        2 => Just(Operation::Checkpoint),
    ];
    let changes = prop::collection::vec((0..FIELDS.len()).prop_flat_map(|index| limit(&FIELDS[index])), 1..3);
    prop_oneof![
        8 => waits.prop_map(Operation::Wait),
        12 => mark,
        12 => proposal(magnitude).prop_map(Operation::Authorize),
        8 => execution(magnitude),
        3 => money.clone().prop_map(Operation::Deposit),
        2 => (money.clone(), 0_u8..8, -SECOND..=60 * SECOND)
            .prop_map(|(amount, nonce, ahead)| Operation::Withdraw { amount, nonce, ahead }),
        2 => (0..ASSETS.len(), either_sign(money), prop::option::of(0..8_i64))
            .prop_map(|(asset, amount, paid)| Operation::Funding(asset, amount, paid)),
        1 => (0_u8..3, 0_u8..3).prop_map(|(topic, text)| Operation::Note(topic, text)),
        1 => thousandths(0..=500).prop_map(Operation::Volatility),
        1 => (0_usize..4).prop_map(Operation::Groups),
        1 => prop::option::of(quantity(magnitude)).prop_map(Operation::LotSteps),
        1 => (prop::option::of(0..ASSETS.len()), unit.clone())
            .prop_map(|(asset, confidence)| Operation::Hold(asset, confidence)),
        6 => (0_usize..4).prop_map(Operation::Redeem),
        3 => (0_usize..5).prop_map(Operation::Accepted),
        3 => (0_usize..5).prop_map(Operation::Cancelled),
        2 => (0_usize..5).prop_map(Operation::Failed),
        1 => Just(Operation::Pause),
        4 => Just(Operation::Resume),
        1 => Just(Operation::Kill),
        3 => (any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(rebase, late)| Operation::Reactivate { rebase, late }),
        2 => changes.prop_map(Operation::SetLimits),
        1 => unit.prop_map(Operation::RiskScale),
        1 => custody,
    ]
    .boxed()
}
