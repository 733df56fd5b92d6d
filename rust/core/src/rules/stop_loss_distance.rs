//! The ATR is known, and the distance from entry to stop lies between two multiples of it.
//!
//! A stop within the noise is hit by chance; one far beyond it protects nothing.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::Reason;
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "stop_loss_distance",
    passes_when: "ATR known and > 0, and atr_min x ATR <= distance from entry to stop <= atr_max x ATR",
    applies_to: "opening, with a stop on the right side",
    why: "A stop within the noise is hit by chance; one far beyond it protects nothing.",
    example: "ATR 50, entry 1,000, stop 990: 0.2 ATR.",
    limits: &["stop_atr_min", "stop_atr_max"],
    headroom: false,
};

/// Asked for opening orders with a stop on the right side.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.stop_distance().is_some()
}

/// Both ends of the range belong to it.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let (Some(distance), Some(atr)) = (case.stop_distance(), case.facts.holding.atr) else { return Some(false) };
    let limits = case.facts.limits;
    let wide = distance.widened()?;
    Some(atr.is_positive() && limits.stop_atr_min.times(atr)? <= wide && wide <= limits.stop_atr_max.times(atr)?)
}

/// The distance, and the end that it missed.
pub fn explain(case: &Case<'_>) -> Reason {
    let (limits, distance) = (case.facts.limits, case.stop_distance().unwrap_or_default());
    let Some(atr) = case.facts.holding.atr.filter(|atr| atr.is_positive()) else {
        return Reason::new(None::<Nano>, distance, format!("{} has no ATR, so the stop's distance cannot be judged", case.terms.asset));
    };
    let (nearest, furthest) = (limits.stop_atr_min.times(atr), limits.stop_atr_max.times(atr));
    let too_near = distance.widened() < nearest;
    let (limit, word) = if too_near { (nearest, "near") } else { (furthest, "far") };
    let message = format!(
        "the stop is {distance} from the entry, too {word}: {} to {} x the ATR of {atr} is allowed",
        limits.stop_atr_min, limits.stop_atr_max
    );
    Reason::new(limit, distance, message)
}
