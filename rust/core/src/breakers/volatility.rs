//! Trips when: market volatility given by the operator (a fraction) > 30 %.
//!
//! In such a market stops fill far from where they stand.

use crate::reason::{Reason, percent};
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "volatility",
    trips_when: "market volatility given by the operator (a fraction) > 30 %",
    effect: "halted",
    ends: "when volatility at or below it is given",
    why: "In such a market stops fill far from where they stand.",
    limits: &["volatility_max"],
    state: TradingState::Halted,
    ending: Ending::Cleared,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (seen, max) = (watch.account.volatility, watch.limits.volatility_max);
    (seen > max).then(|| Reason::new(max, seen, format!("market volatility is {}, above {}", percent(seen), percent(max))))
}
