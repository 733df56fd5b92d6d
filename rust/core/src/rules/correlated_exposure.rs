//! The sum of exposures after in the asset's correlation group <= the cap x equity; gross, no credit for hedges.
//!
//! What falls together is one position, whatever it is called.

use crate::decide::Case;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "correlated_exposure",
    passes_when: "the sum of exposures after in the asset's correlation group <= the cap x equity; gross, no credit for hedges",
    applies_to: "opening",
    why: "What falls together is one position, whatever it is called.",
    example: "Cap 150 %, 14,000 in the majors at equity 10,000: a buy of ETH worth 1,500.",
    limits: &["max_correlated_exposure"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// The group's sum against its share of equity.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    if case.facts.group.unmarked > 0 || case.exposure_after.is_none() {
        return Some(false);
    }
    Some(case.sum_after(case.facts.group.exposure)? <= case.facts.caps.group)
}

/// The group's sum and its cap.
pub fn explain(case: &Case<'_>) -> Reason {
    let cap = case.facts.caps.group;
    let after = if case.facts.group.unmarked > 0 { None } else { case.sum_after(case.facts.group.exposure) };
    let after = Figure::from(after);
    let message = format!("exposure in the correlation group of {} would be {after}; at most {cap} is allowed at this equity", case.terms.asset);
    Reason { limit: cap.into(), observed: after, message }
}
