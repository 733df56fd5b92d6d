//! What would be lost if every stop were hit (positions from mark to the furthest stop of the orders that built them, working openings and this order from entry to stop) <= the budget less the day's loss so far.
//!
//! All stops can be hit in one minute; their sum is the loss that was agreed to.

use crate::decide::Case;
use crate::num::Atto;
use crate::reason::{Figure, Reason};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "stop_risk_budget",
    passes_when: "what would be lost if every stop were hit (positions from mark to the furthest stop of the orders that built them, working openings and this order from entry to stop) <= the budget less the day's loss so far",
    applies_to: "opening, with a stop on the right side; off unless set",
    why: "All stops can be hit in one minute; their sum is the loss that was agreed to.",
    example: "Budget 2 % of 10,000, stops already risk 150: a buy that risks 60.",
    limits: &["stop_risk_budget"],
    headroom: false,
};

/// Asked for opening orders with a stop on the right side, where the budget is set.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.facts.caps.stop_risk.is_some() && case.stop_distance().is_some()
}

fn risk_after(case: &Case<'_>) -> Option<Atto> {
    case.facts.account.stop_risk.plus(case.terms.quantity.times(case.stop_distance()?)?)
}

fn room(case: &Case<'_>) -> Option<Atto> {
    case.facts.caps.stop_risk?.minus(case.facts.account.day_loss()?)
}

/// Every stop together against what is left of the budget.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    if case.facts.account.stop_unknown > 0 {
        return Some(false);
    }
    Some(risk_after(case)? <= room(case)?)
}

/// The sum and what is left.
pub fn explain(case: &Case<'_>) -> Reason {
    let left = Figure::from(room(case));
    if case.facts.account.stop_unknown > 0 {
        let message = "a position has no known stop or no price, so what the stops would lose cannot be summed";
        return Reason { limit: left, observed: Figure::Unknown, message: message.to_owned() };
    }
    let after = Figure::from(risk_after(case));
    let message = format!("if every stop were hit {after} would be lost; {left} is left of the day's budget");
    Reason { limit: left, observed: after, message }
}
