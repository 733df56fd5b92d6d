//! The limit price is within 5 % of the mark.
//!
//! A far limit is a way to give money away; a market exit is always open.

use crate::decide::Case;
use crate::num::Nano;
use crate::order::Origin;
use crate::reason::{Figure, Reason, percent};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "price_collar",
    passes_when: "the limit price is within 5 % of the mark",
    applies_to: "every agent order with a limit price, exits too",
    why: "A far limit is a way to give money away; a market exit is always open.",
    example: "Mark 100, an agent's sell at a limit of 94.",
    limits: &["price_collar"],
    headroom: false,
};

/// Asked for every order of the agent that has a limit price.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.terms.price.is_some() && case.origin == Origin::Agent
}

/// Both ends belong to the collar.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let (Some(price), Some(mark)) = (case.terms.price, case.mark()) else { return Some(false) };
    Some(price.minus(mark.price)?.size()?.widened()? <= case.facts.limits.price_collar.times(mark.price)?)
}

/// How far it is, and may be.
pub fn explain(case: &Case<'_>) -> Reason {
    let (Some(price), Some(mark)) = (case.terms.price, case.mark()) else {
        return Reason::new(None::<Nano>, case.terms.price, format!("{} has no mark to hold the limit price against", case.terms.asset));
    };
    let (collar, mark) = (case.facts.limits.price_collar, mark.price);
    let away = price.minus(mark).and_then(Nano::size);
    let message = format!("the limit price {price} is {} from the mark {mark}; {} is allowed", Figure::from(away), percent(collar));
    Reason::new(collar.times(mark), away, message)
}
