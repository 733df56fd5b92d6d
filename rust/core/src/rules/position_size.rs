//! Order notional <= the fraction x equity.
//!
//! No single idea may be big enough to decide the vault's fate.

use crate::decide::Case;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "position_size",
    passes_when: "order notional <= the fraction x equity",
    applies_to: "opening",
    why: "No single idea may be big enough to decide the vault's fate.",
    example: "Equity 10,000, fraction 25 %: a buy worth 2,500.01.",
    limits: &["max_position_fraction"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// The notional against its share of equity.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    Some(case.notional.is_some_and(|notional| notional <= case.facts.caps.notional))
}

/// The notional and its cap.
pub fn explain(case: &Case<'_>) -> Reason {
    let (cap, seen) = (case.facts.caps.notional, Figure::from(case.notional));
    let message = format!("the order is worth {seen}; at most {cap} is allowed at this equity");
    Reason { limit: cap.into(), observed: seen, message }
}
