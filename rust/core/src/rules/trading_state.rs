//! The state allows this origin and kind of order.
//!
//! A breaker, a pause or a kill must bind whoever keeps proposing.

use crate::decide::Case;
use crate::order::Origin;
use crate::reason::{Reason, Word};
use crate::rules::{Passes, Rule};
use crate::state::TradingState;

/// This rule.
pub const RULE: Rule = Rule {
    code: "trading_state",
    passes_when: "the state allows this origin and kind of order",
    applies_to: "all",
    why: "A breaker, a pause or a kill must bind whoever keeps proposing.",
    example: "The vault is reduce_only after its daily loss; the agent proposes to buy.",
    limits: &[],
    headroom: true,
};

/// Asked for every order.
#[inline]
pub fn applies(_: &Case<'_>) -> bool {
    true
}

/// Owner and protection never open; the agent opens only in `active`, and does nothing in `halted`.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let state = case.facts.account.state;
    Some(match (case.origin, case.is_opening()) {
        (Origin::Agent, true) => state == TradingState::Active,
        (Origin::Agent, false) => state != TradingState::Halted,
        (_, opening) => !opening,
    })
}

/// The state, and what it allows.
pub fn explain(case: &Case<'_>) -> Reason {
    let state = case.facts.account.state;
    if case.is_opening() && case.origin != Origin::Agent {
        return Reason::new(Word::ReduceOnly, Word::Opening, format!("the {} can close positions but never open them", case.origin));
    }
    let kind = if case.is_opening() { "open" } else { "close" };
    let needed = if case.is_opening() { Word::Active } else { Word::ReduceOnly };
    Reason::new(needed, state, format!("the vault is {state}, so the agent cannot {kind} anything"))
}
