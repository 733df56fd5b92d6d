//! The client order id is new to `authorize`.
//!
//! A repeat after a lost answer must not become a second order.

use crate::decide::{Case, ClientId};
use crate::reason::{Reason, Word};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "duplicate_order",
    passes_when: "the client order id is new to `authorize`",
    applies_to: "all orders with an id",
    why: "A repeat after a lost answer must not become a second order.",
    example: "An order with id `a-1` for 2 BTC, after `a-1` was used for 1 BTC.",
    limits: &[],
    headroom: false,
};

/// Asked for orders that carry an id.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.facts.client_id != ClientId::Absent
}

/// The engine looked the id up.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    Some(case.facts.client_id != ClientId::Used)
}

/// The id was used.
pub fn explain(_: &Case<'_>) -> Reason {
    Reason::new(Word::New, Word::Used, "the client order id was used before; give each new order an id of its own")
}
