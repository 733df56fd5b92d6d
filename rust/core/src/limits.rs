//! The limits of a vault: every number that the gate compares with, by name.
//!
//! One table holds each field's kind, range, tighter direction and tier values; reading, changing and comparing limits
//! by name all come from it, so a field cannot be configured without being known everywhere.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::asset::Asset;
use crate::num::Nano;
use crate::order::words;
use crate::time::Span;

/// The tiers, from the most guarded to the most free.
pub const TIERS: [&str; 3] = ["capital_guard", "growth", "high_octane"];

/// What a drawdown is measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DrawdownBase {
    /// The flow-adjusted highest equity; never below the deposit, so the tighter of the two.
    Peak,
    /// The flow-adjusted net deposit.
    Deposit,
}
words!(DrawdownBase { Peak = "peak", Deposit = "deposit" });

/// A limit's value, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A ratio, an amount of money, a count or a number of seconds.
    Number(Nano),
    /// A limit that is switched off.
    Off,
    /// The drawdown base.
    Base(DrawdownBase),
    /// The allow-list.
    Assets(BTreeSet<Asset>),
}

/// How a field's values are ordered and what they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fraction or a multiple.
    Ratio,
    /// A whole number.
    Count,
    /// A number of seconds.
    Seconds,
    /// An amount of money, or off.
    Money,
    /// A fraction, or off.
    Budget,
    /// `deposit` or `peak`.
    Base,
    /// A list of names, or off.
    Assets,
}

/// Which direction makes a limit stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tighter {
    /// The lower value.
    Lower,
    /// The higher value.
    Higher,
}

/// What is known of one limit.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it limits.
    pub about: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The least allowed value.
    pub min: Nano,
    /// The greatest allowed value.
    pub max: Nano,
    /// The stricter direction.
    pub tighter: Tighter,
}

/// Why limits are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No limit of that name.
    #[error("{0:?} is not a limit; the limits are {names}", names = FIELDS.map(|f| f.name).join(", "))]
    Unknown(String),
    /// No tier of that name.
    #[error("{0:?} is not a tier; the tiers are {names}", names = TIERS.join(", "))]
    UnknownTier(String),
    /// A value outside the range of its field.
    #[error("{name} is {seen}; it must be {allowed}")]
    Range {
        /// The field.
        name: &'static str,
        /// What was given.
        seen: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two fields that contradict each other.
    #[error("stop_atr_min is {min}; it must not be above stop_atr_max, which is {max}")]
    StopRange {
        /// The lower bound given.
        min: Nano,
        /// The upper bound given.
        max: Nano,
    },
}

/// What a message shows of a name that was given: not a megabyte of it.
fn shown(name: &str) -> String {
    name.chars().take(60).collect()
}

impl LimitError {
    fn unknown(name: &str) -> Self {
        Self::Unknown(shown(name))
    }
}

const fn thousandths(value: i64) -> Nano {
    Nano::from_raw((value as i128).wrapping_mul(1_000_000))
}

/// How each kind is stored.
macro_rules! stored {
    (Ratio) => { Nano };
    (Count) => { u32 };
    (Seconds) => { Span };
    (Money) => { Option<Nano> };
    (Budget) => { Option<Nano> };
    (Base) => { DrawdownBase };
    (Assets) => { Option<BTreeSet<Asset>> };
}

/// A stored value as a [`Value`] and back.
trait Stored: Sized {
    fn value(&self) -> Value;
    fn from_value(value: &Value) -> Option<Self>;
}

