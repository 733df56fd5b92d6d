//! Trips when: 3 failed submissions in a row (an acceptance, a first fill or `resume` starts the count anew).
//!
//! When the venue takes nothing, what is believed about it is wrong.

use crate::reason::Reason;
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "execution_failure",
    trips_when: "3 failed submissions in a row (an acceptance, a first fill or `resume` starts the count anew)",
    effect: "halted, alert",
    ends: "when the operator resumes",
    why: "When the venue takes nothing, what is believed about it is wrong.",
    limits: &["failures_in_row_max"],
    state: TradingState::Halted,
    ending: Ending::Resume,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (failures, max) = (watch.account.failures_in_row, watch.limits.failures_in_row_max);
    (failures >= max).then(|| Reason::new(max, failures, format!("{failures} submissions in a row failed")))
}
