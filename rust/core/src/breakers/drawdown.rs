//! Trips when: base - equity >= the maximum x base.
//!
//! Past this point the owner decides, not the model.

use crate::reason::{Reason, percent};
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "drawdown",
    trips_when: "base - equity >= the maximum x base",
    effect: "cancel all working orders, then reduce_only; the owner is notified",
    ends: "when the owner reactivates, or withdraws everything",
    why: "Past this point the owner decides, not the model.",
    limits: &["max_drawdown", "drawdown_base"],
    state: TradingState::ReduceOnly,
    ending: Ending::Reactivate,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (account, cap) = (watch.account, watch.caps.drawdown);
    let base = account.base(watch.limits);
    let lost = base.minus(account.equity);
    // Nothing is lost before the first deposit.
    let is_there = account.funded && lost.is_none_or(|lost| lost >= cap);
    is_there.then(|| {
        let max = percent(watch.limits.max_drawdown);
        let message = format!("equity is {}, {max} or more below the base of {base}", account.equity);
        Reason::new(cap, lost, message)
    })
}
