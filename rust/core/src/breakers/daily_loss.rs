//! Trips when: day loss >= the limit x the day's opening equity.
//!
//! A bad day must not be traded back.

use crate::reason::{Reason, percent};
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "daily_loss",
    trips_when: "day loss >= the limit x the day's opening equity",
    effect: "reduce_only",
    ends: "with the next UTC day",
    why: "A bad day must not be traded back.",
    limits: &["max_daily_loss"],
    state: TradingState::ReduceOnly,
    ending: Ending::NextDay,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (account, cap) = (watch.account, watch.caps.day_loss);
    let loss = account.day_loss();
    let is_there = account.funded && loss.is_none_or(|loss| loss >= cap);
    is_there.then(|| {
        let max = percent(watch.limits.max_daily_loss);
        let message =
            format!("the day opened at {} and equity is {}: a loss of {max} or more", account.day_opening, account.equity);
        Reason::new(cap, loss, message)
    })
}
