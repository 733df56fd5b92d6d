//! What a vault holds: the account as a whole, one holding an asset, one sum a correlation group.
//!
//! All three are plain values: a change is worked out on copies and put in place only when nothing overflowed.

use crate::codec::coded_struct;
use crate::exposure::exposure_quantity;
use crate::limits::{DrawdownBase, Limits};
use crate::num::{Atto, Nano};
use crate::order::{is_amount, words};
use crate::time::{Day, Time};

/// What a vault may do; a later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TradingState {
    /// Everything that the rules allow.
    #[default]
    Active,
    /// Nothing that opens.
    ReduceOnly,
    /// Nothing by the agent.
    Halted,
}
words!(TradingState { Active = "active", ReduceOnly = "reduce_only", Halted = "halted" });

/// The rate bucket: a level that refills with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    level: u64,
    as_of: Time,
}
coded_struct!(Bucket { level, as_of });

impl Bucket {
    /// One token, in the unit that a nanosecond at one order a minute refills.
    const TOKEN: u64 = 60_000_000_000;

    /// A full bucket.
    pub fn full(burst: u32, now: Time) -> Self {
        Self { level: Self::TOKEN.saturating_mul(u64::from(burst)), as_of: now }
    }

    /// The bucket as it is at `now`.
    #[must_use]
    pub fn at(self, now: Time, per_minute: u32, burst: u32) -> Self {
        let elapsed = u64::try_from(now.since(self.as_of).nanos()).unwrap_or(0);
        let refill = elapsed.saturating_mul(u64::from(per_minute));
        let full = Self::TOKEN.saturating_mul(u64::from(burst));
        Self { level: self.level.saturating_add(refill).min(full), as_of: self.as_of.max(now) }
    }

    /// Whether a whole token is left.
    pub fn has_token(self) -> bool {
        self.level >= Self::TOKEN
    }

    /// The bucket without one token; less than a whole one is left alone.
    #[must_use]
    pub fn taken(self) -> Self {
        Self { level: self.level.checked_sub(Self::TOKEN).unwrap_or(self.level), ..self }
    }

    /// The tokens, rounded down at the ninth digit.
    pub fn tokens(self) -> Nano {
        let level = i128::from(self.level).saturating_mul(Nano::ONE.raw());
        Nano::from_raw(level.checked_div(i128::from(Self::TOKEN)).unwrap_or(0))
    }
}

/// The vault as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Deposits less withdrawals.
    pub collateral: Atto,
    /// Realised P&L, before fees and funding.
    pub realised: Atto,
    /// Fees paid, less rebates.
    pub fees: Atto,
    /// Funding received, less paid.
    pub funding: Atto,
    /// Unrealised P&L at the last marks.
    pub unrealised: Atto,
    /// Collateral + realised + unrealised - fees + funding.
    pub equity: Atto,
    /// The equity at which the UTC day opened, flow-adjusted.
    pub day_opening: Atto,
    /// The flow-adjusted net deposit.
    pub deposit_base: Atto,
    /// The flow-adjusted highest equity.
    pub peak: Atto,
    /// The sum of all exposures.
    pub gross: Atto,
    /// What would be lost if every stop were hit.
    pub stop_risk: Atto,
    /// Assets with exposure and no mark at all.
    pub unmarked: u32,
    /// Assets whose stop risk cannot be computed.
    pub stop_unknown: u32,
    /// A deposit was made.
    pub funded: bool,
    /// The owner's pause.
    pub paused: bool,
    /// The kill switch.
    pub killed: bool,
    /// The strictest state that a breaker or a control asks for.
    pub state: TradingState,
    /// No mark of an asset with exposure is older; exact once it looks stale.
    pub oldest_mark: Time,
    /// The UTC day.
    pub day: Day,
    /// Opening approvals of the day.
    pub daily_trades: u32,
    /// Losing round trips in a row.
    pub loss_streak: u32,
    /// Failed submissions in a row.
    pub failures_in_row: u32,
    /// Orders that are approved and not finished.
    pub working: u32,
    /// Marks that were older than the newest one of their asset.
    pub ignored_marks: u64,
    /// The rate bucket.
    pub bucket: Bucket,
    /// Market volatility as the operator gave it.
    pub volatility: Nano,
    /// What multiplies position size, concentration and correlated exposure.
    pub risk_scale: Nano,
}

/// The largest market volatility that can be given.
pub const VOLATILITY_MAX: Nano = Nano::whole(1_000);

/// Whether a number is a market volatility.
pub fn is_volatility(value: Nano) -> bool {
    (Nano::ZERO..=VOLATILITY_MAX).contains(&value)
}

/// Whether a number is a risk scale: above 0, at most 1.
pub fn is_risk_scale(value: Nano) -> bool {
    value.is_positive() && value <= Nano::ONE
}

