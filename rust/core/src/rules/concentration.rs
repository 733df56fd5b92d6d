//! The asset's exposure after <= 60 % of equity.
//!
//! One asset's bad night must not be the vault's.

use crate::decide::Case;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "concentration",
    passes_when: "the asset's exposure after <= 60 % of equity",
    applies_to: "opening",
    why: "One asset's bad night must not be the vault's.",
    example: "Equity 10,000, 5,500 in BTC, a buy of BTC worth 600.",
    limits: &["max_concentration"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// The asset's worst case against its share of equity.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    Some(case.exposure_after.is_some_and(|after| after <= case.facts.caps.asset))
}

/// The exposure and its cap.
pub fn explain(case: &Case<'_>) -> Reason {
    let (cap, after) = (case.facts.caps.asset, Figure::from(case.exposure_after));
    let message = format!("exposure in {} would be {after}; at most {cap} is allowed at this equity", case.terms.asset);
    Reason { limit: cap.into(), observed: after, message }
}