impl Stored for Nano {
    fn value(&self) -> Value {
        Value::Number(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Number(number) = value { Some(*number) } else { None }
    }
}

impl Stored for u32 {
    fn value(&self) -> Value {
        Value::Number(Nano::whole(i64::from(*self)))
    }
    fn from_value(value: &Value) -> Option<Self> {
        let raw = Nano::from_value(value)?.raw();
        let whole = raw.checked_div(Nano::ONE.raw())?;
        if whole.checked_mul(Nano::ONE.raw())? == raw { Self::try_from(whole).ok() } else { None }
    }
}

impl Stored for Span {
    fn value(&self) -> Value {
        Value::Number(Nano::from_raw(i128::from(self.nanos())))
    }
    fn from_value(value: &Value) -> Option<Self> {
        i64::try_from(Nano::from_value(value)?.raw()).ok().map(Self::from_nanos)
    }
}

impl Stored for Option<Nano> {
    fn value(&self) -> Value {
        self.map_or(Value::Off, Value::Number)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Off { Some(None) } else { Nano::from_value(value).map(Some) }
    }
}

impl Stored for DrawdownBase {
    fn value(&self) -> Value {
        Value::Base(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Base(base) = value { Some(*base) } else { None }
    }
}

impl Stored for Option<BTreeSet<Asset>> {
    fn value(&self) -> Value {
        self.clone().map_or(Value::Off, Value::Assets)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Off => Some(None),
            Value::Assets(assets) => Some(Some(assets.clone())),
            _ => None,
        }
    }
}

macro_rules! limits {
    ($($(#[doc = $about:literal])+ $name:ident: $kind:ident, $min:expr, $max:expr, $tighter:ident, $tiers:expr;)+) => {
        /// The limits of one vault, each within its range.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $about])+ pub $name: stored!($kind),)+
        }

        /// Every limit, in the order of the documentation.
        pub const FIELDS: [Field; [$(stringify!($name)),+].len()] = [$(Field {
            name: stringify!($name),
            about: concat!($($about),+),
            kind: Kind::$kind,
            min: $min,
            max: $max,
            tighter: Tighter::$tighter,
        }),+];

        impl Limits {
            /// The limits of a tier.
            pub fn for_tier(tier: &str) -> Result<Self, LimitError> {
                let Some(index) = TIERS.iter().position(|name| *name == tier) else {
                    return Err(LimitError::UnknownTier(shown(tier)));
                };
                $(let $name = {
                    let [guard, growth, octane] = $tiers;
                    match index { 0 => guard, 1 => growth, _ => octane }
                };)+
                Ok(Self { $($name),+ })
            }

            /// A limit's value by its name.
            pub fn get(&self, name: &str) -> Result<Value, LimitError> {
                match name {
                    $(stringify!($name) => Ok(self.$name.value()),)+
                    _ => Err(LimitError::unknown(name)),
                }
            }

            /// Whether every limit lies within its range, and none contradicts another.
            pub fn is_sound(&self) -> bool {
                let values = [$(self.$name.value()),+];
                let is_in_range = FIELDS.iter().zip(&values).all(|(field, value)| field.contains(value));
                is_in_range && self.stop_atr_min <= self.stop_atr_max
            }

            fn put(&mut self, name: &str, value: &Value) -> Option<()> {
                match name {
                    $(stringify!($name) => self.$name = Stored::from_value(value)?,)+
                    _ => return None,
                }
                Some(())
            }
        }
    };
}

const DAY_S: i64 = 86_400;
const ALL: fn(Nano) -> [Nano; 3] = |value| [value; 3];

limits! {
    /// The most leverage of an order, and of the whole vault as gross exposure by equity.
    max_leverage: Ratio, Nano::ONE, Nano::whole(1_000), Lower, [Nano::whole(2), Nano::whole(5), Nano::whole(10)];
    /// The most notional of one opening order, as a fraction of equity.
    max_position_fraction: Ratio, Nano::STEP, Nano::whole(1_000), Lower, [thousandths(100), thousandths(250), thousandths(500)];
    /// The loss of a UTC day at which the vault goes reduce-only, as a fraction of the day's opening equity.
    max_daily_loss: Ratio, Nano::STEP, Nano::ONE, Lower, [thousandths(20), thousandths(40), thousandths(80)];
    /// The drawdown at which the vault goes reduce-only until the owner returns, as a fraction of the base.
    max_drawdown: Ratio, Nano::STEP, Nano::ONE, Lower, [thousandths(100), thousandths(150), thousandths(250)];
    /// What the drawdown is measured from: `deposit` or `peak`.
    drawdown_base: Base, Nano::ZERO, Nano::ZERO, Lower, [DrawdownBase::Deposit; 3];
    /// The most exposure in one asset, as a fraction of equity.
    max_concentration: Ratio, Nano::STEP, Nano::whole(1_000), Lower, ALL(thousandths(600));
    /// The most gross exposure in one correlation group, as a fraction of equity.
    max_correlated_exposure: Ratio, Nano::STEP, Nano::whole(1_000), Lower, [thousandths(800), thousandths(1_500), thousandths(3_000)];
    /// The least distance from entry to stop, in ATR.
    stop_atr_min: Ratio, Nano::ZERO, Nano::whole(1_000), Higher, ALL(thousandths(500));
    /// The greatest distance from entry to stop, in ATR.
    stop_atr_max: Ratio, Nano::STEP, Nano::whole(1_000), Lower, [Nano::whole(3), Nano::whole(4), Nano::whole(5)];
    /// Opening approvals in a UTC day at which the vault goes reduce-only.
    max_daily_trades: Count, Nano::ONE, Nano::whole(1_000_000), Lower, [50, 100, 200];
    /// The most notional of one opening order, in money; off unless set.
    max_order_notional: Money, Nano::STEP, Nano::MAX, Lower, [None; 3];
    /// How far a limit price may lie from the mark, as a fraction of the mark.
    price_collar: Ratio, Nano::STEP, Nano::ONE, Lower, ALL(thousandths(50));
    /// Opening orders a minute that refill the rate bucket.
    orders_per_minute: Count, Nano::ONE, Nano::whole(1_000_000), Lower, [60; 3];
    /// Opening orders that the full rate bucket holds.
    order_burst: Count, Nano::ONE, Nano::whole(1_000_000), Lower, [20; 3];
    /// The most working orders.
    max_open_orders: Count, Nano::ONE, Nano::whole(1_000_000), Lower, [50; 3];
    /// The confidence below which an opening agent order is held.
    min_confidence: Ratio, Nano::ZERO, Nano::ONE, Higher, ALL(thousandths(300));
    /// The venue's maintenance margin, as a fraction of the position.
    maintenance_margin: Ratio, Nano::ZERO, Nano::ONE, Higher, ALL(thousandths(10));
    /// The share of the way to liquidation within which the stop must lie.
    liquidation_share: Ratio, Nano::STEP, Nano::ONE, Lower, ALL(thousandths(800));
    /// The most that may be lost if every stop is hit, as a fraction of the day's opening equity; off unless set.
    stop_risk_budget: Budget, Nano::STEP, Nano::ONE, Lower, [None; 3];
    /// The assets that may be opened; off unless set.
    assets: Assets, Nano::ZERO, Nano::ZERO, Lower, [const { None }; 3];
    /// The price move within the window that halts the vault, as a fraction of the earlier price.
    price_move_max: Ratio, Nano::STEP, Nano::whole(1_000), Lower, ALL(thousandths(100));
    /// The window of the price move, in seconds of feed time.
    price_move_window_s: Seconds, Nano::STEP, Nano::whole(DAY_S), Higher, [Span::seconds(300); 3];
    /// How long a price move halts the vault, in seconds.
    price_move_pause_s: Seconds, Nano::STEP, Nano::whole(30 * DAY_S), Higher, [Span::seconds(900); 3];
    /// The age of a mark from which it is stale, in seconds.
    mark_age_s_max: Seconds, Nano::STEP, Nano::whole(30 * DAY_S), Lower, [Span::seconds(60); 3];
    /// Losing round trips in a row that halt the agent.
    losses_in_row_max: Count, Nano::ONE, Nano::whole(1_000), Lower, [5; 3];
    /// How long a losing streak halts the agent, in seconds.
    loss_pause_s: Seconds, Nano::STEP, Nano::whole(30 * DAY_S), Higher, [Span::seconds(1_800); 3];
    /// Failed submissions in a row that halt the vault.
    failures_in_row_max: Count, Nano::ONE, Nano::whole(1_000), Lower, [3; 3];
    /// The market volatility above which the vault is halted, as a fraction.
    volatility_max: Ratio, Nano::STEP, Nano::whole(1_000), Lower, ALL(thousandths(300));
    /// How long an approval can be redeemed, in seconds.
    approval_ttl_s: Seconds, Nano::STEP, Nano::whole(3_600), Lower, [Span::seconds(5); 3];
}

impl Field {
    /// The field of that name.
    pub fn named(name: &str) -> Result<&'static Self, LimitError> {
        FIELDS.iter().find(|field| field.name == name).ok_or_else(|| LimitError::unknown(name))
    }

    /// What may be given, as a sentence's end.
    pub fn allowed(&self) -> String {
        let (min, max) = (self.min, self.max);
        match self.kind {
            Kind::Ratio => format!("a number from {min} to {max}"),
            Kind::Count => format!("a whole number from {min} to {max}"),
            Kind::Seconds => format!("a number of seconds from {min} to {max}"),
            Kind::Money | Kind::Budget => format!("a number from {min} to {max}, or off"),
            Kind::Base => "\"deposit\" or \"peak\"".to_owned(),
            Kind::Assets => "a list of asset names, or off".to_owned(),
        }
    }

    fn contains(&self, value: &Value) -> bool {
        if let Value::Number(number) = value { (self.min..=self.max).contains(number) } else { true }
    }
}

impl Limits {
    /// These limits with some changed; refused as a whole when one does not fit.
    pub fn replace<'a>(&self, changes: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Self, LimitError> {
        let mut limits = self.clone();
        for (name, value) in changes {
            let field = Field::named(name)?;
            let put = field.contains(&value).then(|| limits.put(name, &value)).flatten();
            if put.is_none() {
                return Err(LimitError::Range { name: field.name, seen: value.to_string(), allowed: field.allowed() });
            }
        }
        if limits.stop_atr_min > limits.stop_atr_max {
            return Err(LimitError::StopRange { min: limits.stop_atr_min, max: limits.stop_atr_max });
        }
        Ok(limits)
    }