impl Account {
    /// Whether what is set from outside lies in its range.
    pub fn is_sound(&self) -> bool {
        is_volatility(self.volatility) && is_risk_scale(self.risk_scale)
    }

    /// An empty account.
    pub fn new(now: Time, burst: u32) -> Self {
        Self {
            collateral: Atto::ZERO,
            realised: Atto::ZERO,
            fees: Atto::ZERO,
            funding: Atto::ZERO,
            unrealised: Atto::ZERO,
            equity: Atto::ZERO,
            day_opening: Atto::ZERO,
            deposit_base: Atto::ZERO,
            peak: Atto::ZERO,
            gross: Atto::ZERO,
            stop_risk: Atto::ZERO,
            unmarked: 0,
            stop_unknown: 0,
            funded: false,
            paused: false,
            killed: false,
            state: TradingState::Active,
            oldest_mark: Time::END,
            day: now.day(),
            daily_trades: 0,
            loss_streak: 0,
            failures_in_row: 0,
            working: 0,
            ignored_marks: 0,
            bucket: Bucket::full(burst, now),
            volatility: Nano::ZERO,
            risk_scale: Nano::ONE,
        }
    }

    /// The day's loss: negative for a gain, nothing before the first deposit.
    pub fn day_loss(&self) -> Option<Atto> {
        if self.funded { self.day_opening.minus(self.equity) } else { Some(Atto::ZERO) }
    }

    /// What the drawdown is measured from.
    pub fn base(&self, limits: &Limits) -> Atto {
        match limits.drawdown_base {
            DrawdownBase::Deposit => self.deposit_base,
            DrawdownBase::Peak => self.peak,
        }
    }

    /// Works the equity out anew from its parts.
    pub(crate) fn sum_equity(&mut self) -> Option<()> {
        let cash = self.collateral.plus(self.realised)?.minus(self.fees)?.plus(self.funding)?;
        self.equity = cash.plus(self.unrealised)?;
        Some(())
    }

    /// Books a deposit (or, negative, a withdrawal): no percentage moves.
    pub(crate) fn book_flow(&mut self, amount: Atto) -> Option<()> {
        let (before, was_funded) = (self.equity, self.funded);
        self.collateral = self.collateral.plus(amount)?;
        self.sum_equity()?;
        let after = self.equity;
        // A vault from which everything was withdrawn is as it was before its first deposit.
        self.funded = !(amount < Atto::ZERO && after.is_zero() && self.gross.is_zero());
        for anchor in [&mut self.day_opening, &mut self.deposit_base, &mut self.peak] {
            *anchor = if was_funded && before.is_positive() {
                anchor.prorated_ceiling(after, before)?
            } else {
                anchor.plus(amount)?
            };
        }
        self.raise_peak();
        Some(())
    }

    /// The peak follows equity upwards.
    pub(crate) fn raise_peak(&mut self) {
        if self.funded {
            self.peak = self.peak.max(self.equity);
        }
    }

    /// Counts a finished round trip.
    pub(crate) fn count_round_trip(&mut self, profit: Atto) {
        if profit < Atto::ZERO {
            self.loss_streak = self.loss_streak.saturating_add(1);
        } else if profit.is_positive() {
            self.loss_streak = 0;
        }
    }
}

/// The trusted price of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The price.
    pub price: Nano,
    /// The feed's time of it.
    pub time: Time,
}

/// The furthest stop of the orders that built a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionStop {
    /// There is no position.
    Flat,
    /// Every opening fill had one; this is the furthest.
    At(Nano),
    /// An opening fill had none.
    Unknown,
}

impl PositionStop {
    /// Its price, where there is a position and all of it has a stop.
    pub(crate) fn known(self) -> Option<Nano> {
        match self {
            Self::At(stop) => Some(stop),
            Self::Flat | Self::Unknown => None,
        }
    }
}

/// What the vault holds in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The last mark.
    pub mark: Option<Mark>,
    /// The last average true range, in price units.
    pub atr: Option<Nano>,
    /// The signed position.
    pub position: Nano,
    /// Its signed cost: the sum of quantity x price.
    pub cost: Atto,
    /// Remaining quantity of working buys that are not reduce-only.
    pub buys: Nano,
    /// Remaining quantity of working sells that are not reduce-only.
    pub sells: Nano,
    /// Remaining quantity of working reduce-only buys.
    pub reducing_buys: Nano,
    /// Remaining quantity of working reduce-only sells.
    pub reducing_sells: Nano,
    /// What working openings would lose from entry to stop.
    pub order_stop_risk: Atto,
    /// The furthest stop of the position.
    pub stop: PositionStop,
    /// The P&L of the open round trip so far, net of fees.
    pub round_trip: Atto,
    /// Derived: exposure quantity x mark.
    pub exposure: Atto,
    /// Derived: position x mark - cost.
    pub unrealised: Atto,
    /// Derived: what position and working openings would lose at their stops.
    pub stop_risk: Atto,
    /// Derived: there is exposure and no mark.
    pub unmarked: bool,
    /// Derived: the stop risk cannot be computed.
    pub stop_unknown: bool,
    /// Which correlation group it is in.
    pub group: u32,
}

