//! The breakers, one file each, in the order in which they are looked at.
//!
//! A breaker is a latch. `finds` says whether its condition is there; `Engine::look` trips it once; how it ends is its
//! [`Ending`]. To add one: write its file (`DOC`, `finds`) and its line in the registry below.

mod window;

use crate::codec::{Coded, Input};
use crate::decide::Caps;
use crate::limits::Limits;
use crate::reason::Reason;
use crate::state::{Account, TradingState};
use crate::time::Time;

pub(crate) use oracle_failure::Silence;
pub(crate) use price_move::Jump;
pub(crate) use window::{Content, Point, PriceWindow};

/// How a breaker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After a time that its limit names.
    Timed,
    /// With the next UTC day.
    NextDay,
    /// When its condition is gone.
    Cleared,
    /// When the operator resumes.
    Resume,
    /// When the owner reactivates, or withdraws everything.
    Reactivate,
}

/// What is known of a breaker, beside its check.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// Its code.
    pub code: &'static str,
    /// It trips when …
    pub trips_when: &'static str,
    /// What it does.
    pub effect: &'static str,
    /// It ends …
    pub ends: &'static str,
    /// Why there is such a breaker.
    pub why: &'static str,
    /// Its limits.
    pub limits: &'static [&'static str],
    /// The state it asks for.
    pub state: TradingState,
    /// The kind of its end.
    pub ending: Ending,
}

/// What breakers look at.
pub(crate) struct Watch<'a> {
    pub now: Time,
    pub limits: &'a Limits,
    pub caps: &'a Caps,
    pub account: &'a Account,
    /// The price move that this operation's mark made.
    pub jump: Option<&'a Jump>,
    /// Why the oracle has failed, where it has.
    pub silence: Option<Silence>,
    /// The fill of this operation that nobody approved.
    pub mismatch: Option<&'a Reason>,
}

/// A breaker that is tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// When it was found.
    pub since: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
    /// Why.
    pub cause: Reason,
}

macro_rules! registry {
    ($($variant:ident = $module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// A breaker.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Breaker { $(
            #[doc = concat!("`", stringify!($module), "`")]
            $variant
        ),+ }

        impl Breaker {
            /// Every breaker, in order.
            pub const ALL: [Self; [$(stringify!($module)),+].len()] = [$(Self::$variant),+];

            /// What is known of it.
            pub const fn doc(self) -> &'static Doc {
                match self { $(Self::$variant => &$module::DOC),+ }
            }

            /// Why it should trip now, if it should.
            pub(crate) fn finds(self, watch: &Watch<'_>) -> Option<Reason> {
                match self { $(Self::$variant => $module::finds(watch)),+ }
            }
        }

        /// The codes of the breakers, in order.
        pub const BREAKERS: [&str; Breaker::ALL.len()] = [$($module::DOC.code),+];
    };
}

registry![
    PriceMove = price_move,
    Drawdown = drawdown,
    DailyLoss = daily_loss,
    OracleFailure = oracle_failure,
    ConsecutiveLosses = consecutive_losses,
    ExecutionFailure = execution_failure,
    TradeLimit = trade_limit,
    Volatility = volatility,
    FillMismatch = fill_mismatch,
];

impl Breaker {
    /// Its code.
    pub const fn code(self) -> &'static str {
        self.doc().code
    }

    /// From its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|breaker| breaker.code() == code)
    }

    /// When a trip at `now` ends by itself, where it does.
    pub(crate) fn until(self, now: Time, limits: &Limits) -> Option<Time> {
        match (self, self.doc().ending) {
            (Self::PriceMove, _) => Some(now.after(limits.price_move_pause_s)),
            (Self::ConsecutiveLosses, _) => Some(now.after(limits.loss_pause_s)),
            (_, Ending::NextDay) => Some(now.day().next().start()),
            _ => None,
        }
    }

    /// Its place in the table.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// The latches of one vault.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Latches([Option<Box<Trip>>; Breaker::ALL.len()]);

impl Coded for Latches {
    fn encode(&self, out: &mut Vec<u8>) {
        for trip in &self.0 {
            trip.encode(out);
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let mut latches = Self::default();
        for trip in &mut latches.0 {
            *trip = Coded::decode(input)?;
        }
        Some(latches)
    }
}

impl Latches {
    pub fn get(&self, breaker: Breaker) -> Option<&Trip> {
        self.0.get(breaker.index()).and_then(Option::as_deref)
    }

    pub fn set(&mut self, breaker: Breaker, trip: Option<Trip>) {
        if let Some(slot) = self.0.get_mut(breaker.index()) {
            *slot = trip.map(Box::new);
        }
    }

    pub fn tripped(&self) -> impl Iterator<Item = (Breaker, &Trip)> {
        Breaker::ALL.into_iter().filter_map(|breaker| self.get(breaker).map(|trip| (breaker, trip)))
    }

    /// The strictest state that one of those that count asks for.
    pub fn state(&self, counts: impl Fn(Breaker) -> bool) -> TradingState {
        let asked = self.tripped().map(|(breaker, _)| breaker).filter(|breaker| counts(*breaker));
        asked.map(|breaker| breaker.doc().state).max().unwrap_or_default()
    }

    /// When the next one ends by itself.
    pub fn next_end(&self) -> Time {
        self.tripped().filter_map(|(_, trip)| trip.until).min().unwrap_or(Time::END)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_lists_the_table_of_the_specification() {
        let table = "price_move drawdown daily_loss oracle_failure consecutive_losses execution_failure trade_limit \
            volatility fill_mismatch";
        assert_eq!(BREAKERS.join(" "), table.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn every_breaker_names_only_limits_that_exist_and_is_found_by_its_code() {
        for breaker in Breaker::ALL {
            assert_eq!(Breaker::from_code(breaker.code()), Some(breaker));
            for limit in breaker.doc().limits {
                assert!(crate::limits::Field::named(limit).is_ok());
            }
        }
    }
}
