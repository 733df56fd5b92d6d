//! A token is left: bucket of 20, refilled continuously at 60 a minute.
//!
//! A model in a loop sends orders faster than anyone can stop it.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::Reason;
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "order_rate",
    passes_when: "a token is left: bucket of 20, refilled continuously at 60 a minute",
    applies_to: "opening, by the agent",
    why: "A model in a loop sends orders faster than anyone can stop it.",
    example: "The 21st opening order within a second.",
    limits: &["orders_per_minute", "order_burst"],
    headroom: true,
};

/// Asked for opening orders by the agent.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_agent_opening()
}

/// The bucket only fills with time, so one that had a token still has it.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let (bucket, limits) = (case.facts.account.bucket, case.facts.limits);
    Some(bucket.has_token() || bucket.at(case.facts.now, limits.orders_per_minute, limits.order_burst).has_token())
}

/// The tokens that are left.
pub fn explain(case: &Case<'_>) -> Reason {
    let limits = case.facts.limits;
    let tokens = case.facts.account.bucket.at(case.facts.now, limits.orders_per_minute, limits.order_burst).tokens();
    let message = format!(
        "too many orders: {} at once and {} a minute are allowed; wait until the next one is free",
        limits.order_burst, limits.orders_per_minute
    );
    Reason::new(Nano::ONE, tokens, message)
}
