//! Day loss < the limit x the day's opening equity.
//!
//! A bad day must not be traded back.

use crate::decide::Case;
use crate::reason::{Figure, Reason, percent};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "daily_loss",
    passes_when: "day loss < the limit x the day's opening equity",
    applies_to: "opening",
    why: "A bad day must not be traded back.",
    example: "The day opened at 10,000, equity is 9,600, limit 4 %.",
    limits: &["max_daily_loss"],
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
    Some(account.equity.is_positive() && account.day_loss()? < case.facts.caps.day_loss)
}

/// The day's loss and its limit.
pub fn explain(case: &Case<'_>) -> Reason {
    let (cap, loss) = (case.facts.caps.day_loss, Figure::from(case.facts.account.day_loss()));
    let share = percent(case.facts.limits.max_daily_loss);
    let message = format!("the day's loss is {loss}; it must stay below {cap} ({share} of the day's opening equity)");
    Reason { limit: cap.into(), observed: loss, message }
}
