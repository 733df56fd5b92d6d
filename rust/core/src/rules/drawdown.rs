//! Base - equity < the maximum x base.
//!
//! Capital that is gone cannot be traded back; the owner decides what happens next.

use crate::decide::Case;
use crate::reason::{Figure, Reason, percent};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "drawdown",
    passes_when: "base - equity < the maximum x base",
    applies_to: "opening",
    why: "Capital that is gone cannot be traded back; the owner decides what happens next.",
    example: "Deposit 10,000, equity 8,500, maximum 15 %.",
    limits: &["max_drawdown", "drawdown_base"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// Strictly below: the breaker trips at the limit.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let account = case.facts.account;
    let lost = account.base(case.facts.limits).minus(account.equity)?;
    Some(account.equity.is_positive() && lost < case.facts.caps.drawdown)
}

/// What was lost from the base, and its limit.
pub fn explain(case: &Case<'_>) -> Reason {
    let (cap, base) = (case.facts.caps.drawdown, case.facts.account.base(case.facts.limits));
    let lost = Figure::from(base.minus(case.facts.account.equity));
    let share = percent(case.facts.limits.max_drawdown);
    let message = format!("{lost} of the base of {base} is lost; it must stay below {cap} ({share})");
    Reason { limit: cap.into(), observed: lost, message }
}
