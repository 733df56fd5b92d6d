//! A vault at work: its gate, its orders, and a trading desk whose mix of them resembles a real one's.

use std::sync::Arc;

use gxrisk_core::engine::{FillReport, order_id};
use gxrisk_core::limits::Value;
use gxrisk_core::{Asset, Limits, Nano, Order, Origin, Outcome, Side, Terms, Time};
use gxrisk_gate::{Gate, Journal, ManualClock};

/// 2020-03-12T00:00:00Z.
const START: Time = Time::from_nanos(1_583_971_200_000_000_000);
const SECOND: i64 = 1_000_000_000;
const CENT: i128 = 10_000_000;
const ASSETS: usize = 8;
const REASONING: &str =
    "Momentum over the last hour is positive and volume confirms it; the stop sits below the last swing low.";

fn asset(index: usize) -> Asset {
    Asset::new(&format!("A{index}")).expect("a name")
}

/// Limits that no benchmark runs into by its mere length.
fn roomy() -> Limits {
    let many = |name| (name, Value::Number(Nano::whole(1_000_000)));
    let counts = ["max_daily_trades", "orders_per_minute", "order_burst", "max_open_orders"].map(many);
    let streak = ("losses_in_row_max", Value::Number(Nano::whole(1_000)));
    Limits::for_tier("growth").and_then(|limits| limits.replace(counts.into_iter().chain([streak]))).expect("limits")
}

/// An order with a limit price and a stop 2 % away from it.
pub fn order(index: usize, side: Side, quantity: Nano, price: Nano) -> Order {
    let away = Nano::from_raw(price.raw() / 50);
    let stop = if side == Side::Buy { price.minus(away) } else { price.plus(away) };
    let terms = Terms {
        asset: asset(index),
        side,
        quantity,
        price: Some(price),
        leverage: Nano::whole(2),
        stop_loss: stop,
        take_profit: None,
        reduce_only: false,
        confidence: Nano::from_raw(800_000_000),
    };
    Order { terms, reasoning: REASONING.into(), client_order_id: None }
}

/// The same numbers in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Whether so many of a hundred.
    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// A gate and what the strategy knows of it.
pub struct Desk {
    pub gate: Gate,
    clock: Arc<ManualClock>,
    dice: Dice,
    prices: [Nano; ASSETS],
    held: [i128; ASSETS],
}

impl Desk {
    /// A vault with money, marked once.
    pub fn over(journal: Box<dyn Journal>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let gate = Gate::new("bench", roomy(), Arc::clone(&clock) as _, journal).expect("a gate");
        gate.deposit(Nano::whole(10_000_000)).expect("a deposit");
        let desk = Self { gate, clock, dice: Dice(1), prices: [Nano::whole(100); ASSETS], held: [0; ASSETS] };
        desk.mark();
        desk
    }

    fn mark(&self) {
        for (index, price) in self.prices.iter().enumerate() {
            self.gate.mark(asset(index), *price, Some(Nano::ONE), None).expect("a mark");
        }
    }

    /// Five seconds of trading: each asset is marked once, and the strategy decides once.
    pub fn step(&mut self) {
        self.clock.advance(5 * SECOND);
        for price in &mut self.prices {
            // Up or down to 5 cents, drawn back to 100.
            let (move_, pull) = (i128::from(self.dice.below(11)) - 5, (Nano::whole(100).raw() - price.raw()) / 500);
            *price = Nano::from_raw(price.raw() + move_ * CENT + pull);
        }
        self.mark();
        if self.dice.percent(5) {
            self.gate.hold(Some(asset(0)), Nano::from_raw(200_000_000), REASONING).expect("a hold");
        } else {
            self.trade();
        }
    }

    fn trade(&mut self) {
        let index = usize::try_from(self.dice.below(ASSETS as u64)).unwrap_or(0);
        let (price, held) = (self.prices[index], self.held[index]);
        let side = if self.dice.percent(50) { Side::Buy } else { Side::Sell };
        let mut order = order(index, side, Nano::whole(1 + self.dice.below(9).cast_signed()), price);
        if self.dice.percent(20) {
            // More than a quarter of the vault: refused.
            order.terms.quantity = Nano::whole(50_000);
        } else if self.dice.percent(5) {
            order.terms.confidence = Nano::from_raw(200_000_000);
        } else if held != 0 && self.dice.percent(50) {
            order.terms.side = if held > 0 { Side::Sell } else { Side::Buy };
            order.terms.quantity = Nano::from_raw(held.abs());
            (order.terms.reduce_only, order.terms.stop_loss) = (true, None);
        }
        let decided = self.gate.authorize(&Arc::new(order), Origin::Agent).expect("a decision");
        if decided.ruling.outcome() != Outcome::Approved {
            return;
        }
        self.gate.redeem(&decided.approval.expect("an approval")).expect("redeemed");
        let id = order_id(decided.ruling.sequence);
        self.gate.order_accepted(&id).expect("accepted");
        if self.dice.percent(15) {
            self.gate.order_cancelled(&id).expect("cancelled");
        } else {
            self.fill(index, &decided.ruling.order.terms, &id);
        }
    }

    /// In one part, or in two.
    fn fill(&mut self, index: usize, terms: &Terms, id: &str) {
        let first = if self.dice.percent(30) { terms.quantity.raw() / 2 } else { terms.quantity.raw() };
        for (number, part) in
            [first, terms.quantity.raw() - first].into_iter().enumerate().filter(|(_, part)| *part > 0)
        {
            let fill_id = format!("{id}-{number}");
            let report = FillReport {
                order_id: id,
                fill_id: &fill_id,
                quantity: Nano::from_raw(part),
                price: self.prices[index],
                fee: Nano::from_raw(CENT),
                asset: None,
                side: None,
            };
            self.gate.apply_fill(&report).expect("a fill");
            self.held[index] += if terms.side == Side::Buy { part } else { -part };
        }
    }
}
