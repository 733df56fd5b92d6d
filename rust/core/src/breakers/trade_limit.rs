//! Trips when: opening approvals in the UTC day reach the daily limit.
//!
//! Trading without end costs fees without end.

use crate::reason::Reason;
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "trade_limit",
    trips_when: "opening approvals in the UTC day reach the daily limit",
    effect: "reduce_only",
    ends: "with the next UTC day",
    why: "Trading without end costs fees without end.",
    limits: &["max_daily_trades"],
    state: TradingState::ReduceOnly,
    ending: Ending::NextDay,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (trades, max) = (watch.account.daily_trades, watch.limits.max_daily_trades);
    (trades >= max).then(|| Reason::new(max, trades, format!("{trades} openings were approved today")))
}
