//! Opposite side to a non-flat position and quantity + other working reductions <= its size.
//!
//! An order that says it reduces must not be able to open or to turn the position round.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::Reason;
use crate::rules::{Passes, Rule};
use crate::order::Side;

/// This rule.
pub const RULE: Rule = Rule {
    code: "reduce_only",
    passes_when: "opposite side to a non-flat position and quantity + other working reductions <= its size",
    applies_to: "reduce-only",
    why: "An order that says it reduces must not be able to open or to turn the position round.",
    example: "Long 1 BTC, a reduce-only sell of 1.5 BTC.",
    limits: &[],
    headroom: false,
};

/// Asked for reduce-only orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    !case.is_opening()
}

fn working(case: &Case<'_>) -> Nano {
    match case.terms.side {
        Side::Buy => case.facts.holding.reducing_buys,
        Side::Sell => case.facts.holding.reducing_sells,
    }
}

/// All working reductions and this one together still leave the position on its side.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let position = case.facts.holding.position;
    let is_opposite = match case.terms.side {
        Side::Buy => position < Nano::ZERO,
        Side::Sell => position.is_positive(),
    };
    if !is_opposite {
        return Some(false);
    }
    Some(case.terms.quantity.plus(working(case))? <= position.size()?)
}

/// What could still be reduced.
pub fn explain(case: &Case<'_>) -> Reason {
    let (asset, side, position) = (case.terms.asset, case.terms.side, case.facts.holding.position);
    let is_opposite = if side == Side::Buy { position < Nano::ZERO } else { position.is_positive() };
    if !is_opposite {
        return Reason::new(Nano::ZERO, case.terms.quantity, format!("the position in {asset} is {position}: a {side} does not reduce it"));
    }
    let total = case.terms.quantity.plus(working(case));
    let message = format!("with the reductions already working this would sell or buy back more {asset} than is held ({position})");
    Reason::new(position.size(), total, message)
}
