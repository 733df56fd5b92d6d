//! A vault that is opened again and again goes on as its twin does, which never stops: anchors, streaks, timed ends,
//! reservations, the rate bucket, controls.

mod vault;

use std::sync::Arc;

use gxrisk_core::engine::{FillReport, Stage, TripView, VaultView, Worth};
use gxrisk_core::limits::Value;
use gxrisk_core::state::Account;
use gxrisk_core::time::Span;
use gxrisk_core::{Limits, Nano, Order, Origin, Side, Terms, Time, TradingState};
use gxrisk_gate::journal::Storage;
use gxrisk_gate::{Custody, Gate, ManualClock};
use vault::{SECOND, START, Scratch, VAULT, asset, clock, n, open, order_of, sound};

/// A gate that is opened again at every step, and its twin.
struct Twins {
    storage: Storage,
    clock: Arc<ManualClock>,
    gate: Option<Gate>,
    twin: Gate,
    _scratch: Scratch,
}

/// All that is seen of a gate, but for the numbers of its records, which a restart changes.
#[derive(Debug, PartialEq)]
struct Sight {
    account: Account,
    worths: Vec<Worth>,
    /// What works: how much is left, how far it has come, whether it is to be cancelled, until when it can be used.
    working: Vec<(Nano, Stage, bool, Time)>,
    sums: [String; 3],
    trips: Vec<TripView>,
    limits: Limits,
    state: TradingState,
    room: Vec<(&'static str, Option<Nano>)>,
    notes: Vec<(String, String)>,
}

fn sight(gate: &Gate) -> Sight {
    let VaultView { account, base, drawdown, tokens, worths, working, .. } = gate.view().unwrap();
    let booked = working.into_iter().map(|one| (one.remaining, one.stage, one.cancel_requested, one.ruling.expires));
    Sight {
        account: Account { oldest_mark: Time::END, ..account },
        worths,
        working: booked.collect(),
        sums: [base.to_string(), drawdown.to_string(), tokens.to_string()],
        trips: gate.trips().unwrap(),
        limits: Limits::clone(&gate.limits()),
        state: gate.state(),
        room: gate.headroom(asset("BTC"), Side::Buy).unwrap(),
        notes: gate.notes().unwrap().into_iter().map(|(topic, note)| (topic, note.text.to_string())).collect(),
    }
}

impl Twins {
    fn new() -> Self {
        let (scratch, clock) = (Scratch::new("twins"), clock());
        let storage = Storage { checkpoint_bytes: 4 << 10, ..scratch.storage() };
        let limits = Limits::for_tier("growth").unwrap();
        let made = Gate::create(&storage, VAULT, limits.clone(), Arc::clone(&clock) as _, &Custody::default());
        let twin = Gate::in_memory(VAULT, limits, Arc::clone(&clock) as _, None).unwrap();
        Self { storage, clock, gate: Some(made.unwrap()), twin, _scratch: scratch }
    }

    /// Does the same to both, then opens the one again, by turns after a close and after a crash.
    fn both<T: PartialEq + std::fmt::Debug>(&mut self, deed: impl Fn(&Gate) -> T) -> T {
        let gate = self.gate.take().unwrap();
        let done = deed(&gate);
        assert_eq!(done, deed(&self.twin));
        let before = sight(&gate);
        if gate.view().unwrap().sequence.is_multiple_of(2) {
            gate.close().unwrap();
        }
        drop(gate);
        let gate = open(&self.storage, &self.clock).unwrap().0;
        assert_eq!(sight(&gate), before, "before and after");
        assert_eq!(sight(&gate), sight(&self.twin), "with the twin");
        self.gate = Some(gate);
        done
    }

    fn mark(&mut self, name: &str, price: &str) {
        // A mark is told with the next record; one that a crash swallows comes again.
        self.both(|gate| {
            assert!(gate.mark(asset(name), n(price), Some(n("1")), None).unwrap());
            gate.hold(None, n("0.5"), "to tell the mark").map(|_| ()).unwrap();
        });
    }

