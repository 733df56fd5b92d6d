//! Order leverage >= 1 and <= the maximum, and gross exposure after <= the maximum x equity.
//!
//! Borrowed exposure turns a small move against the vault into its end.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "leverage",
    passes_when: "order leverage >= 1 and <= the maximum, and gross exposure after <= the maximum x equity",
    applies_to: "opening",
    why: "Borrowed exposure turns a small move against the vault into its end.",
    example: "Equity 10,000, gross exposure 45,000, maximum 5: a buy worth 6,000.",
    limits: &["max_leverage"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

fn is_in_range(case: &Case<'_>) -> bool {
    (Nano::ONE..=case.facts.limits.max_leverage).contains(&case.terms.leverage)
}

/// Both the order's own leverage and the vault's.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    if case.facts.account.unmarked > 0 || case.exposure_after.is_none() {
        return Some(false);
    }
    Some(is_in_range(case) && case.sum_after(case.facts.account.gross)? <= case.facts.caps.gross)
}

/// Which of the two it was.
pub fn explain(case: &Case<'_>) -> Reason {
    let max = case.facts.limits.max_leverage;
    if !is_in_range(case) {
        let seen = case.terms.leverage;
        let missed = if seen < Nano::ONE { Nano::ONE } else { max };
        return Reason::new(missed, seen, format!("the order's leverage is {seen}; it must be from 1 to {max}"));
    }
    if case.facts.account.unmarked > 0 || case.exposure_after.is_none() {
        return Reason::new(case.facts.caps.gross, None::<Nano>, "the gross exposure cannot be measured without every price");
    }
    let (cap, after) = (case.facts.caps.gross, case.sum_after(case.facts.account.gross));
    let message = format!("gross exposure would be {}; at most {cap} ({max} x equity) is allowed", Figure::from(after));
    Reason::new(cap, after, message)
}
