//! The asset has been marked and, where a list is set, is on the allow-list; an exit passes where a position exists.
//!
//! What has no trusted price cannot be measured, and what is not on the list was not meant to be traded.

use crate::decide::Case;
use crate::reason::{Reason, Word};
use crate::rules::{Passes, Rule};
/// This rule.
pub const RULE: Rule = Rule {
    code: "unknown_asset",
    passes_when: "the asset has been marked and, where a list is set, is on the allow-list; an exit passes where a position exists",
    applies_to: "all",
    why: "What has no trusted price cannot be measured, and what is not on the list was not meant to be traded.",
    example: "A buy of an asset that the feed never priced.",
    limits: &["assets"],
    headroom: true,
};

/// Asked for every order.
#[inline]
pub fn applies(_: &Case<'_>) -> bool {
    true
}

fn is_listed(case: &Case<'_>) -> bool {
    case.facts.limits.assets.as_ref().is_none_or(|assets| assets.contains(&case.terms.asset))
}

/// A way out of a position is never blocked.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let is_exit = !case.is_opening() && !case.facts.holding.position.is_zero();
    Some(is_exit || (case.mark().is_some() && is_listed(case)))
}

/// Not marked, or not listed.
pub fn explain(case: &Case<'_>) -> Reason {
    let asset = case.terms.asset;
    if is_listed(case) {
        return Reason::new(Word::Marked, Word::NeverMarked, format!("{asset} has never been marked, so nothing can be measured"));
    }
    Reason::new(Word::Listed, Word::NotListed, format!("{asset} is not on the list of assets that this vault may trade"))
}
