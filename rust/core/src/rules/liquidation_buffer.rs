//! Distance / entry <= (1/leverage - maintenance margin) x 0.8.
//!
//! A stop past the liquidation price is never reached: the venue closes first, at its price.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::{Figure, Reason, percent};
use crate::rules::{Passes, Rule};
use std::cmp::Ordering;

use crate::wide::compare_products;

/// This rule.
pub const RULE: Rule = Rule {
    code: "liquidation_buffer",
    passes_when: "distance / entry <= (1/leverage - maintenance margin) x 0.8",
    applies_to: "opening, leverage > 1, with a stop on the right side",
    why: "A stop past the liquidation price is never reached: the venue closes first, at its price.",
    example: "Leverage 10, entry 100, stop 92: 8 % away, liquidation is 9 % away and 80 % of that is 7.2 %.",
    limits: &["maintenance_margin", "liquidation_share"],
    headroom: false,
};

/// Asked for opening orders on leverage, with a stop on the right side.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.terms.leverage > Nano::ONE && case.stop_distance().is_some()
}

/// `distance x leverage <= entry x (1 - margin x leverage) x share`, nothing divided.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let (Some(distance), Some(entry)) = (case.stop_distance(), case.entry) else { return Some(false) };
    let (limits, leverage) = (case.facts.limits, case.terms.leverage);
    let one = Nano::ONE.widened()?;
    let room = one.minus(limits.maintenance_margin.times(leverage)?)?;
    let (left, right) = (distance.times(leverage)?, entry.times(limits.liquidation_share)?);
    Some(compare_products(left.raw(), one.raw(), right.raw(), room.raw()) != Ordering::Greater)
}

/// The distance, and the furthest that it may be.
pub fn explain(case: &Case<'_>) -> Reason {
    let (limits, leverage) = (case.facts.limits, case.terms.leverage);
    let distance = case.stop_distance();
    // For the sentence only: rounded down at each step, so never further than is allowed.
    let room = || {
        let room = Nano::ONE.widened()?.minus(limits.maintenance_margin.times(leverage)?)?.per_unit(leverage)?;
        case.entry?.times(room)?.share_floor(limits.liquidation_share).per_unit(Nano::ONE)
    };
    let furthest = Figure::from(room());
    let message = format!(
        "at leverage {leverage} the stop may be at most {furthest} from the entry ({} of the way to liquidation); it is {}",
        percent(limits.liquidation_share),
        Figure::from(distance)
    );
    Reason { limit: furthest, observed: distance.into(), message }
}
