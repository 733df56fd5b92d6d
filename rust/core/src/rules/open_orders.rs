//! Working orders after <= 50.
//!
//! Orders that wait can all fill at once.

use crate::decide::Case;
use crate::reason::Reason;
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "open_orders",
    passes_when: "working orders after <= 50",
    applies_to: "opening",
    why: "Orders that wait can all fill at once.",
    example: "50 orders are working and another one is proposed.",
    limits: &["max_open_orders"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// This one counted.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    Some(case.facts.account.working < case.facts.limits.max_open_orders)
}

/// How many there would be.
pub fn explain(case: &Case<'_>) -> Reason {
    let (max, after) = (case.facts.limits.max_open_orders, case.facts.account.working.saturating_add(1));
    Reason::new(max, after, format!("{after} orders would be working; at most {max} are allowed"))
}