    /// The names of the limits that `next` loosens.
    pub fn loosened_by(&self, next: &Self) -> Vec<&'static str> {
        let looser = |field: &Field| match (self.get(field.name), next.get(field.name)) {
            (Ok(old), Ok(new)) => is_looser(&old, &new, field.tighter),
            _ => true,
        };
        FIELDS.iter().filter(|field| looser(field)).map(|field| field.name).collect()
    }
}

fn is_looser(old: &Value, new: &Value, tighter: Tighter) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => {
            new.cmp(old) == if tighter == Tighter::Lower { Ordering::Greater } else { Ordering::Less }
        }
        (Value::Base(old), Value::Base(new)) => new > old,
        (Value::Assets(old), Value::Assets(new)) => !new.is_subset(old),
        (Value::Off, _) => false,
        _ => true,
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Off => f.write_str("off"),
            Self::Base(base) => write!(f, "\"{base}\""),
            Self::Assets(assets) => f.debug_list().entries(assets).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_hold_the_numbers_of_the_specification() {
        let row = |name: &str| TIERS.map(|tier| Limits::for_tier(tier).unwrap().get(name).unwrap().to_string());
        assert_eq!(row("max_leverage"), ["2", "5", "10"]);
        assert_eq!(row("max_position_fraction"), ["0.1", "0.25", "0.5"]);
        assert_eq!(row("max_daily_loss"), ["0.02", "0.04", "0.08"]);
        assert_eq!(row("max_drawdown"), ["0.1", "0.15", "0.25"]);
        assert_eq!(row("max_concentration"), ["0.6"; 3]);
        assert_eq!(row("max_correlated_exposure"), ["0.8", "1.5", "3"]);
        assert_eq!(row("stop_atr_max"), ["3", "4", "5"]);
        assert_eq!(row("max_daily_trades"), ["50", "100", "200"]);
        assert_eq!(row("approval_ttl_s"), ["5"; 3]);
    }

    #[test]
    fn every_field_of_every_tier_is_within_its_own_range() {
        for tier in TIERS {
            let limits = Limits::for_tier(tier).unwrap();
            for field in &FIELDS {
                let value = limits.get(field.name).unwrap();
                assert!(field.contains(&value), "{tier} {}", field.name);
                assert_eq!(limits.replace([(field.name, value)]).as_ref(), Ok(&limits));
            }
        }
    }

    #[test]
    fn loosening_is_seen_in_both_directions_of_every_number() {
        let limits = Limits::for_tier("growth").unwrap();
        for field in &FIELDS {
            let Value::Number(now) = limits.get(field.name).unwrap() else { continue };
            let step = if field.kind == Kind::Count { Nano::ONE } else { Nano::STEP };
            let (more, less) = (now.plus(step).unwrap(), now.minus(step).unwrap());
            let (looser, tighter) = if field.tighter == Tighter::Lower { (more, less) } else { (less, more) };
            let with = |value| limits.replace([(field.name, Value::Number(value))]).unwrap();
            assert_eq!(limits.loosened_by(&with(looser)), [field.name]);
            assert!(limits.loosened_by(&with(tighter)).is_empty(), "{}", field.name);
        }
    }

    #[test]
    fn switching_a_limit_off_loosens_and_switching_it_on_tightens() {
        let off = Limits::for_tier("growth").unwrap();
        let names = Value::Assets([Asset::new("BTC").unwrap()].into());
        let money = Value::Number(Nano::ONE);
        for (name, value) in [("max_order_notional", &money), ("stop_risk_budget", &money), ("assets", &names)] {
            let on = off.replace([(name, value.clone())]).unwrap();
            assert!(off.loosened_by(&on).is_empty());
            assert_eq!(on.loosened_by(&off), [name]);
        }
        let peak = off.replace([("drawdown_base", Value::Base(DrawdownBase::Peak))]).unwrap();
        assert_eq!(peak.loosened_by(&off), ["drawdown_base"]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let limits = Limits::for_tier("growth").unwrap();
        let half = Value::Number(thousandths(500));
        assert!(matches!(limits.replace([("max_levrage", half.clone())]), Err(LimitError::Unknown(_))));
        assert!(matches!(limits.replace([("max_leverage", half.clone())]), Err(LimitError::Range { .. })));
        assert!(matches!(limits.replace([("max_daily_trades", half)]), Err(LimitError::Range { .. })));
        assert!(matches!(limits.replace([("max_leverage", Value::Off)]), Err(LimitError::Range { .. })));
        let nine = Value::Number(Nano::whole(9));
        assert!(matches!(limits.replace([("stop_atr_min", nine)]), Err(LimitError::StopRange { .. })));
        assert!(Limits::for_tier("yolo").is_err());
    }
}