/// The exposures of one correlation group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSum {
    /// The sum of its assets' exposures.
    pub exposure: Atto,
    /// How many of its assets have exposure and no mark.
    pub unmarked: u32,
}

impl GroupSum {
    /// A group without exposure.
    pub const NONE: Self = Self { exposure: Atto::ZERO, unmarked: 0 };
}

impl Holding {
    /// Whether mark and average true range are ones that a feed can give.
    pub fn is_sound(&self) -> bool {
        self.mark.is_none_or(|mark| is_amount(mark.price)) && self.atr.is_none_or(|atr| atr.is_zero() || is_amount(atr))
    }

    /// Nothing held, nothing working, nothing known.
    pub const NONE: Self = Self {
        mark: None,
        atr: None,
        position: Nano::ZERO,
        cost: Atto::ZERO,
        buys: Nano::ZERO,
        sells: Nano::ZERO,
        reducing_buys: Nano::ZERO,
        reducing_sells: Nano::ZERO,
        order_stop_risk: Atto::ZERO,
        stop: PositionStop::Flat,
        round_trip: Atto::ZERO,
        exposure: Atto::ZERO,
        unrealised: Atto::ZERO,
        stop_risk: Atto::ZERO,
        unmarked: false,
        stop_unknown: false,
        group: 0,
    };

    /// Whether anything is held or can come to be held.
    pub fn is_exposed(&self) -> bool {
        self.unmarked || self.exposure.is_positive()
    }

    /// Works the derived values out anew.
    pub(crate) fn revalue(&mut self) -> Option<()> {
        let quantity = exposure_quantity(self.position, self.buys, self.sells)?;
        let flat = self.position.is_zero();
        self.unmarked = quantity.is_positive() && self.mark.is_none();
        self.stop_unknown = !flat && (self.mark.is_none() || self.stop == PositionStop::Unknown);
        self.stop_risk = self.order_stop_risk;
        (self.exposure, self.unrealised) = (Atto::ZERO, Atto::ZERO);
        if let Some(Mark { price, .. }) = self.mark {
            self.exposure = quantity.times(price)?;
            if !flat {
                self.unrealised = self.position.times(price)?.minus(self.cost)?;
            }
            if let PositionStop::At(stop) = self.stop {
                let distance = if self.position.is_positive() { price.minus(stop)? } else { stop.minus(price)? };
                // A position past its stop gives no credit.
                let at_risk = self.position.size()?.times(distance.max(Nano::ZERO))?;
                self.stop_risk = self.stop_risk.plus(at_risk)?;
            }
        }
        Some(())
    }

    /// Books an execution.
    pub(crate) fn book_fill(&mut self, fill: &Execution, account: &mut Account) -> Option<RoundTrip> {
        let signed = fill.side.signed(fill.quantity)?;
        let fee = fill.fee.widened()?;
        account.fees = account.fees.plus(fee)?;
        let adds = self.position.is_zero() || self.position.is_positive() == signed.is_positive();
        if adds {
            self.open(signed, fill, fee)?;
            return Some(RoundTrip::Open);
        }
        let held = self.position.size()?;
        let closed = held.min(fill.quantity);
        let share = if closed == held { self.cost } else { self.cost.prorated_by_quantity(closed, held)? };
        let value = fill.side.opposite().signed(closed)?.times(fill.price)?;
        let profit = value.minus(share)?;
        let closing_fee = if closed == fill.quantity { fee } else { fee.prorated_by_quantity(closed, fill.quantity)? };
        account.realised = account.realised.plus(profit)?;
        self.round_trip = self.round_trip.plus(profit)?.minus(closing_fee)?;
        self.cost = self.cost.minus(share)?;
        self.position = self.position.plus(fill.side.signed(closed)?)?;
        if closed < held {
            return Some(RoundTrip::Open);
        }
        let finished = std::mem::take(&mut self.round_trip);
        self.stop = PositionStop::Flat;
        let rest = fill.quantity.minus(closed)?;
        if rest.is_positive() {
            self.open(fill.side.signed(rest)?, fill, fee.minus(closing_fee)?)?;
        }
        Some(RoundTrip::Finished(finished))
    }

