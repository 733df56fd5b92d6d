//! Trips when: 5 losing round trips in a row, any asset.
//!
//! A model that keeps losing is not in the market it was made for.

use crate::reason::Reason;
use crate::state::TradingState;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "consecutive_losses",
    trips_when: "5 losing round trips in a row, any asset",
    effect: "halted for the agent; asks the model layer to recalibrate",
    ends: "30 minutes later; the streak is 0 again from its end",
    why: "A model that keeps losing is not in the market it was made for.",
    limits: &["losses_in_row_max", "loss_pause_s"],
    state: TradingState::Halted,
    ending: Ending::Timed,
};

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let (streak, max) = (watch.account.loss_streak, watch.limits.losses_in_row_max);
    (streak >= max).then(|| Reason::new(max, streak, format!("{streak} round trips in a row were lost")))
}
