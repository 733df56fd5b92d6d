//! A stop-loss is there, on the losing side of the entry price (buy: below, sell: above).
//!
//! A position without an end planned has none.

use crate::decide::Case;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
use crate::decide::Stop;

/// This rule.
pub const RULE: Rule = Rule {
    code: "stop_loss_required",
    passes_when: "a stop-loss is there, on the losing side of the entry price (buy: below, sell: above)",
    applies_to: "opening",
    why: "A position without an end planned has none.",
    example: "A buy at 100 with its stop at 101.",
    limits: &[],
    headroom: false,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// There is a stop, and it lies where losses are.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    Some(matches!(case.stop, Stop::Distance(_)))
}

/// Missing, or on the wrong side.
pub fn explain(case: &Case<'_>) -> Reason {
    let (entry, stop) = (Figure::from(case.entry), Figure::from(case.terms.stop_loss));
    let message = match case.stop {
        Stop::Missing => "the order has no stop-loss".to_owned(),
        _ => format!("the stop-loss of a {} must be on the losing side of the entry {entry}; it is {stop}", case.terms.side),
    };
    Reason { limit: entry, observed: stop, message }
}