    fn open(&mut self, signed: Nano, fill: &Execution, fee: Atto) -> Option<()> {
        let further = if signed.is_positive() { Nano::min } else { Nano::max };
        self.stop = match (self.stop, fill.stop) {
            (PositionStop::Flat, Some(stop)) => PositionStop::At(stop),
            (PositionStop::At(old), Some(stop)) => PositionStop::At(further(old, stop)),
            _ => PositionStop::Unknown,
        };
        self.position = self.position.plus(signed)?;
        self.cost = self.cost.plus(signed.times(fill.price)?)?;
        self.round_trip = self.round_trip.minus(fee)?;
        Some(())
    }
}

/// What a fill did to the round trip that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RoundTrip {
    /// The position is not flat, or was opened.
    Open,
    /// It went flat or through zero, with this P&L net of fees.
    Finished(Atto),
}

/// What the venue says was executed, as the books need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub side: crate::order::Side,
    pub quantity: Nano,
    pub price: Nano,
    pub fee: Nano,
    /// The stop of the opening order that it belongs to.
    pub stop: Option<Nano>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Side;

    fn n(text: &str) -> Nano {
        Nano::parse(text).unwrap()
    }

    fn fill(side: Side, quantity: &str, price: &str, fee: &str) -> Execution {
        Execution { side, quantity: n(quantity), price: n(price), fee: n(fee), stop: None }
    }

    /// Books fills; gives the finished round trips as text.
    fn trips(fills: &[Execution]) -> (Vec<String>, Holding, Account) {
        let (mut holding, mut account) = (Holding::NONE, Account::new(Time::default(), 1));
        let mut done = Vec::new();
        for fill in fills {
            if let RoundTrip::Finished(profit) = holding.book_fill(fill, &mut account).unwrap() {
                done.push(profit.to_string());
            }
        }
        (done, holding, account)
    }

    #[test]
    fn a_scratch_trade_closed_in_thirds_is_no_loser() {
        let (done, holding, _) = trips(&[
            fill(Side::Buy, "0.000000003", "1.000000001", "0"),
            fill(Side::Sell, "0.000000001", "1.000000001", "0"),
            fill(Side::Sell, "0.000000002", "1.000000001", "0"),
        ]);
        assert_eq!((done, holding.cost), (vec!["0".to_owned()], Atto::ZERO));
    }

    #[test]
    fn a_fill_through_zero_shares_its_fee_by_quantity_and_opens_the_rest_at_its_price() {
        let (done, holding, account) = trips(&[fill(Side::Buy, "1", "100", "0"), fill(Side::Sell, "4", "110", "2")]);
        assert_eq!(done, ["9.5"]);
        assert_eq!((holding.position, holding.cost.to_string()), (n("-3"), "-330".to_owned()));
        assert_eq!(
            (holding.round_trip.to_string(), account.realised.to_string()),
            ("-1.5".to_owned(), "10".to_owned())
        );
    }

    #[test]
    fn average_cost_is_exact_over_uneven_prices() {
        let (done, ..) = trips(&[
            fill(Side::Sell, "1", "100", "0.1"),
            fill(Side::Sell, "2", "103", "0.1"),
            fill(Side::Buy, "1", "102", "0"),
            fill(Side::Buy, "2", "102", "0"),
        ]);
        assert_eq!(done, ["-0.2"]);
    }

    #[test]
    fn flows_move_no_percentage() {
        let mut account = Account::new(Time::default(), 1);
        account.book_flow(n("1000").widened().unwrap()).unwrap();
        account.realised = n("-100").widened().unwrap();
        account.sum_equity().unwrap();
        account.book_flow(n("900").widened().unwrap()).unwrap();
        assert_eq!(account.deposit_base.to_string(), "2000");
        assert_eq!(account.day_loss().unwrap().to_string(), "200");
        account.book_flow(n("-1800").widened().unwrap()).unwrap();
        assert!(account.deposit_base.is_zero() && account.day_opening.is_zero() && !account.funded);
    }

    #[test]
    fn the_bucket_refills_continuously_and_not_past_its_size() {
        let second = |s: i64| Time::from_nanos(s * 1_000_000_000);
        let mut bucket = Bucket::full(2, second(0)).taken().taken();
        assert!(!bucket.has_token());
        bucket = bucket.at(Time::from_nanos(999_999_999), 60, 2);
        assert!(!bucket.has_token());
        assert_eq!(bucket.taken(), bucket);
        bucket = bucket.at(second(1), 60, 2);
        assert!(bucket.has_token());
        assert_eq!(bucket.at(second(1_000), 60, 2).tokens().to_string(), "2");
        assert_eq!(bucket.at(second(0), 60, 2), bucket); // a clock that went back refills nothing
    }
}
