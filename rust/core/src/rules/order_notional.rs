//! Order notional <= an absolute cap.
//!
//! A cap in money catches what a fraction of a wrong equity lets through.

use crate::decide::Case;
use crate::num::{Atto, Nano};
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "order_notional",
    passes_when: "order notional <= an absolute cap",
    applies_to: "opening; off unless set",
    why: "A cap in money catches what a fraction of a wrong equity lets through.",
    example: "Cap 5,000: a buy worth 5,001.",
    limits: &["max_order_notional"],
    headroom: true,
};

/// Asked for opening orders, where the cap is set.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening() && case.facts.limits.max_order_notional.is_some()
}

fn cap(case: &Case<'_>) -> Option<Atto> {
    case.facts.limits.max_order_notional.and_then(Nano::widened)
}

/// The notional against the cap.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let cap = cap(case)?;
    Some(case.notional.is_some_and(|notional| notional <= cap))
}

/// The notional and the cap.
pub fn explain(case: &Case<'_>) -> Reason {
    let (cap, seen) = (Figure::from(cap(case)), Figure::from(case.notional));
    let message = format!("the order is worth {seen}; at most {cap} is allowed in one order");
    Reason { limit: cap, observed: seen, message }
}
