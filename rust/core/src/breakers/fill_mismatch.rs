//! Trips when: a fill with no approval, or more than was approved.
//!
//! Something trades in this account that the gate has not approved.

use crate::reason::Reason;
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "fill_mismatch",
    trips_when: "a fill with no approval, or more than was approved",
    effect: "recorded, reduce_only, alert",
    ends: "when the operator resumes",
    why: "Something trades in this account that the gate has not approved.",
    limits: &[],
    state: TradingState::ReduceOnly,
    ending: Ending::Resume,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    watch.mismatch.cloned()
}