    /// Buys or sells at a price and fills it at once.
    fn trade(&mut self, side: Side, quantity: &str, price: &str) {
        let quantity = n(quantity);
        self.both(|gate| {
            let order = terms(side, quantity, side == Side::Sell);
            let decided = gate.authorize(&order, Origin::Agent).unwrap();
            let approval = decided.approval.unwrap_or_else(|| panic!("{:?}", decided.ruling.violations()));
            let id = approval.order_id();
            gate.redeem(&approval).unwrap();
            let (asset, side, price) = (None, None, n(price));
            let fill = FillReport { order_id: &id, fill_id: "1", quantity, price, fee: n("0.01"), asset, side };
            gate.apply_fill(&fill).unwrap()
        });
    }

    fn advance(&mut self, nanos: i64) {
        self.clock.advance(nanos);
        self.both(Gate::state);
    }

    fn trips(&self) -> Vec<(&'static str, Option<Time>)> {
        let trips = self.twin.trips().unwrap();
        trips.iter().map(|trip| (trip.breaker.doc().code, trip.until)).collect()
    }

    /// The end of a timed breaker: still there a nanosecond before, gone at the instant.
    fn ends_at(&mut self, code: &str) {
        let until = self.trips().into_iter().find(|(trip, _)| *trip == code).and_then(|(_, until)| until).unwrap();
        self.clock.set(Time::from_nanos(until.nanos() - 1));
        self.both(Gate::state);
        assert!(self.trips().iter().any(|(trip, _)| *trip == code));
        self.clock.set(until);
        self.both(Gate::state);
        assert!(!self.trips().iter().any(|(trip, _)| *trip == code), "{:?}", self.trips());
    }
}

fn terms(side: Side, quantity: Nano, reduce_only: bool) -> Arc<Order> {
    let buy = order_of("1", None);
    let stop_loss = (!reduce_only).then(|| n("98"));
    Arc::new(Order { terms: Terms { side, quantity, stop_loss, reduce_only, ..buy.terms }, ..(*buy).clone() })
}

#[test]
fn a_vault_goes_on_as_if_it_had_never_stopped() {
    let mut twins = Twins::new();
    twins.both(|gate| gate.deposit(n("10000")).unwrap());
    twins.mark("BTC", "100");
    twins.both(|gate| gate.set_lot_steps([(asset("BTC"), n("0.001"))].into()).unwrap());
    twins.both(|gate| gate.set_groups([("majors".into(), vec![asset("BTC"), asset("ETH")])].into()).unwrap());
    twins.both(|gate| gate.set_risk_scale(n("0.9")).unwrap());
    // Five losses in a row, with the rate bucket half empty; the streak is kept at every length.
    for _ in 0..5 {
        twins.trade(Side::Buy, "1", "100");
        twins.trade(Side::Sell, "1", "99.5");
        twins.advance(SECOND / 3);
    }
    assert_eq!(twins.trips()[0].0, "consecutive_losses");
    twins.ends_at("consecutive_losses");
    // A position, a reservation that is used and one that is not, and the anchors of the day.
    twins.mark("BTC", "100");
    twins.trade(Side::Buy, "5", "100");
    twins.both(|gate| gate.deposit(n("777.123456789")).unwrap());
    assert!(twins.both(|gate| gate.funding(asset("BTC"), n("-1.5"), Some(START)).unwrap()));
    assert!(!twins.both(|gate| gate.funding(asset("BTC"), n("-1.5"), Some(START)).unwrap()), "it was paid");
    twins.both(|gate| gate.note("reserve", "half of it is away").unwrap());
    twins.mark("BTC", "103");
    twins.mark("BTC", "101");
    twins.both(|gate| gate.authorize(&order_of("2", Some("open")), Origin::Agent).unwrap().ruling.outcome());
    twins.advance(4 * SECOND);
    twins.advance(SECOND);
    assert!(twins.twin.view().unwrap().working.is_empty(), "it expired at the same instant");
    // A price moves: halted for a time that a restart does not lengthen.
    twins.mark("BTC", "101");
    twins.advance(10 * SECOND);
    twins.mark("BTC", "90");
    assert!(twins.trips().iter().any(|(code, _)| *code == "price_move"), "{:?}", twins.trips());
    twins.advance(60 * SECOND);
    twins.mark("BTC", "90");
    twins.ends_at("price_move");
    // No mark for a minute, and one again.
    twins.advance(61 * SECOND);
    assert_eq!(twins.trips()[0].0, "oracle_failure");
    twins.mark("BTC", "91");
    assert!(twins.trips().is_empty(), "{:?}", twins.trips());
    the_controls(&mut twins);
    twins.gate.take().unwrap().close().unwrap();
    sound(&twins.storage).unwrap();
}

/// An auditor's engine asks no questions, so it is not one that looks for stale marks: it comes to the same all the same.
#[test]
fn decisions_after_a_quiet_hour_are_verified() {
    let (scratch, clock) = (Scratch::new("quiet"), clock());
    let storage = scratch.storage();
    let gate = vault::create(&storage, &clock).unwrap();
    for _ in 0..2 {
        let approval = vault::approve(&gate, None).unwrap().1;
        gate.redeem(&approval).unwrap();
        gate.apply_fill(&vault::fill(&approval.order_id(), "1")).unwrap();
        let exit = gate.authorize(&terms(Side::Sell, n("0.001"), true), Origin::Agent).unwrap();
        gate.apply_fill(&vault::fill(&exit.approval.unwrap().order_id(), "1")).unwrap();
        clock.advance(3_600 * SECOND);
        vault::mark(&gate, "100").unwrap();
    }
    let approval = vault::approve(&gate, None).unwrap().1;
    gate.apply_fill(&vault::fill(&approval.order_id(), "1")).unwrap();
    // Another asset is marked, and the position's is not: the oldest mark is what refuses.
    clock.advance(61 * SECOND);
    gate.mark(asset("ETH"), n("100"), Some(n("1")), None).unwrap();
    let buy = order_of("0.001", None);
    let other = Order { terms: Terms { asset: asset("ETH"), ..buy.terms }, ..(*buy).clone() };
    assert!(gate.authorize(&Arc::new(other), Origin::Agent).unwrap().approval.is_none());
    drop(gate);
    sound(&storage).unwrap();
}

fn the_controls(twins: &mut Twins) {
    twins.both(|gate| gate.set_volatility(n("0.31")).unwrap());
    let tighter = [("max_leverage", Value::Number(n("3"))), ("max_daily_trades", Value::Number(n("7")))];
    twins.both(|gate| gate.set_limits(gate.limits().replace(tighter.clone()).unwrap()).unwrap());
    assert!(twins.trips().iter().any(|(code, _)| *code == "volatility"));
    twins.both(|gate| gate.set_volatility(n("0.3")).unwrap());
    twins.both(|gate| gate.pause().unwrap());
    twins.both(|gate| gate.resume().unwrap());
    twins.both(|gate| gate.kill("a drill").unwrap());
    assert_eq!(twins.twin.state(), TradingState::Halted);
    // The next day; the kill stays.
    let midnight = START.nanos() / (86_400 * SECOND) * 86_400 * SECOND + 86_400 * SECOND;
    twins.clock.set(Time::from_nanos(midnight - 1));
    twins.both(Gate::state);
    twins.clock.set(Time::from_nanos(midnight));
    twins.both(Gate::state);
    // A clock that goes back moves nothing.
    twins.clock.set(START);
    twins.both(Gate::state);
    twins.clock.set(Time::from_nanos(midnight).after(Span::seconds(1)));
    twins.both(|gate| gate.reactivate(false, None).unwrap());
    twins.mark("BTC", "91");
    assert_eq!(twins.twin.state(), TradingState::Active, "{:?}", twins.trips());
}
