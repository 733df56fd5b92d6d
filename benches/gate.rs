//! The gate in Rust: one judgement, how it grows with positions, groups and vaults, and what the approval costs.
//!
//! Each group holds its own baseline, measured in the same run: quote ratios, never nanoseconds.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gxrisk_core::asset::Asset;
use gxrisk_core::engine::{Answer, order_id};
use gxrisk_core::event::Tick;
use gxrisk_core::{Engine, Limits, Mask, Nano, Order, Origin, Side, Terms, Time};
use gxrisk_gate::{Gate, ManualClock, MemoryJournal};

fn n(text: &str) -> Nano {
    Nano::parse(text).expect("a number")
}

fn asset(index: usize) -> Asset {
    Asset::new(&format!("A{index}")).expect("a name")
}

fn terms(index: usize, quantity: &str, stop: &str) -> Terms {
    Terms {
        asset: asset(index),
        side: Side::Buy,
        quantity: n(quantity),
        price: Some(n("100")),
        leverage: Nano::ONE,
        stop_loss: Some(n(stop)),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    }
}

fn roomy() -> Limits {
    use gxrisk_core::limits::Value;
    let many = Value::Number(Nano::whole(100_000));
    let changes = [("max_daily_trades", many.clone()), ("order_burst", many.clone()), ("max_open_orders", many)];
    Limits::for_tier("growth").and_then(|limits| limits.replace(changes)).expect("limits")
}

/// Authorizes an order that passes; gives its id.
fn approved(engine: &mut Engine, order: &Arc<Order>) -> String {
    let answer = engine.authorize(Arc::clone(order), Origin::Agent, false).expect("an answer");
    let Answer::Decided { ruling, approved: Some(_) } = answer else { panic!("{answer:?}") };
    order_id(ruling.sequence)
}

/// A vault with positions of 1 unit at 100 each, spread over `groups` correlation groups.
fn engine(positions: usize, groups: usize) -> Engine {
    let now = Time::from_nanos(1_583_971_200_000_000_000);
    let mut engine = Engine::new("bench", roomy(), now).expect("a vault");
    engine.bring_to(now);
    engine.deposit(Nano::whole(10_000_000)).expect("a deposit");
    let members = |group: usize| (0..positions).filter(|i| i % groups == group).map(asset).collect();
    engine.set_groups((0..groups).map(|group| (format!("g{group}").into(), members(group))).collect()).expect("groups");
    for index in 0..positions {
        engine.mark(&Tick { asset: asset(index), price: n("100"), time: now, atr: Some(n("1")) }).expect("a mark");
        let order = Order { terms: terms(index, "1", "98"), reasoning: "bench".into(), client_order_id: None };
        let id = approved(&mut engine, &Arc::new(order));
        let report = gxrisk_core::engine::FillReport {
            order_id: &id,
            fill_id: "1",
            quantity: Nano::ONE,
            price: n("100"),
            fee: Nano::ZERO,
            asset: None,
            side: None,
        };
        engine.apply_fill(&report).expect("a fill");
    }
    engine.outbox().clear();
    engine
}

fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("judge");
    let mut one = engine(16, 16);
    let (good, bad) = (terms(3, "1", "98"), Terms { leverage: Nano::whole(9), ..terms(3, "100000", "50") });
    assert_eq!(one.judge(&good, None, Origin::Agent), Mask(0));
    assert!(one.judge(&bad, None, Origin::Agent).0.count_ones() >= 5);
    group.bench_function("approved, 16 positions", |b| b.iter(|| one.judge(black_box(&good), None, Origin::Agent)));
    group.bench_function("five rules violated", |b| b.iter(|| one.judge(black_box(&bad), None, Origin::Agent)));
    let clock = Arc::new(ManualClock::new(Time::from_nanos(1_583_971_200_000_000_000)));
    let gate = Gate::new("bench", roomy(), clock, Box::<MemoryJournal>::default()).expect("a gate");
    gate.deposit(Nano::whole(10_000_000)).expect("a deposit");
    gate.mark(asset(3), n("100"), Some(n("1")), None).expect("a mark");
    assert_eq!(gate.validate(&good, None, Origin::Agent).0.mask, Mask(0));
    group.bench_function("through lock and clock", |b| b.iter(|| gate.validate(black_box(&good), None, Origin::Agent)));
    group.finish();
}

fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth");
    for positions in [1, 10, 100, 1_000] {
        let mut engine = engine(positions, 1);
        let order = terms(0, "1", "98");
        assert_eq!(engine.judge(&order, None, Origin::Agent), Mask(0));
        group.bench_with_input(BenchmarkId::new("positions", positions), &positions, |b, _| {
            b.iter(|| engine.judge(black_box(&order), None, Origin::Agent));
        });
    }
    for groups in [1, 10, 100] {
        let mut engine = engine(100, groups);
        let order = terms(0, "1", "98");
        group.bench_with_input(BenchmarkId::new("groups", groups), &groups, |b, _| {
            b.iter(|| engine.judge(black_box(&order), None, Origin::Agent));
        });
    }
    group.finish();
}

fn marks(c: &mut Criterion) {
    let mut group = c.benchmark_group("mark");
    for positions in [16, 1_000] {
        let mut engine = engine(positions, 1);
        let mut time = engine.now();
        group.bench_with_input(BenchmarkId::new("positions", positions), &positions, |b, _| {
            b.iter(|| {
                time = time.after(gxrisk_core::time::Span::from_nanos(1_000));
                engine.mark(&Tick { asset: asset(0), price: n("100"), time: engine.now(), atr: None })
            });
        });
    }
    group.finish();
}

fn authorize(c: &mut Criterion) {
    let mut group = c.benchmark_group("authorize");
    let order = Arc::new(Order { terms: terms(3, "0.001", "98"), reasoning: "bench".into(), client_order_id: None });
    group.bench_function("in memory, approved and cancelled", |b| {
        b.iter_batched_ref(
            || engine(16, 16),
            |engine| {
                let id = approved(engine, &order);
                engine.order_cancelled(&id)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Visits vaults in a fixed pseudo-random order: a full-period linear congruential generator modulo a power of two.
struct Shuffle {
    state: usize,
    mask: usize,
}

impl Shuffle {
    fn next(&mut self) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 20) & self.mask
    }
}

fn vaults(c: &mut Criterion) {
    let mut group = c.benchmark_group("vaults");
    group.sample_size(20).throughput(Throughput::Elements(1));
    let order = terms(0, "1", "98");
    for power in [0_u32, 10, 15, 20] {
        let count = 1_usize << power;
        // Made when first asked for, so that a filtered run does not build a million vaults; and once, not at each sample.
        let fleet = RefCell::new(Vec::new());
        let made = || {
            let mut vaults = fleet.borrow_mut();
            if vaults.is_empty() {
                vaults.extend((0..count).map(|_| engine(1, 1)));
            }
            vaults
        };
        let mut shuffle = Shuffle { state: 1, mask: count - 1 };
        group.bench_with_input(BenchmarkId::new("judge at random", count), &count, |b, _| {
            let mut vaults = made();
            b.iter(|| vaults[shuffle.next()].judge(black_box(&order), None, Origin::Agent));
        });
        group.bench_with_input(BenchmarkId::new("touch at random", count), &count, |b, _| {
            let vaults = made();
            b.iter(|| black_box(&vaults[shuffle.next()]).touch(black_box(&order.asset)));
        });
    }
    group.finish();
}

criterion_group!(benches, judge, growth, marks, authorize, vaults);
criterion_main!(benches);
